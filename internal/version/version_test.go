package version

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	vcs := func(revision, modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
	}
	for _, tt := range []struct {
		name, number string
		info         *debug.BuildInfo
		want         string
	}{
		{"a release number wins over everything", "1.2.3", &debug.BuildInfo{Settings: vcs("0123456789abcdef", "true")}, "1.2.3"},
		{"without build information it is dev", "", nil, "dev"},
		{"an empty build information is dev", "", &debug.BuildInfo{}, "dev"},
		{"a local build is dev", "", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "dev"},
		{"an installed module says its version", "", &debug.BuildInfo{Main: debug.Module{Version: "v0.4.0"}}, "v0.4.0"},
		{"a checkout says its commit", "", &debug.BuildInfo{Settings: vcs("0123456789abcdef", "false")}, "dev-0123456789ab"},
		{"an edited checkout says so", "", &debug.BuildInfo{Settings: vcs("0123456789abcdef", "true")}, "dev-0123456789ab-dirty"},
		{"a short revision is kept whole", "", &debug.BuildInfo{Settings: vcs("abc", "false")}, "dev-abc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := describe(tt.number, tt.info); got != tt.want {
				t.Errorf("describe() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStringIsOneWord(t *testing.T) {
	if got := String(); got == "" || strings.ContainsAny(got, " \n") {
		t.Errorf("String() = %q, want one word", got)
	}
}
