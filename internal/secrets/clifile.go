package secrets

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
)

// CLIFileName is where the AgentRun CLI keeps its settings, below the user's home folder.
var CLIFileName = filepath.Join(".agentrun", "config.json")

// maxCLIFile is longer than any such file can be.
const maxCLIFile = 1 << 20

// CLIFile is the settings file of the AgentRun CLI, which has access keys in the clear:
//
//	{"profiles": {"default": {"access_key_id": "…", "access_key_secret": "…", "account_id": "…", "region": "…"}},
//	 "defaults": {"profile": "default", "output": "json"}}
//
// Other spellings of the names, numbers for texts, and a file that is one profile by itself are read too.
type CLIFile struct {
	path     string
	standard string // the profile that is used when none is named
	profiles []*profile
}

// profile is one set of credentials in the file.
type profile struct {
	name    string
	values  map[Field]string
	secrets []place // where they stand; a name may be there twice
}

// place is a range of bytes.
type place struct{ from, to int }

// ReadCLIFile reads such a file.
func ReadCLIFile(path string) (*CLIFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the AgentRun CLI's settings: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxCLIFile+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read the AgentRun CLI's settings: %w", err)
	}
	if len(text) > maxCLIFile {
		return nil, fmt.Errorf("read the AgentRun CLI's settings: %s is too large to be such a file", path)
	}
	f, err := parseCLIFile(text)
	if err != nil {
		return nil, fmt.Errorf("read the AgentRun CLI's settings in %s: %w", path, err)
	}
	f.path = path
	return f, nil
}

// Path is where the file is.
func (f *CLIFile) Path() string { return f.path }

// Profiles lists the profiles, that which the CLI uses by itself first.
func (f *CLIFile) Profiles() []string {
	var names []string
	for _, p := range f.profiles {
		switch p.name {
		case "": // cannot be asked for
		case f.standard:
			names = slices.Insert(names, 0, p.name)
		default:
			names = append(names, p.name)
		}
	}
	return names
}

// Credentials gives those of a profile, or of that which the CLI uses by itself if the name is empty.
func (f *CLIFile) Credentials(name string) (Credentials, error) {
	p, err := f.profile(name)
	if err != nil {
		return Credentials{}, err
	}
	c := Credentials{Source: FromCLI}
	for _, part := range parts {
		part.set(&c, p.values[part.name])
	}
	return c, nil
}

func (f *CLIFile) profile(name string) (*profile, error) {
	if name == "" {
		name = f.standard
	}
	for _, p := range f.profiles {
		if p.name == name {
			return p, nil
		}
	}
	if len(f.profiles) == 0 {
		return nil, fmt.Errorf("%s has no profiles", f.path)
	}
	return nil, fmt.Errorf("%s has no profile %q; it has %s", f.path, name, strings.Join(f.Profiles(), ", "))
}

// Scrub takes the secrets of a profile out of the file and leaves everything else as it is, to the byte. The CLI takes a secret
// that is empty as one that is not there. The file is replaced as a whole or, on an error, not at all. Credentials are what was
// read before: if the file has others by now, it is left alone.
func (f *CLIFile) Scrub(name string, credentials Credentials) error {
	if err := f.scrub(name, credentials); err != nil {
		return fmt.Errorf("take the secret out of the AgentRun CLI's settings: %w", err)
	}
	return nil
}

func (f *CLIFile) scrub(name string, credentials Credentials) error {
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	now, err := parseCLIFile(text)
	if err != nil {
		return err
	}
	now.path = f.path
	p, err := now.profile(name)
	if err != nil {
		return err
	}
	if !NewValue(p.values[FieldAccessKeySecret]).Equal(credentials.AccessKeySecret) || !NewValue(p.values[FieldSecurityToken]).Equal(credentials.SecurityToken) {
		return fmt.Errorf("%s was changed meanwhile and is left as it is", f.path)
	}
	clean := p.blank(text)
	if after, err := parseCLIFile(clean); err != nil || !after.lacks(p.name) {
		return fmt.Errorf("%s is written in a way that this program does not know; take the secret out by hand", f.path)
	}
	return atomicfile.Write(f.path, clean, info.Mode())
}

// blank puts empty texts in the places of the secrets.
func (p *profile) blank(text []byte) []byte {
	var clean []byte
	at := 0
	for _, place := range p.secrets { // in the order of the file
		clean = append(clean, text[at:place.from]...)
		clean = append(clean, `""`...)
		at = place.to
	}
	return append(clean, text[at:]...)
}

// lacks reports whether a profile is there and has no secrets.
func (f *CLIFile) lacks(name string) bool {
	p, err := f.profile(name)
	return err == nil && p.values[FieldAccessKeySecret] == "" && p.values[FieldSecurityToken] == ""
}
