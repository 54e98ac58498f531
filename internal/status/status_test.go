package status_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// TestTheNamesInTheJSONAreKept: scripts read them. A name may be added; one that goes or changes breaks them.
func TestTheNamesInTheJSONAreKept(t *testing.T) {
	var s status.Snapshot
	fill(reflect.ValueOf(&s).Elem())
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	collect(names, "", v)
	got := strings.Join(slices.Sorted(maps.Keys(names)), "\n") + "\n"
	golden := filepath.Join("testdata", "names.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the names differ from %s; if that is meant, run with -update and read the diff. Now:\n%s", golden, got)
	}
}

// TestWhatIsAlwaysThere names what scripts need not ask for before they read it.
func TestWhatIsAlwaysThere(t *testing.T) {
	data, err := json.Marshal(status.Snapshot{Sessions: []status.Session{{}}, Contexts: []status.Context{{}}, Runs: []status.Run{{}}, Clients: []status.Client{{}}, Tokens: []status.Token{{}}, Problems: []status.Problem{{}}})
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	collect(names, "", v)
	for _, name := range []string{
		"addresses.http", "addresses.socket", "pool.ready", "sessions[].sandbox_id", "contexts[].context_id", "contexts[].status", "runs[].run_id", "runs[].tool", "runs[].context_id", "runs[].client", "runs[].asked_at", "problems[].code", "problems[].what",
		"clients[].name", "clients[].via", "clients[].since", "clients[].last_seen", "clients[].calls", "clients[].errors", "clients[].in_flight", "clients[].allowed_tools",
		"tokens[].client", "tokens[].connected", "tokens[].calls", "tokens[].allowed_tools",
	} {
		if !names[name] {
			t.Errorf("%s is left out of the JSON when it is empty", name)
		}
	}
}

// fill gives every field a value that is not empty.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 0)))
			return
		}
		for _, field := range v.Fields() {
			fill(field)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.String:
		v.SetString("x")
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint64:
		v.SetUint(1)
	default:
		panic("a snapshot holds a " + v.Kind().String() + ", which this test does not know")
	}
}

// collect notes the path of every name.
func collect(names map[string]bool, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			at := strings.TrimPrefix(path+"."+name, ".")
			names[at] = true
			collect(names, at, inner)
		}
	case []any:
		for _, inner := range v {
			collect(names, path+"[]", inner)
		}
	}
}
