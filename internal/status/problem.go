package status

// Problem is something the user can mend: what is wrong, why, and what to do. Its sentences are English; a face that speaks another
// language words it by Code, Reason and Args.
type Problem struct {
	Code   ProblemCode `json:"code"`
	What   string      `json:"what"`
	Why    string      `json:"why,omitempty"`
	Todo   string      `json:"todo,omitempty"`
	Reason string      `json:"reason,omitempty"` // what Why says: a code of package reason; empty: one that has none
	Args   Args        `json:"args,omitzero"`
}

// ProblemCode is what a problem is about: a promise to scripts.
type ProblemCode string

// The codes of problems. The window has words for each of them in every language, which a test of package words sees to.
const (
	NoSandbox   ProblemCode = "no-sandbox"  // none can be made
	Unreachable ProblemCode = "unreachable" // some are there, and do not answer
	Credentials ProblemCode = "credentials" // those of the account cannot be used
	LeftBehind  ProblemCode = "left-behind" // sandboxes that nobody looks after may cost money
	Ledger      ProblemCode = "ledger"      // what was made in the cloud cannot be noted
	DailyCap    ProblemCode = "daily-cap"   // today has cost what a day may
	CostUnknown ProblemCode = "cost"        // what was spent before cannot be read
	PortTaken   ProblemCode = "port-taken"  // another one is used
	Tokens      ProblemCode = "tokens"      // the list of those who may come in by URL cannot be read
	Settings    ProblemCode = "settings"    // the file, or one of its values, cannot be used

	// An editor that was connected is not as it was left. There is one problem for each.
	EditorLost    ProblemCode = "editor-lost"    // our entry is gone
	EditorStale   ProblemCode = "editor-stale"   // our entry leads nowhere, or to another copy
	EditorChanged ProblemCode = "editor-changed" // our entry was changed by somebody
)

// Args are what the sentences of problems and reasons name, by the names that stand in braces in translations.
type Args struct {
	Detail  string `json:"detail,omitempty"` // an English sentence of a program, for who wants to know more
	Count   string `json:"count,omitempty"`
	Port    string `json:"port,omitempty"`
	Address string `json:"address,omitempty"`
	Setting string `json:"setting,omitempty"` // by its name, such as pool.warm
	Fields  string `json:"fields,omitempty"`  // of credentials, such as account_id
	File    string `json:"file,omitempty"`
	Host    string `json:"host,omitempty"`
	Action  string `json:"action,omitempty"` // that a policy would have to allow
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	Session string `json:"session,omitempty"`
	Spent   string `json:"spent,omitempty"` // in CNY
	Cap     string `json:"cap,omitempty"`
	Backend string `json:"backend,omitempty"` // where new contexts are made meanwhile
	Editor  string `json:"editor,omitempty"`  // by its id, such as cursor
}

// args ties the names of what sentences name to where it is.
var args = []struct {
	name string
	get  func(*Args) string
}{
	{"detail", func(a *Args) string { return a.Detail }},
	{"count", func(a *Args) string { return a.Count }},
	{"port", func(a *Args) string { return a.Port }},
	{"address", func(a *Args) string { return a.Address }},
	{"setting", func(a *Args) string { return a.Setting }},
	{"fields", func(a *Args) string { return a.Fields }},
	{"file", func(a *Args) string { return a.File }},
	{"host", func(a *Args) string { return a.Host }},
	{"action", func(a *Args) string { return a.Action }},
	{"account", func(a *Args) string { return a.Account }},
	{"region", func(a *Args) string { return a.Region }},
	{"session", func(a *Args) string { return a.Session }},
	{"spent", func(a *Args) string { return a.Spent }},
	{"cap", func(a *Args) string { return a.Cap }},
	{"backend", func(a *Args) string { return a.Backend }},
	{"editor", func(a *Args) string { return a.Editor }},
}

// ArgNames are all names that sentences may have in braces.
func ArgNames() []string {
	names := make([]string, len(args))
	for n, arg := range args {
		names[n] = arg.name
	}
	return names
}

// Pairs are the names and the values of those there are, in turn.
func (a Args) Pairs() []any {
	var all []any
	for _, arg := range args {
		if value := arg.get(&a); value != "" {
			all = append(all, arg.name, value)
		}
	}
	return all
}
