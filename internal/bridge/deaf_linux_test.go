package bridge

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestNobodyWaitsForCallsWhoseAnswersNobodyReads(t *testing.T) {
	reader, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	atTheEnd(t, Parent{}, stdout, func() { reader.Close() })
}

func TestAnOpenOutputIsNotDeaf(t *testing.T) {
	reader, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer pipe.Close()
	pipe.WriteString("unread") // what waits to be read says nothing about the reader
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, out := range map[string]*os.File{"pipe": pipe, "file": file} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if awaitDeaf(ctx, out) || ctx.Err() == nil {
			t.Errorf("awaitDeaf of an open %s = true, want false at the end of the context (%v)", name, ctx.Err())
		}
		cancel()
	}
}
