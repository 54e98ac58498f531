package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
)

// load reads settings from a text.
func load(t *testing.T, text string) (config.Config, []config.Fault) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, faults, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c, faults
}

func TestRulesOfAClientByName(t *testing.T) {
	c, faults := load(t, `{"runs":{"result_tokens":30000},"clients":{
		"Cursor":{"result_tokens":5000},"ci.bot":{"tools":["run_code"]},"mute":{"tools":[]},"free":{"tools":null},"plain":{},"nothing":null}}`)
	if faults != nil {
		t.Fatalf("faults = %v", faults)
	}
	for _, tc := range []struct {
		client string
		tokens int
		tools  []string
	}{
		{"Cursor", 5000, nil},
		{"CURSOR", 5000, nil},
		{"ci.bot", 30000, []string{"run_code"}},
		{"CI.bot", 30000, []string{"run_code"}},
		{"mute", 30000, []string{}},
		{"free", 30000, nil},
		{"plain", 30000, nil},
		{"nothing", 30000, nil},
		{"somebody else", 30000, nil},
		{"", 30000, nil},
	} {
		if got := c.RulesOf(tc.client); got.ResultTokens != tc.tokens || !reflect.DeepEqual(got.Tools, tc.tools) {
			t.Errorf("RulesOf(%q) = %+v, want %d tokens and the tools %v", tc.client, got, tc.tokens, tc.tools)
		}
	}
	if got := config.Default().RulesOf("cursor"); got.ResultTokens != 24000 || got.Tools != nil {
		t.Errorf("by default: %+v", got)
	}
}

func TestBadRulesAreNamedAndTheRestHolds(t *testing.T) {
	const good = `"good":{"result_tokens":5000,"tools":["run_code"]}`
	for _, tc := range []struct {
		name, clients, field, want string
		client                     string
		tools                      []string // that the client may use nevertheless
	}{
		{"too few tokens", `"a":{"result_tokens":10,"tools":["x"]}`, "clients.a.result_tokens", "10 is not between 1000 and 250000", "a", []string{"x"}},
		{"too many tokens", `"a":{"result_tokens":9000000}`, "clients.a.result_tokens", "so runs.result_tokens is used", "a", nil},
		{"a word for a number", `"a":{"result_tokens":"many","tools":["x"]}`, "clients.a.result_tokens", `"many" is not a whole number`, "a", []string{"x"}},
		{"half a token", `"a":{"result_tokens":1500.5}`, "clients.a.result_tokens", "1500.5 is not a whole number", "a", nil},
		{"a word for a list allows nothing", `"a":{"tools":"run_code"}`, "clients.a.tools", `"run_code" is not a list of names`, "a", []string{}},
		{"numbers for names allow nothing", `"a":{"tools":["x",5]}`, "clients.a.tools", "so the client may use no tool", "a", []string{}},
		{"a list for an object allows nothing", `"a":["run_code"]`, "clients.a", "not a JSON object", "a", []string{}},
		{"a misspelt field", `"my.app":{"tolls":["x"],"tools":["y"]}`, "clients.my.app.tolls", "no such setting", "my.app", []string{"y"}},
		{"a name twice", `"A":{"tools":["x"]},"a":{"tools":["y"]}`, "clients.a", "the same client as A", "a", []string{"x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, faults := load(t, `{"clients":{`+tc.clients+`,`+good+`},"pool":{"warm":5}}`)
			if len(faults) != 1 || faults[0].Field != tc.field || !strings.Contains(faults[0].Text, tc.want) {
				t.Errorf("faults = %q, want one of %s with %q", faults, tc.field, tc.want)
			}
			if got := c.RulesOf(tc.client); !reflect.DeepEqual(got.Tools, tc.tools) || got.ResultTokens != 24000 {
				t.Errorf("RulesOf(%s) = %+v, want the tools %v", tc.client, got, tc.tools)
			}
			if got := c.RulesOf("good"); got.ResultTokens != 5000 || len(got.Tools) != 1 || c.Pool.Warm != 5 {
				t.Errorf("the good values were lost: %+v, warm %d", got, c.Pool.Warm)
			}
			if again := c.Check(); again != nil {
				t.Errorf("still bad: %v", again)
			}
		})
	}
}

func TestToolsThatThereAreNotAreLeftOut(t *testing.T) {
	c, faults := load(t, `{"clients":{"a":{"tools":["run_code","fly"]},"b":{"tools":["fly"]},"c":{}}}`)
	if faults != nil {
		t.Fatalf("faults = %v", faults)
	}
	faults = c.CheckTools([]string{"list_files", "run_code"})
	if len(faults) != 2 || faults[0].Field != "clients.a.tools" || faults[1].Field != "clients.b.tools" || !strings.Contains(faults[0].Text, `"fly"`) || !strings.Contains(faults[0].Text, "list_files, run_code") {
		t.Errorf("faults = %q", faults)
	}
	for client, want := range map[string][]string{"a": {"run_code"}, "b": {}, "c": nil} {
		if got := c.RulesOf(client).Tools; !reflect.DeepEqual(got, want) {
			t.Errorf("tools of %s = %#v, want %#v", client, got, want)
		}
	}
}

func TestRulesAreWrittenAsTheyAreRead(t *testing.T) {
	const text = `{"a":{"result_tokens":5000},"b":{"tools":[]},"c":{"tools":["run_code"]},"d":{}}`
	var clients map[string]config.Client
	if err := json.Unmarshal([]byte(text), &clients); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(clients); err != nil || string(again) != text {
		t.Errorf("written as %s, %v, want %s", again, err, text)
	}
}

// FuzzClients reads rules of every kind: nothing panics, and what is left passes its own check.
func FuzzClients(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":{"tools":["x"]}}`, `{"a":5,"A":null}`, `{"a":{"result_tokens":1e9,"tools":{}}}`, `[]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := config.Default()
		if json.Unmarshal([]byte(`{"clients":`+text+`}`), &c) != nil {
			return
		}
		c.Check()
		if again := c.Check(); again != nil {
			t.Errorf("%s: still bad after Check: %v", text, again)
		}
	})
}
