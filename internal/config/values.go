package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Setting is one setting, for whoever shows all of them.
type Setting struct {
	Name      string   // as in faults, such as pool.warm
	Default   any      // as Values has it
	Options   []string // what it may be; nil: something else
	Low, High *float64 // between what it must be, ends included; nil: it is no number
}

// Settings lists all settings, sorted by name.
func Settings() []Setting {
	values := Default().Values()
	all := make([]Setting, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		s := Setting{Name: name, Default: values[name]}
		if at := slices.IndexFunc(fields, func(f field) bool { return f.name == name && f.known() }); at >= 0 {
			b := fields[at].bounds
			s.Options, s.Low, s.High = slices.Clone(b.options), b.low, b.high
		}
		all = append(all, s)
	}
	return all
}

func (b bounds) known() bool { return b.options != nil || b.low != nil }

// Values are the settings by their names, such as pool.warm, as JSON has them: strings, float64, bool and lists. The rules of clients
// are one value.
func (c Config) Values() map[string]any {
	flat := make(map[string]any)
	flatten(flat, "", c.tree())
	return flat
}

func flatten(into map[string]any, prefix string, tree map[string]any) {
	for name, v := range tree {
		if inner, ok := v.(map[string]any); ok && prefix+name != "clients" {
			flatten(into, prefix+name+".", inner)
			continue
		}
		into[prefix+name] = v
	}
}

// tree is the settings as JSON has them.
func (c Config) tree() map[string]any {
	text, err := json.Marshal(c)
	if err != nil {
		panic("config: " + err.Error()) // there is nothing in them that JSON cannot hold
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		panic("config: " + err.Error())
	}
	return tree
}

// With returns the settings with one of them changed, named as in Set, and shares nothing with these. A value that would not be used is
// refused with the words of its fault.
func (c Config) With(name string, value any) (Config, error) {
	parts := strings.Split(name, ".")
	tree := c.tree()
	for at := tree; ; {
		if len(parts) == 1 {
			at[parts[0]] = value
			break
		}
		next, ok := at[parts[0]].(map[string]any)
		if !ok {
			next = make(map[string]any)
			at[parts[0]] = next
		}
		at, parts = next, parts[1:]
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return Config{}, fmt.Errorf("change the setting %s: %w", name, err)
	}
	with, err := parse(text, name)
	if err != nil {
		return Config{}, fmt.Errorf("change the setting %s: %w", name, err)
	}
	return with, nil
}

// parse reads settings of which one was changed. A value of that one which would not be used is an error, with the words of its fault.
func parse(text []byte, changed string) (Config, error) {
	c := Default()
	if err := json.Unmarshal(text, &c); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return Config{}, &RefusedError{changed, fmt.Sprintf("a JSON %s does not belong there, a %s does", wrong.Value, jsonKind(wrong.Type))}
		}
		return Config{}, err
	}
	last := changed[strings.LastIndexByte(changed, '.')+1:]
	for _, f := range append(c.Check(), unknown(text)...) {
		if f.Field == changed || strings.HasPrefix(f.Field, changed+".") || f.Field == last {
			what, _, _ := strings.Cut(f.Text, ", so ") // nothing is put in its place here
			return Config{}, &RefusedError{changed, what}
		}
	}
	return c, nil
}
