// Package config holds the settings: one JSON file in the user's config folder, every field with a default and a check.
//
// A file that cannot be read as JSON is kept aside under another name and reported, never overwritten silently; a single bad
// value is reported and its default used, and the file stays as it is. Only the host reads the file, at its start; what is changed
// from a program ([Set]) changes nothing else in it.
package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
)

// FileName is the name of the settings file in the config folder.
const FileName = "settings.json"

// Config is what a user can set. The JSON names are a promise to people who edit the file.
type Config struct {
	// Backend is where code runs: auto (agentrun where there are credentials for it, else local), agentrun, local or mock.
	Backend string `json:"backend"`
	// Fallback is where new contexts are made while the agentrun backend cannot be used: local or off.
	Fallback string `json:"fallback"`
	// CarryOver is on, or off: whether a context moves to another sandbox, with what can move, when its own has to end.
	CarryOver string `json:"carry_over"`
	// AgentRun is how the agentrun backend uses the account.
	AgentRun AgentRun `json:"agentrun"`
	// Pool is how many sandboxes are kept ready.
	Pool Pool `json:"pool"`
	// Runs are the limits of one run and one context.
	Runs Runs `json:"runs"`
	// HTTP is the address for editors that connect by URL.
	HTTP HTTP `json:"http"`
	// AllowedFolders are folders on this computer from which files may be uploaded and into which they may be downloaded.
	AllowedFolders []string `json:"allowed_folders"`
	// Clients are the rules for single clients, by their names. Without one a client may use every tool.
	Clients map[string]Client `json:"clients"`
	// Language is that of texts for people: auto (as the environment says), en or zh.
	Language string `json:"language"`
	// Theme is the look of the window: system (as the desktop's), light or dark.
	Theme string `json:"theme"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `json:"log_level"`
}

// AgentRun is how the agentrun backend uses the account. Whose account it is, is said by the credentials.
type AgentRun struct {
	// Template is the name of the template that sandboxes are made from. One that is not there is made; one that is there is not changed.
	Template string `json:"template"`
	// TemplateLimitSeconds is how long the template may take to be ready.
	TemplateLimitSeconds float64 `json:"template_limit_seconds"`
	// Lifecycle is the plane on which sandboxes are made and ended: control, or data where the account's policy wants that.
	Lifecycle string `json:"lifecycle"`
	// ContextsPerSandbox is how many contexts share one sandbox at most.
	ContextsPerSandbox int `json:"contexts_per_sandbox"`
	// DailyCap is the estimated cost, in CNY, at which the pool is suspended until the next day; 0 means none.
	DailyCap float64 `json:"daily_cap"`
}

// Pool is how many sandboxes are kept ready.
type Pool struct {
	// Isolation is shared (contexts spread over the warm sandboxes) or dedicated (each context has one to itself).
	Isolation string `json:"isolation"`
	// Warm is the number of sandboxes kept ready.
	Warm int `json:"warm"`
	// Ceiling is the number of sandboxes that are never exceeded.
	Ceiling int `json:"ceiling"`
	// LifetimeMinutes is the age at which a cloud sandbox is replaced.
	LifetimeMinutes float64 `json:"lifetime_minutes"`
	// IdlePauseMinutes is after what time without a client and a run no sandboxes are kept ready, until the next; 0 means never.
	IdlePauseMinutes float64 `json:"idle_pause_minutes"`
	// KeepOnQuit leaves cloud sandboxes alive when the host ends, for the next one to take over. They cost money meanwhile.
	KeepOnQuit bool `json:"keep_on_quit"`
}

// Runs are the limits of one run and one context.
type Runs struct {
	// TimeoutSeconds is how long code may run when the caller does not say.
	TimeoutSeconds float64 `json:"timeout_seconds"`
	// AnswerWithinSeconds is how long run_code and get_result keep a client waiting that cannot be told how the code goes. Then they
	// answer with what there is, and the code goes on. It has to be less than the editor's own patience with a call.
	AnswerWithinSeconds float64 `json:"answer_within_seconds"`
	// ContextIdleMinutes is after how long without use a context is stopped; 0 means never.
	ContextIdleMinutes float64 `json:"context_idle_minutes"`
	// MaxContexts is how many contexts may live at once.
	MaxContexts int `json:"max_contexts"`
	// ResultTokens is about how many tokens a result may have.
	ResultTokens int `json:"result_tokens"`
}

// HTTP is the address for editors that connect by URL.
type HTTP struct {
	// Enabled opens the address. The unix socket is always there.
	Enabled bool `json:"enabled"`
	// Port on 127.0.0.1. If it is taken another one is used and shown.
	Port int `json:"port"`
}

// Default returns the settings of a new installation.
func Default() Config {
	return Config{
		Backend:        "auto",
		Fallback:       "local",
		CarryOver:      "on",
		AgentRun:       AgentRun{Template: "agentrun-tray", TemplateLimitSeconds: 300, Lifecycle: "control", ContextsPerSandbox: 20},
		Pool:           Pool{Isolation: "shared", Warm: 3, Ceiling: 20, LifetimeMinutes: 60, IdlePauseMinutes: 30},
		Runs:           Runs{TimeoutSeconds: 30, AnswerWithinSeconds: 50, ContextIdleMinutes: 120, MaxContexts: 100, ResultTokens: 24_000},
		HTTP:           HTTP{Enabled: true, Port: 7411},
		AllowedFolders: []string{},
		Clients:        map[string]Client{},
		Language:       "auto",
		Theme:          "system",
		LogLevel:       "info",
	}
}

// RunTimeout is Runs.TimeoutSeconds as a duration.
func (c Config) RunTimeout() time.Duration { return seconds(c.Runs.TimeoutSeconds) }

// AnswerWithin is Runs.AnswerWithinSeconds as a duration.
func (c Config) AnswerWithin() time.Duration { return seconds(c.Runs.AnswerWithinSeconds) }

// ContextIdle is Runs.ContextIdleMinutes as a duration; zero means never.
func (c Config) ContextIdle() time.Duration { return seconds(60 * c.Runs.ContextIdleMinutes) }

// TemplateLimit is AgentRun.TemplateLimitSeconds as a duration.
func (c Config) TemplateLimit() time.Duration { return seconds(c.AgentRun.TemplateLimitSeconds) }

// Lifetime is Pool.LifetimeMinutes as a duration.
func (c Config) Lifetime() time.Duration { return seconds(60 * c.Pool.LifetimeMinutes) }

// IdlePause is Pool.IdlePauseMinutes as a duration; zero means never.
func (c Config) IdlePause() time.Duration { return seconds(60 * c.Pool.IdlePauseMinutes) }

// Listen is the address for editors that connect by URL, or empty when it is not enabled.
func (c Config) Listen() string {
	if !c.HTTP.Enabled {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.HTTP.Port))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Fault is something wrong with the settings, told to the user as a problem. The host runs all the same.
type Fault struct {
	Field string // JSON name, such as pool.warm; empty for the file as a whole
	Text  string // what is wrong and what was done about it, a sentence without its full stop
	Kept  string // of the file as a whole: where it is now, as it was
}

// String tells all of it in one line.
func (f Fault) String() string {
	text := f.Text
	if f.Field != "" {
		text = f.Field + ": " + text
	}
	if f.Kept != "" {
		text += "; it was kept as " + f.Kept
	}
	return text
}

// field ties the JSON name of a setting to its check.
type field struct {
	name string
	rule
}

// rule is what the value of a setting must be like. The check gets the settings that were read and those of a new installation, and
// puts the default back when it complains.
type rule struct {
	check func(c *Config, d Config) string
	bounds
}

// bounds are what there is to say of a rule beside the check.
type bounds struct {
	options   []string
	low, high *float64
}

func oneOf(at func(*Config) *string, names ...string) rule {
	return rule{func(c *Config, d Config) string {
		if v := at(c); !slices.Contains(names, *v) {
			bad := *v
			*v = *at(&d)
			return fmt.Sprintf("%v is none of %s, so %v is used", bad, strings.Join(names, " "), *v)
		}
		return ""
	}, bounds{options: names}}
}

func between[T int | float64](at func(*Config) *T, low, high T) rule {
	least, most := float64(low), float64(high)
	return rule{func(c *Config, d Config) string {
		if v := at(c); *v < low || *v > high {
			bad := *v
			*v = *at(&d)
			return fmt.Sprintf("%v is not between %v and %v, so %v is used", bad, low, high, *v)
		}
		return ""
	}, bounds{low: &least, high: &most}}
}

// checkedBy is a rule that has to be said in words.
func checkedBy(check func(c *Config, d Config) string) rule { return rule{check: check} }

// Backends are the settings of Backend.
func Backends() []string { return []string{"auto", "agentrun", "local", "mock"} }

var templateName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

var fields = []field{
	{"backend", oneOf(func(c *Config) *string { return &c.Backend }, Backends()...)},
	{"fallback", oneOf(func(c *Config) *string { return &c.Fallback }, "local", "off")},
	{"carry_over", oneOf(func(c *Config) *string { return &c.CarryOver }, "on", "off")},
	{"agentrun.template", checkedBy(func(c *Config, d Config) string {
		if templateName.MatchString(c.AgentRun.Template) {
			return ""
		}
		bad := c.AgentRun.Template
		c.AgentRun.Template = d.AgentRun.Template
		return fmt.Sprintf("%q is not 1 to 64 letters, digits, hyphens and underscores, so %s is used", bad, c.AgentRun.Template)
	})},
	{"agentrun.template_limit_seconds", between(func(c *Config) *float64 { return &c.AgentRun.TemplateLimitSeconds }, 10, 3600)},
	{"agentrun.lifecycle", oneOf(func(c *Config) *string { return &c.AgentRun.Lifecycle }, "control", "data")},
	{"agentrun.contexts_per_sandbox", between(func(c *Config) *int { return &c.AgentRun.ContextsPerSandbox }, 1, 200)},
	{"agentrun.daily_cap", between(func(c *Config) *float64 { return &c.AgentRun.DailyCap }, 0, 1e6)},
	{"pool.isolation", oneOf(func(c *Config) *string { return &c.Pool.Isolation }, "shared", "dedicated")},
	{"pool.ceiling", between(func(c *Config) *int { return &c.Pool.Ceiling }, 1, 100)},
	{"pool.warm", between(func(c *Config) *int { return &c.Pool.Warm }, 0, 100)},
	{"pool.warm", checkedBy(func(c *Config, _ Config) string {
		if c.Pool.Warm <= c.Pool.Ceiling {
			return ""
		}
		bad := c.Pool.Warm
		c.Pool.Warm = c.Pool.Ceiling
		return fmt.Sprintf("%d is above pool.ceiling, so %d is used", bad, c.Pool.Warm)
	})},
	{"pool.lifetime_minutes", between(func(c *Config) *float64 { return &c.Pool.LifetimeMinutes }, 1, 300)},
	{"pool.idle_pause_minutes", between(func(c *Config) *float64 { return &c.Pool.IdlePauseMinutes }, 0, 7*24*60)},
	{"runs.timeout_seconds", between(func(c *Config) *float64 { return &c.Runs.TimeoutSeconds }, 0.001, 600)},
	{"runs.answer_within_seconds", between(func(c *Config) *float64 { return &c.Runs.AnswerWithinSeconds }, 1, 55)},
	{"runs.context_idle_minutes", between(func(c *Config) *float64 { return &c.Runs.ContextIdleMinutes }, 0, 7*24*60)},
	{"runs.max_contexts", between(func(c *Config) *int { return &c.Runs.MaxContexts }, 1, 10000)},
	{"runs.result_tokens", between(func(c *Config) *int { return &c.Runs.ResultTokens }, minResultTokens, maxResultTokens)},
	{"http.port", between(func(c *Config) *int { return &c.HTTP.Port }, 0, 65535)},
	{"allowed_folders", checkedBy(func(c *Config, _ Config) string {
		var bad []string
		c.AllowedFolders = slices.DeleteFunc(c.AllowedFolders, func(folder string) bool {
			if filepath.IsAbs(folder) {
				return false
			}
			bad = append(bad, folder)
			return true
		})
		if bad == nil {
			return ""
		}
		return fmt.Sprintf("%q are not absolute paths and were left out", bad)
	})},
	{"language", oneOf(func(c *Config) *string { return &c.Language }, "auto", English, Chinese)},
	{"theme", oneOf(func(c *Config) *string { return &c.Theme }, "system", "light", "dark")},
	{"log_level", oneOf(func(c *Config) *string { return &c.LogLevel }, "debug", "info", "warn", "error")},
}

// Check puts the default in place of each bad value and says which those were.
func (c *Config) Check() []Fault {
	var faults []Fault
	d := Default()
	for _, f := range fields {
		if text := f.check(c, d); text != "" {
			faults = append(faults, Fault{Field: f.name, Text: text})
		}
	}
	return append(faults, c.checkClients()...)
}

// Load reads the settings of a config folder. No file means the defaults. What is wrong is in the faults, and the settings
// are good to use in any case; an error means that the file is there and could not be read.
func Load(folder string) (Config, []Fault, error) {
	name := filepath.Join(folder, FileName)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Default(), nil, nil
	}
	if err != nil {
		return Default(), nil, fmt.Errorf("the settings cannot be read: %w", err)
	}
	c := Default()
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // editors on Windows put it there
	if err := json.Unmarshal(text, &c); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			// the file is JSON, so the other fields were read
			faults := c.Check()
			return c, append(faults, Fault{Field: wrong.Field, Text: fmt.Sprintf("a JSON %s does not belong there, a %s does, so the default is used", wrong.Value, jsonKind(wrong.Type))}), nil
		}
		why := err.Error()
		if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
			before := text[:min(int(wrong.Offset), len(text))]
			why = fmt.Sprintf("line %d, %s", 1+bytes.Count(before, []byte("\n")), why)
		}
		kept, err := atomicfile.KeepAside(name, time.Now())
		if err != nil {
			return Default(), nil, fmt.Errorf("the settings in %s are not JSON (%s), and could not be kept aside: %w", name, why, err)
		}
		return Default(), []Fault{{Text: "it is not valid JSON: " + why, Kept: kept}}, nil
	}
	faults := c.Check()
	return c, append(faults, unknown(text)...), nil
}

// jsonKind is what JSON calls the values of a Go type.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "string"
	case reflect.Slice:
		return "list"
	case reflect.Struct, reflect.Map:
		return "object"
	default:
		return "number"
	}
}

// unknown names the fields that mean nothing, which are most often misspelt.
func unknown(text []byte) []Fault {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var c Config
	err := dec.Decode(&c)
	if err == nil || !strings.Contains(err.Error(), "unknown field") {
		return nil
	}
	_, name, _ := strings.Cut(err.Error(), "unknown field ")
	return []Fault{{Field: strings.Trim(name, `"`), Text: "there is no such setting, so it was ignored"}}
}
