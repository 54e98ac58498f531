// Package version says which build of AgentRun Tray this is. Every program prints it, the host
// publishes it, and the relay compares it before and after a restart of the host.
package version

import (
	"runtime/debug"
	"sync"
)

// number is set by the release build: -ldflags "-X github.com/agentrun-tray/agentrun-tray/internal/version.number=1.2.3".
var number string

// String returns the version of this build: the number of a release, else what the Go toolchain
// recorded (the module version, or "dev-" and the commit), else "dev". It never contains a space.
func String() string { return current() }

var current = sync.OnceValue(func() string {
	info, _ := debug.ReadBuildInfo()
	return describe(number, info)
})

func describe(number string, info *debug.BuildInfo) string {
	if number != "" {
		return number
	}
	if info == nil {
		return "dev"
	}
	var revision, dirty string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	switch {
	case revision != "":
		return "dev-" + revision + dirty
	case info.Main.Version != "" && info.Main.Version != "(devel)":
		return info.Main.Version
	default:
		return "dev"
	}
}
