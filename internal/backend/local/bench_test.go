package local_test

import (
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func BenchmarkPrintHi(b *testing.B) {
	s, err := shared.backend.Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(b.Context())
	cc, err := s.CreateContext(b.Context(), sandbox.Python)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if result, err := s.Run(b.Context(), cc.ID, sandbox.Run{Code: "print('hi')"}); err != nil || result.Stdout != "hi\n" {
			b.Fatalf("Run = %+v, %v", result, err)
		}
	}
}

func BenchmarkNewContext(b *testing.B) {
	s, err := shared.backend.Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(b.Context())
	for b.Loop() {
		cc, err := s.CreateContext(b.Context(), sandbox.Python)
		if err != nil {
			b.Fatal(err)
		}
		if result, err := s.Run(b.Context(), cc.ID, sandbox.Run{Code: "print('hi')"}); err != nil || result.Stdout != "hi\n" {
			b.Fatalf("Run = %+v, %v", result, err)
		}
		if err := s.StopContext(b.Context(), cc.ID); err != nil {
			b.Fatal(err)
		}
	}
}
