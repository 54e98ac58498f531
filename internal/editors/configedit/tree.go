package configedit

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
)

// Tree is what a file says.
type Tree map[string]any

// Entries returns what is in the section of a place by name. There is either an object, or a list of objects with names.
func (t Tree) Entries(at Place) (map[string]any, error) {
	switch below := t[at.Section].(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return below, nil
	case []any:
		found := make(map[string]any, len(below))
		for _, item := range below {
			object, ok := item.(map[string]any)
			name, named := object["name"].(string)
			if !ok || !named {
				continue
			}
			if _, twice := found[name]; twice && name == at.Name {
				return nil, fmt.Errorf("%q is in %s twice", name, at.Section)
			}
			found[name] = item
		}
		return found, nil
	default:
		return nil, fmt.Errorf("%s is not a list of servers", at.Section)
	}
}

// Find returns an entry.
func (t Tree) Find(at Place) (found map[string]any, there bool, err error) {
	all, err := t.Entries(at)
	if err != nil {
		return nil, false, err
	}
	value, there := all[at.Name]
	if !there {
		return nil, false, nil
	}
	found, ok := value.(map[string]any)
	if !ok {
		return nil, true, fmt.Errorf("%s in %s is not an object", at.Name, at.Section)
	}
	return found, true, nil
}

// without is a tree without an entry. A section with nothing in it is as good as none.
func (t Tree) without(at Place) map[string]any {
	rest := make(map[string]any, len(t))
	maps.Copy(rest, t)
	switch below := rest[at.Section].(type) {
	case map[string]any:
		others := make(map[string]any, len(below))
		for name, value := range below {
			if name != at.Name {
				others[name] = value
			}
		}
		rest[at.Section] = others
		if len(others) == 0 {
			delete(rest, at.Section)
		}
	case []any:
		others := slices.DeleteFunc(slices.Clone(below), func(item any) bool {
			object, ok := item.(map[string]any)
			return ok && object["name"] == at.Name
		})
		rest[at.Section] = others
		if len(others) == 0 {
			delete(rest, at.Section)
		}
	case nil:
		delete(rest, at.Section)
	}
	return rest
}

// equal is reflect.DeepEqual for what parsers return, in which not-a-number is equal to itself.
func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	}
	return reflect.DeepEqual(a, b)
}

// keeps says that what was to stay in an entry is still written with the same types.
func keeps(old, found map[string]any, e Entry) bool {
	for _, m := range e {
		if was := old[m.Name]; !empty(was) && same(was, m.Value) && !equal(was, found[m.Name]) {
			return false
		}
	}
	return true
}

// same compares values of members by what they say.
func same(a, b any) bool {
	a, b = normal(a), normal(b)
	return empty(a) && empty(b) || reflect.DeepEqual(a, b)
}

func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
