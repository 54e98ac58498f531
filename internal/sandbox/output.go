package sandbox

import (
	"encoding/base64"
	"mime"
	"strings"
)

// NewOutput makes an output of the forms of a value by their MIME types, as notebooks hand them out: what is in base64 there is
// bytes here. A form that claims to be binary and is not base64 was made by the code itself and helps nobody. Where there is no
// plain text, the name of a form stands for it.
func NewOutput(forms map[string]string) Output {
	out := Output{Text: forms["text/plain"]}
	for form, data := range forms {
		if form == "text/plain" {
			continue
		}
		content := []byte(data)
		if isBinary(form) {
			var err error
			if content, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data), "")); err != nil {
				continue
			}
		}
		if out.MIME == nil {
			out.MIME = make(map[string][]byte)
		}
		out.MIME[form] = content
	}
	for form := range out.MIME { // the least of them, so that the same value always reads the same
		if stand := "<" + form + ">"; forms["text/plain"] == "" && (out.Text == "" || stand < out.Text) {
			out.Text = stand
		}
	}
	return out
}

// isBinary reports whether a form is in base64, by the rule of notebooks.
func isBinary(form string) bool {
	kind, _, err := mime.ParseMediaType(form)
	if err != nil {
		return false
	}
	switch kind {
	case "image/svg+xml":
		return false
	case "application/pdf", "application/octet-stream", "application/zip", "application/gzip":
		return true
	}
	group, _, _ := strings.Cut(kind, "/")
	return group == "image" || group == "audio" || group == "video" || group == "font"
}

// EndLine ends the last line of a text.
func EndLine(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}
