package main

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func ourProduct(t *testing.T) product {
	t.Helper()
	p, err := readProduct(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheManifestSaysWhatThePackagingKnows(t *testing.T) {
	p := ourProduct(t)
	toml, err := os.ReadFile(filepath.Join("..", "..", "FyneApp.toml"))
	if err != nil {
		t.Fatal(err)
	}
	m := newManifest(p, offer{}, targets[len(targets)-1])
	for what, value := range map[string]string{"name": m.DisplayName, "version": m.Version, "description": m.Description, "web site": m.Homepage, "keyword": m.Keywords[0]} {
		if value == "" || !strings.Contains(string(toml), `"`+value+`"`) {
			t.Errorf("the %s is %q, which FyneApp.toml does not have", what, value)
		}
	}
	if m.License != "Apache-2.0" || m.Server.EntryPoint != "server/agentrun-mcp.exe" || m.Server.Config.Command != "${__dirname}/server/agentrun-mcp.exe" || m.Compatibility.Platforms[0] != "win32" {
		t.Errorf("the manifest for Windows is %+v", m)
	}
	if len(m.Server.Config.Env) > 0 || len(m.Server.Config.Args) > 0 {
		t.Errorf("the relay gets %+v, and takes nothing", m.Server.Config)
	}
	han := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	}
	chinese := newTranslation(p, offer{})
	if han(m.Description+m.LongDescription+strings.Join(m.Keywords, "")) || !han(chinese.Description) || !han(chinese.LongDescription) {
		t.Errorf("languages are mixed up:\n%+v\n%+v", m, chinese)
	}
	if got := strings.Count(m.LongDescription, "\n\n"); got != 2 || strings.Count(chinese.LongDescription, "\n\n") != got {
		t.Errorf("the long descriptions are\n%s\n%s\nwant what the bundle is and the two paragraphs of the AppStream data", m.LongDescription, chinese.LongDescription)
	}
}

func TestAToolIsDescribedByItsFirstSentence(t *testing.T) {
	for _, tc := range []struct{ whole, want string }{
		{"Lists files.", "Lists files."},
		{"Lists contexts, newest first. Answers at once.", "Lists contexts, newest first."},
		{"Runs code.\nOne run at a time.", "Runs code."},
	} {
		if got := newTool(&mcp.Tool{Name: "x", Description: tc.whole}).Description; got != tc.want {
			t.Errorf("of %q is left %q, want %q", tc.whole, got, tc.want)
		}
	}
}

func TestTheIconIsThatOfTheApp(t *testing.T) {
	data, err := draw(ourProduct(t).Icon)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	at := func(x, y int) [4]uint32 {
		r, g, b, a := picture.At(x, y).RGBA()
		return [4]uint32{r >> 8, g >> 8, b >> 8, a >> 8}
	}
	if corner, ground, mark := at(0, 0), at(100, 256), at(260, 256); corner[3] != 0 || ground != [4]uint32{0x3E, 0x63, 0xDD, 255} || mark != [4]uint32{255, 255, 255, 255} {
		t.Errorf("corner, ground and mark are %v, %v, %v", corner, ground, mark)
	}
}

// TestUniversal reads with Go's own reader what is made for macOS.
func TestUniversal(t *testing.T) {
	fake := func(cpu macho.Cpu, size int) []byte {
		b := make([]byte, size)
		for at, v := range []uint32{0xFEEDFACF, uint32(cpu), 3, 2} { // magic, processor, its kind, a program
			binary.LittleEndian.PutUint32(b[4*at:], v)
		}
		b[size-1] = byte(cpu)
		return b
	}
	intel, arm := fake(macho.CpuAmd64, 40_001), fake(macho.CpuArm64, 1<<pageBits)
	both, err := universal([][]byte{intel, arm})
	if err != nil {
		t.Fatal(err)
	}
	f, err := macho.NewFatFile(bytes.NewReader(both))
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range [][]byte{intel, arm} {
		a := f.Arches[n]
		got, err := io.ReadAll(io.NewSectionReader(bytes.NewReader(both), int64(a.Offset), int64(a.Size)))
		if err != nil || !slices.Equal(got, want) || a.Offset%(1<<pageBits) != 0 {
			t.Errorf("the program for %v at %#x is not what was put in (%v)", a.Cpu, a.Offset, err)
		}
	}
	if _, err := universal([][]byte{[]byte("MZ, of another system")}); err == nil {
		t.Error("a program of another system was taken")
	}
}
