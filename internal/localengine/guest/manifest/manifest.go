// Package manifest says what the embedded engine is made of: the packed files in dist, the archives they were built from, and
// every file of this repository that took part. The build writes it with the command in cmd/manifest, the package guest carries
// it, and a test there measures the tree again: a source that was changed and not rebuilt shows.
package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Manifest holds only content: no dates, no names of machines, so that building twice gives the same manifest.
type Manifest struct {
	// Artifacts are the embedded files.
	Artifacts []Artifact `json:"artifacts"`
	// Inputs are the files of this repository that take part in the build, by their path in the package guest.
	Inputs []File `json:"inputs"`
	// Archives are the downloaded sources and tools, in the order of build/sources.txt.
	Archives []Archive `json:"archives"`
	// Tools are the compilers that did the work, as they name themselves.
	Tools map[string]string `json:"tools"`
}

// Artifact is one embedded file, as it lies in dist and as it is used.
type Artifact struct {
	Packed File `json:"packed"`
	Raw    File `json:"raw"`
}

// File is the content of a file.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Archive is one downloaded input.
type Archive struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	// Role is "tool", "data", "source" or "fixes", as explained in build/sources.txt.
	Role string `json:"role"`
	// Package is the Debian package and version it belongs to.
	Package string `json:"package"`
}

// packed are the files that are compressed into dist. dist/NOTICES.txt is the one artifact that is not.
var packed = []string{"dist/javascript.wasm.zst", "dist/python.wasm.zst", "dist/stdlib.zip.zst"}

// inputs match the files of ours that the artifacts are made from. The start-up code of both languages is not among them: it is
// embedded as it is and no part of any artifact.
var inputs = []string{
	"build/*.sh", "build/sources.txt", "javascript/*.[ch]", "javascript/*.patch", "javascript/include/*.h", "libc/*.c",
	"python/*.c", "python/*.patch", "python/aio.py", "python/stdlib.py", "python/sysconfig.py", "tick/*.go", "tick/cmd/tick/*.go",
}

// libraryInputs are those of the inputs that only the library is made from.
var libraryInputs = []string{"python/aio.py", "python/stdlib.py", "python/sysconfig.py"}

// Measure describes the engine in the given folder, that of the package guest. What the tools call themselves is not to be
// measured there and comes from the caller.
func Measure(root string, tools map[string]string) (Manifest, error) {
	m := Manifest{Tools: tools}
	for _, name := range packed {
		a, err := measureArtifact(root, name)
		if err != nil {
			return Manifest{}, err
		}
		m.Artifacts = append(m.Artifacts, a)
	}
	notices, err := measureFile(root, "dist/NOTICES.txt")
	if err != nil {
		return Manifest{}, err
	}
	m.Artifacts = append(m.Artifacts, Artifact{Packed: notices, Raw: notices})
	slices.SortFunc(m.Artifacts, compareArtifacts)
	for _, pattern := range inputs {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return Manifest{}, fmt.Errorf("list inputs %s: %w", pattern, err)
		}
		if len(found) == 0 {
			return Manifest{}, fmt.Errorf("list inputs %s: %s holds none", pattern, root)
		}
		for _, path := range found {
			name, err := filepath.Rel(root, path)
			if err != nil {
				return Manifest{}, fmt.Errorf("name of input %s: %w", path, err)
			}
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := measureFile(root, filepath.ToSlash(name))
			if err != nil {
				return Manifest{}, err
			}
			m.Inputs = append(m.Inputs, f)
		}
	}
	slices.SortFunc(m.Inputs, compareFiles)
	m.Archives, err = readSources(filepath.Join(root, "build", "sources.txt"))
	return m, err
}

// WithLibrary returns m with the Python library of built, and what that alone is made from: for a build of nothing else. What else
// changed since m stays visible.
func (m Manifest) WithLibrary(built Manifest) Manifest {
	m.Artifacts = replaced(m.Artifacts, built.Artifacts, func(a Artifact) bool { return a.Packed.Path == "dist/stdlib.zip.zst" })
	m.Inputs = replaced(m.Inputs, built.Inputs, func(f File) bool { return slices.Contains(libraryInputs, f.Path) })
	slices.SortFunc(m.Artifacts, compareArtifacts)
	slices.SortFunc(m.Inputs, compareFiles)
	return m
}

// replaced returns old with those elements that are chosen taken from fresh.
func replaced[T any](old, fresh []T, chosen func(T) bool) []T {
	out := slices.DeleteFunc(slices.Clone(old), chosen)
	for _, e := range fresh {
		if chosen(e) {
			out = append(out, e)
		}
	}
	return out
}

// Encode writes the manifest as it is kept in dist.
func (m Manifest) Encode() ([]byte, error) {
	out, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	return append(out, '\n'), nil
}

// Decode reads what Encode wrote.
func Decode(text []byte) (Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	return m, nil
}

func compareFiles(a, b File) int { return strings.Compare(a.Path, b.Path) }

func compareArtifacts(a, b Artifact) int { return compareFiles(a.Packed, b.Packed) }

func measure(name string, content []byte) File {
	sum := sha256.Sum256(content)
	return File{Path: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

func measureFile(root, name string) (File, error) {
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return File{}, fmt.Errorf("measure: %w", err)
	}
	return measure(name, content), nil
}

func measureArtifact(root, name string) (Artifact, error) {
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return Artifact{}, fmt.Errorf("measure: %w", err)
	}
	reader, err := zstd.NewReader(bytes.NewReader(content))
	if err != nil {
		return Artifact{}, fmt.Errorf("unpack %s: %w", name, err)
	}
	defer reader.Close()
	raw, err := io.ReadAll(reader)
	if err != nil {
		return Artifact{}, fmt.Errorf("unpack %s: %w", name, err)
	}
	rawName := strings.TrimSuffix(strings.TrimPrefix(name, "dist/"), ".zst")
	return Artifact{Packed: measure(name, content), Raw: measure(rawName, raw)}, nil
}

// readSources reads build/sources.txt: sha256, file, role, release, package=version.
func readSources(path string) ([]Archive, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the list of archives: %w", err)
	}
	var archives []Archive
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 5 || len(fields[0]) != 2*sha256.Size {
			return nil, fmt.Errorf("the list of archives %s has a line of another form: %q", path, line)
		}
		archives = append(archives, Archive{SHA256: fields[0], File: fields[1], Role: fields[2], Package: fields[4]})
	}
	return archives, nil
}
