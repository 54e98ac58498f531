package app

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestAHostThatEndsShowsNoWindow, as it would be gone in a moment: whoever asks waits for the end, and starts the next one.
func TestAHostThatEndsShowsNoWindow(t *testing.T) {
	shown := 0
	a := &App{opt: Options{ShowWindow: func() { shown++ }}}
	a.beginEnd()
	got := httptest.NewRecorder()
	a.showWindow(got, nil)
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Content-Type") != "application/json" || shown > 0 {
		t.Errorf("POST /window/show = %d, and the window was shown %d times, want 503 and 0", got.Code, shown)
	}
}
