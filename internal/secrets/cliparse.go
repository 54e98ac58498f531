package secrets

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// errNotCLIFile repeats nothing of the file: it may hold a secret anywhere.
var errNotCLIFile = errors.New("it is not such a file")

// standardProfile is the name of the CLI's own first choice, and of a profile that is the whole file.
const standardProfile = "default"

// parseCLIFile reads the file piece by piece, because the places of the secrets are needed.
func parseCLIFile(text []byte) (*CLIFile, error) {
	body := bytes.TrimPrefix(text, []byte("\ufeff")) // editors on Windows put it there
	if !json.Valid(body) {
		return nil, errNotCLIFile
	}
	r := &cliReader{d: json.NewDecoder(bytes.NewReader(body)), before: len(text) - len(body)}
	f := &CLIFile{standard: standardProfile}
	err := r.object(func(name string) error {
		switch spelling(name) {
		case "profiles":
			return r.object(func(name string) error {
				p := f.named(name)
				clear(p.values) // of several by one name the last counts
				return r.object(func(name string) error { return r.field(p, name) })
			})
		case "defaults":
			return r.object(func(name string) error {
				text, _, err := r.value()
				if spelling(name) == "profile" && text != "" {
					f.standard = text
				}
				return err
			})
		default:
			if spelled[spelling(name)] == "" {
				_, _, err := r.value()
				return err
			}
			return r.field(f.named(standardProfile), name)
		}
	})
	if err != nil {
		return nil, errNotCLIFile
	}
	return f, nil
}

// named finds a profile, or begins it.
func (f *CLIFile) named(name string) *profile {
	if i := slices.IndexFunc(f.profiles, func(p *profile) bool { return p.name == name }); i >= 0 {
		return f.profiles[i]
	}
	p := &profile{name: name, values: map[Field]string{}}
	f.profiles = append(f.profiles, p)
	return p
}

// spelled are the fields by their names without anything that different programs write differently.
var spelled = map[string]Field{
	"accesskeyid": FieldAccessKeyID, "accesskeysecret": FieldAccessKeySecret, "securitytoken": FieldSecurityToken, "ststoken": FieldSecurityToken,
	"accountid": FieldAccountID, "region": FieldRegion, "regionid": FieldRegion, "controlendpoint": FieldControlEndpoint, "dataendpoint": FieldDataEndpoint,
}

func spelling(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}

// cliReader goes through a JSON text that is known to be valid.
type cliReader struct {
	d      *json.Decoder
	before int // bytes of the file before the decoder's first
}

// object reads an object, whose values each has to read. Null is an object without any.
func (r *cliReader) object(each func(name string) error) error {
	switch token, err := r.d.Token(); {
	case err != nil:
		return err
	case token == nil:
		return nil
	case token != json.Delim('{'):
		return errNotCLIFile
	}
	for r.d.More() {
		token, err := r.d.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok {
			return errNotCLIFile
		}
		if err := each(name); err != nil {
			return err
		}
	}
	_, err := r.d.Token() // the brace
	return err
}

// value reads a value and says where it stands. Only texts and numbers are given; the rest is "".
func (r *cliReader) value() (text string, at place, err error) {
	var raw json.RawMessage
	if err := r.d.Decode(&raw); err != nil {
		return "", place{}, err
	}
	end := r.before + int(r.d.InputOffset())
	at = place{end - len(raw), end}
	if json.Unmarshal(raw, &text) == nil { // null is ""
		return strings.TrimSpace(text), at, nil
	}
	var number json.Number
	if json.Unmarshal(raw, &number) == nil {
		return number.String(), at, nil
	}
	return "", at, nil
}

// field reads a value into a profile if it is one that belongs there.
func (r *cliReader) field(p *profile, name string) error {
	text, at, err := r.value()
	if err != nil {
		return err
	}
	field := spelled[spelling(name)]
	if field == "" {
		return nil
	}
	p.values[field] = text
	if text != "" && (field == FieldAccessKeySecret || field == FieldSecurityToken) {
		p.secrets = append(p.secrets, at)
	}
	return nil
}
