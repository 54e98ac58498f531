package local

import (
	"reflect"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestBundlesBecomeBytes(t *testing.T) {
	tests := []struct {
		name   string
		bundle localengine.Bundle
		want   sandbox.Output
	}{
		{"plain text", localengine.Bundle{"text/plain": "3"}, sandbox.Output{Text: "3"}},
		{
			"an image",
			localengine.Bundle{"text/plain": "<Figure>", "image/png": "iVBO\nRw=="},
			sandbox.Output{Text: "<Figure>", MIME: map[string][]byte{"image/png": []byte("\x89PNG")}},
		},
		{
			"forms that are text",
			localengine.Bundle{"text/plain": "x", "text/html": "<b>", "image/svg+xml": "<svg/>", "application/json": "{}", "application/vnd.x+json": "[]"},
			sandbox.Output{Text: "x", MIME: map[string][]byte{
				"text/html": []byte("<b>"), "image/svg+xml": []byte("<svg/>"), "application/json": []byte("{}"), "application/vnd.x+json": []byte("[]"),
			}},
		},
		{"a form with a parameter", localengine.Bundle{"text/plain": "x", "Image/JPEG; q=1": "AQI="}, sandbox.Output{Text: "x", MIME: map[string][]byte{"Image/JPEG; q=1": {1, 2}}}},
		{"an image that is none", localengine.Bundle{"text/plain": "x", "image/png": "not base64!"}, sandbox.Output{Text: "x"}},
		{"no plain text", localengine.Bundle{"application/pdf": "AQI="}, sandbox.Output{Text: "<application/pdf>", MIME: map[string][]byte{"application/pdf": {1, 2}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := output(test.bundle); !reflect.DeepEqual(got, test.want) {
				t.Errorf("output(%v) = %+v, want %+v", test.bundle, got, test.want)
			}
		})
	}
}

func TestWhatIsLeftOutIsSaid(t *testing.T) {
	var c collector
	c.take(localengine.Event{Kind: localengine.Display, Bundle: localengine.Bundle{"text/plain": "shown"}})
	result := c.result(localengine.Result{Cut: localengine.Cut{Stdout: 1, Stderr: 2, Displays: 3, Forms: 4}})
	if result.Cut.Stdout != 1 || result.Cut.Stderr != 2 || len(result.Displays) != 3 {
		t.Errorf("result = %+v, want the cuts, the display, and a word for each kind of thing that is missing", result)
	}
}
