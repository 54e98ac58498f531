package ui

import (
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

var benchSize = fyne.NewSize(1080, 700)

// BenchmarkEqual draws a view that looks like the one before and is made of other slices, as the host makes them.
func BenchmarkEqual(b *testing.B) {
	r := newRig(b, kit.AlwaysLight, benchSize, Options{Language: "en"})
	one := manyView(20, 1000)
	other := one
	other.Contexts, other.Sessions = slices.Clone(one.Contexts), slices.Clone(one.Sessions)
	r.window.Render(one)
	for b.Loop() {
		r.window.Render(other)
	}
}

// BenchmarkChanged draws views with 20 sessions and 1,000 contexts of which every session and a context have changed.
func BenchmarkChanged(b *testing.B) {
	for _, place := range Places() {
		b.Run(string(place), func(b *testing.B) {
			r := newRig(b, kit.AlwaysLight, benchSize, Options{Language: "en"})
			r.window.Open(place)
			v := manyView(20, 1000)
			r.window.Render(v)
			n := 0
			for b.Loop() {
				n++
				v.Contexts, v.Sessions = slices.Clone(v.Contexts), slices.Clone(v.Sessions)
				v.Contexts[n%1000].Runs++
				v.Contexts[n%1000].LastUsed = v.Contexts[n%1000].LastUsed.Add(time.Second)
				for s := range v.Sessions {
					v.Sessions[s].Contexts = (v.Sessions[s].Contexts + 1) % 30
				}
				v.Now = v.Now.Add(time.Second)
				r.window.Render(v)
			}
		})
	}
}

// BenchmarkOpen draws a window from nothing.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		r := newRig(b, kit.AlwaysLight, benchSize, Options{Language: "en"})
		r.window.Render(busyView())
	}
}
