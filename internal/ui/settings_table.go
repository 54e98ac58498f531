package ui

import "slices"

// settingKind is how a setting is shown.
type settingKind int

const (
	kindChoice settingKind = iota // a few options side by side
	kindList                      // more options, in a menu
	kindNumber
	kindText
	kindSwitch
	kindFolders
)

// setting is one row of the settings. Its texts have the keys setting.NAME and setting.NAME.help, its options
// setting.NAME.OPTION.
type setting struct {
	name      string // as in the settings file
	kind      settingKind
	options   []string
	low, high float64 // of a number, ends included
	whole     bool
	unit      string // what stands behind a number: its text has the key unit.UNIT
}

// section is a card of the settings.
type section struct {
	key  string
	rows []setting
}

// sections is the table of all settings that are shown. A test holds it against those the settings file can have. The language comes
// first, for who cannot read this one.
var sections = []section{
	{"app", []setting{
		{name: "language", kind: kindChoice, options: []string{"auto", "en", "zh"}},
		{name: "theme", kind: kindChoice, options: []string{"system", "light", "dark"}},
		{name: "log_level", kind: kindList, options: []string{"debug", "info", "warn", "error"}},
	}},
	{"where", []setting{
		{name: "backend", kind: kindList, options: []string{"auto", "agentrun", "local", "mock"}},
		{name: "fallback", kind: kindChoice, options: []string{"local", "off"}},
	}},
	{"account", []setting{
		{name: "agentrun.daily_cap", kind: kindNumber, low: 0, high: 1e6, unit: "cny"},
		{name: "agentrun.template", kind: kindText},
		{name: "agentrun.lifecycle", kind: kindChoice, options: []string{"control", "data"}},
		{name: "agentrun.contexts_per_sandbox", kind: kindNumber, low: 1, high: 200, whole: true},
		{name: "agentrun.template_limit_seconds", kind: kindNumber, low: 10, high: 3600, unit: "seconds"},
	}},
	{"pool", []setting{
		{name: "pool.warm", kind: kindNumber, low: 0, high: 100, whole: true},
		{name: "pool.ceiling", kind: kindNumber, low: 1, high: 100, whole: true},
		{name: "pool.lifetime_minutes", kind: kindNumber, low: 1, high: 300, unit: "minutes"},
		{name: "pool.idle_pause_minutes", kind: kindNumber, low: 0, high: 10080, unit: "minutes"},
		{name: "pool.isolation", kind: kindChoice, options: []string{"shared", "dedicated"}},
		{name: "carry_over", kind: kindChoice, options: []string{"on", "off"}},
		{name: "pool.keep_on_quit", kind: kindSwitch},
	}},
	{"runs", []setting{
		{name: "runs.timeout_seconds", kind: kindNumber, low: 0.001, high: 600, unit: "seconds"},
		{name: "runs.answer_within_seconds", kind: kindNumber, low: 1, high: 55, unit: "seconds"},
		{name: "runs.context_idle_minutes", kind: kindNumber, low: 0, high: 10080, unit: "minutes"},
		{name: "runs.max_contexts", kind: kindNumber, low: 1, high: 10000, whole: true},
		{name: "runs.result_tokens", kind: kindNumber, low: 1000, high: 250000, whole: true, unit: "tokens"},
	}},
	{"folders", []setting{{name: "allowed_folders", kind: kindFolders}}},
	{"address", []setting{
		{name: "http.enabled", kind: kindSwitch},
		{name: "http.port", kind: kindNumber, low: 0, high: 65535, whole: true},
	}},
}

// isShown reports whether a setting has a row. Others are for who edits the file.
func isShown(name string) bool {
	return slices.ContainsFunc(sections, func(s section) bool {
		return slices.ContainsFunc(s.rows, func(row setting) bool { return row.name == name })
	})
}
