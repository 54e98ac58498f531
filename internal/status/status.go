// Package status holds what there is to show of a running host: one immutable [Snapshot], and the [Hub] that hands the newest
// one to whoever draws it. The window, the tray, the command line and the MCP resources all show the same snapshot.
package status

import "time"

// Snapshot is the state of a host at one moment. Nothing in it changes after it was published: make a new one. The JSON names
// are a promise to scripts that read `agentrunctl status --json`.
type Snapshot struct {
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	StartedAt time.Time `json:"started_at"`
	Phase     Phase     `json:"phase"`
	Backend   Backend   `json:"backend"`
	Addresses Addresses `json:"addresses"`
	Pool      Pool      `json:"pool"`
	Cost      *Cost     `json:"cost,omitempty"` // absent where nothing costs money
	Sessions  []Session `json:"sessions"`
	Contexts  []Context `json:"contexts"`
	Runs      []Run     `json:"runs"`
	Clients   []Client  `json:"clients"`
	Tokens    []Token   `json:"tokens"`
	Problems  []Problem `json:"problems"`
}

// Phase is what the host as a whole is doing.
type Phase string

// The phases of a host.
const (
	Starting Phase = "starting" // no session is ready yet
	Ready    Phase = "ready"    // code can run
	Working  Phase = "working"  // code is running
	Paused   Phase = "paused"   // the pool was emptied to save money and fills at the next use
	Troubled Phase = "troubled" // sessions cannot be made or reached, though some may be left; Problems says why
	Stopping Phase = "stopping" // shutting down
)

// Backend says where new contexts are made. What is empty does not concern it.
type Backend struct {
	Name            string  `json:"name"`    // agentrun, local or mock
	Setting         string  `json:"setting"` // what the settings ask for, such as auto
	Note            string  `json:"note"`    // what is and is not there, in a sentence or two
	Fallback        string  `json:"fallback,omitempty"`
	Region          string  `json:"region,omitempty"`
	Account         string  `json:"account,omitempty"`
	Template        string  `json:"template,omitempty"`
	Credentials     string  `json:"credentials,omitempty"` // where they were found
	ControlEndpoint string  `json:"control_endpoint,omitempty"`
	DataEndpoint    string  `json:"data_endpoint,omitempty"`
	Loading         *Loader `json:"loading,omitempty"`
}

// Loader is the progress of something that takes seconds before the first session can be ready.
type Loader struct {
	What  string    `json:"what"`
	Stage Stage     `json:"stage,omitempty"` // what What is about, for faces that word it themselves
	Since time.Time `json:"since"`
}

// Stage is a part of the way to the first session.
type Stage string

// The stages.
const (
	Compiling Stage = "compiling" // the engine on this computer, which is kept for the next start
	Launching Stage = "launching" // the engine
	Template  Stage = "template"  // is made in the account, or awaited
	Opening   Stage = "sandbox"   // one starts in the cloud
	Recovery  Stage = "recovery"  // sandboxes of an earlier run are looked at
)

// Addresses are where clients reach the MCP face.
type Addresses struct {
	HTTP   string `json:"http"`   // http://127.0.0.1:PORT/mcp, or empty when that face is off
	Socket string `json:"socket"` // path of the unix socket
}

// Pool counts sessions.
type Pool struct {
	Warm        int        `json:"warm"`     // wanted ready
	Max         int        `json:"max"`      // never more than this
	Ready       int        `json:"ready"`    // code can run in them now
	Starting    int        `json:"starting"` // being made
	Closing     int        `json:"closing"`
	Waiting     int        `json:"waiting"` // callers that wait for a session
	Paused      bool       `json:"paused"`
	Suspended   string     `json:"suspended,omitempty"`    // why it stays paused whoever wants a session
	LastFailure string     `json:"last_failure,omitempty"` // why the last attempt to make a session failed
	NextAttempt *time.Time `json:"next_attempt,omitempty"`
}

// Cost is what sandboxes in the cloud have cost, about: an estimate from list prices, and no bill.
type Cost struct {
	Currency string   `json:"currency"` // CNY
	Today    Spending `json:"today"`
	Month    Spending `json:"month"`
	DailyCap float64  `json:"daily_cap,omitempty"` // at which the pool is suspended until the next day; absent: none
}

// Spending is what was used in some time.
type Spending struct {
	SandboxSeconds int64   `json:"sandbox_seconds"` // the lives of all sandboxes, added up
	BusySeconds    int64   `json:"busy_seconds"`    // of that, while something ran in them
	Calls          int64   `json:"calls"`
	Estimate       float64 `json:"estimate"`
}

// Session is one sandbox held by the pool.
type Session struct {
	ID        uint64     `json:"id"` // number in the pool of its backend
	Backend   string     `json:"backend"`
	SandboxID string     `json:"sandbox_id"`
	State     string     `json:"state"` // starting, ready, leased, retiring or closing
	CreatedAt time.Time  `json:"created_at"`
	ReadyAt   *time.Time `json:"ready_at,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"` // when it is renewed; absent if it does not age
	EndsAt    *time.Time `json:"ends_at,omitempty"`    // when it ends whatever runs in it; absent if nothing ends it
	Contexts  int        `json:"contexts"`
}

// Context is one code context.
type Context struct {
	ID        string    `json:"context_id"`
	Name      string    `json:"name"`
	Language  string    `json:"language"`
	Status    string    `json:"status"` // active, running or lost
	Backend   string    `json:"backend"`
	Instead   string    `json:"instead,omitempty"` // why it is on another backend than it was meant for
	SandboxID string    `json:"sandbox_id"`
	Client    string    `json:"client"`
	CreatedAt time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used"`
	Runs      int       `json:"runs"`
	RunID     string    `json:"run_id,omitempty"` // of the run in progress
}

// Run is code or a command that goes on now, or waits.
type Run struct {
	ID        string     `json:"run_id"`
	Tool      string     `json:"tool"` // with which it was asked for: run_code or run_command
	ContextID string     `json:"context_id"`
	Context   string     `json:"context"` // its name
	Client    string     `json:"client"`
	AskedAt   time.Time  `json:"asked_at"`
	StartedAt *time.Time `json:"started_at,omitempty"` // absent: it waits for its turn or for a session
}

// Client is a program connected to the MCP face.
type Client struct {
	Name         string    `json:"name"` // as it calls itself
	Version      string    `json:"version,omitempty"`
	Via          string    `json:"via"`             // relay, socket or http
	Token        string    `json:"token,omitempty"` // the name of the token it came with, by http
	Since        time.Time `json:"since"`           // when it connected
	LastSeen     time.Time `json:"last_seen"`
	Calls        int       `json:"calls"`         // tool calls answered since it connected
	Errors       int       `json:"errors"`        // of them, those that could not be carried out
	InFlight     int       `json:"in_flight"`     // requests being served, standing streams among them
	AllowedTools []string  `json:"allowed_tools"` // null: all
}

// Token is what lets a client in by http, whether it is connected or not. The secret is nowhere in a snapshot.
type Token struct {
	Client       string    `json:"client"` // the name it was made for
	CreatedAt    time.Time `json:"created_at"`
	Connected    bool      `json:"connected"`
	LastSeen     time.Time `json:"last_seen,omitzero"` // absent: never
	Calls        int       `json:"calls"`              // tool calls answered since the token was made, by other hosts before this one too
	Errors       int       `json:"errors"`
	AllowedTools []string  `json:"allowed_tools"` // null: all
}
