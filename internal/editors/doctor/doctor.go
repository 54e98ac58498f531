// Package doctor finds out why an editor and code that should run do not come together: it looks at every part in between, does what
// the editor would do, and says of the first part that fails what to do about it.
//
// It changes nothing but what an editor's own attempt would: that starts a host if none runs. The command line and the window show the
// same findings.
package doctor

import (
	"context"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// Verdict is what came of one check.
type Verdict string

// The verdicts.
const (
	Good    Verdict = "good"
	Warning Verdict = "warning" // it works, and something about it will surprise
	Bad     Verdict = "bad"     // it does not work
	Skipped Verdict = "skipped" // it could not be checked, because of what was found before
)

// Finding is what came of one check, in words for people. The JSON names are a promise to scripts.
type Finding struct {
	Check   string  `json:"check"` // stable, such as port
	Title   string  `json:"title"`
	Verdict Verdict `json:"verdict"`
	What    string  `json:"what"`           // a sentence
	Todo    string  `json:"todo,omitempty"` // what to do about it
}

// Options are what a check needs to know.
type Options struct {
	Dirs   paths.Dirs
	System editors.System
	// Editors and Shim are those of this computer; Relay is the program that the shim should lead to, empty if it is missing.
	Editors *editors.Set
	Shim    shim.Shim
	Relay   string
	// Editor is the one that is asked about; empty: none in particular.
	Editor editors.ID
	// Port is that of the settings for editors that connect by URL; 0: they are not served.
	Port int
	// Status asks the running host how it is; ok is false if there is none.
	Status func(context.Context) (snap status.Snapshot, ok bool, err error)
	// Account asks AgentRun whether it takes the credentials, and says where those are; secrets.ErrNone: there are none.
	Account func(context.Context) (secrets.Source, error)
	// Patience is how long one step may take; 0 means what the slowest computer needs.
	Patience time.Duration
}

// check is one thing to look at. To add one, write its function and its line in the table below.
type check struct {
	id    string
	title string
	run   func(ctx context.Context, e *examination) []Finding
}

// checks are carried out in this order, from what everything else needs to what needs everything else. A check may have several
// findings; those without a name get the check's.
var checks = []check{
	{"programs", "Programs", programs},
	{"copies", "Other copies", copies},
	{"host", "Host", host},
	{"account", "Account", account},
	{"engine", "Engine", engine},
	{"port", "Address", port},
	{"editor", "Settings", settings},
	{"start", "Connection", connection},
	{"host", "Host", aftermath},
}

// examination is one run of the checks and what they pass on to later ones.
type examination struct {
	Options
	version string

	snap    status.Snapshot // of the host, if it runs
	running bool
	deaf    bool // it runs, and does not answer
	broken  bool // what editors start does not work by itself
}

// Run carries out all checks and hands over each finding as it is made.
func Run(ctx context.Context, opt Options, found func(Finding)) {
	if opt.Patience == 0 {
		opt.Patience = 90 * time.Second // the engine is compiled at the first start of all
	}
	e := &examination{Options: opt, version: versionOf()}
	for _, c := range checks {
		if ctx.Err() != nil {
			return
		}
		for _, f := range c.run(ctx, e) {
			if f.Check == "" {
				f.Check, f.Title = c.id, c.title
			}
			found(f)
		}
	}
}

// The makers of findings.

func good(what string) Finding       { return Finding{Verdict: Good, What: what} }
func skipped(what string) Finding    { return Finding{Verdict: Skipped, What: what} }
func warn(what, todo string) Finding { return Finding{Verdict: Warning, What: what, Todo: todo} }
func bad(what, todo string) Finding  { return Finding{Verdict: Bad, What: what, Todo: todo} }

func one(f Finding) []Finding { return []Finding{f} }
