package sandbox

import (
	"reflect"
	"testing"
)

func TestFormsBecomeBytes(t *testing.T) {
	tests := []struct {
		name  string
		forms map[string]string
		want  Output
	}{
		{"plain text", map[string]string{"text/plain": "3"}, Output{Text: "3"}},
		{
			"an image",
			map[string]string{"text/plain": "<Figure>", "image/png": "iVBO\nRw=="},
			Output{Text: "<Figure>", MIME: map[string][]byte{"image/png": []byte("\x89PNG")}},
		},
		{
			"forms that are text",
			map[string]string{"text/plain": "x", "text/html": "<b>", "image/svg+xml": "<svg/>", "application/json": "{}", "application/vnd.x+json": "[]"},
			Output{Text: "x", MIME: map[string][]byte{
				"text/html": []byte("<b>"), "image/svg+xml": []byte("<svg/>"), "application/json": []byte("{}"), "application/vnd.x+json": []byte("[]"),
			}},
		},
		{"a form with a parameter", map[string]string{"text/plain": "x", "Image/JPEG; q=1": "AQI="}, Output{Text: "x", MIME: map[string][]byte{"Image/JPEG; q=1": {1, 2}}}},
		{"an image that is none", map[string]string{"text/plain": "x", "image/png": "not base64!"}, Output{Text: "x"}},
		{"no plain text in two forms", map[string]string{"text/html": "<b>", "application/pdf": "AQI="}, Output{Text: "<application/pdf>", MIME: map[string][]byte{"text/html": []byte("<b>"), "application/pdf": {1, 2}}}},
		{"no plain text", map[string]string{"application/pdf": "AQI="}, Output{Text: "<application/pdf>", MIME: map[string][]byte{"application/pdf": {1, 2}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := NewOutput(test.forms); !reflect.DeepEqual(got, test.want) {
				t.Errorf("NewOutput(%v) = %+v, want %+v", test.forms, got, test.want)
			}
		})
	}
}
