package ui

import (
	"context"
	"io"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
)

// Host carries out what somebody asks for in the window. Every panel uses its own part of it. A command may take its time; it ends
// with its context. An error is a sentence for people.
type Host interface {
	overviewHost
	contextsHost
	activityHost
	editorsHost
	settingsHost
	firstRunHost
}

type overviewHost interface {
	PausePool(ctx context.Context) error
	ResumePool(ctx context.Context) error
	RetryPool(ctx context.Context) error // tries to make a session at once
	SetWarm(ctx context.Context, n int) error
	ReplaceSession(ctx context.Context, backend string, id uint64) error
	EndSession(ctx context.Context, backend string, id uint64) error
}

type contextsHost interface {
	// WatchContext says whose notebook the next views shall have. It returns at once.
	WatchContext(contextID string)
	NewContext(ctx context.Context, language string) (contextID string, err error)
	StopContext(ctx context.Context, contextID string) error
	Interrupt(ctx context.Context, contextID string) error
	// RunCode starts code in a context; what comes of it is in the notebook. An empty id means a new context of the language.
	RunCode(ctx context.Context, contextID, language, code string) (newContextID string, err error)
	SaveNotebook(ctx context.Context, contextID string, to io.Writer) error
}

type activityHost interface {
	ExportCalls(ctx context.Context, to io.Writer) error
	OpenLogFolder(ctx context.Context) error
}

type editorsHost interface {
	PreviewEditor(ctx context.Context, id string) (Preview, error)
	SetEditor(ctx context.Context, id string, on bool) error
	TestEditor(ctx context.Context, id string) (outcome string, err error)
}

type settingsHost interface {
	credentialsHost
	activityHost
	// Change sets one value. It says whether that waits for a restart.
	Change(ctx context.Context, name string, value any) (restart bool, err error)
	SetAutostart(ctx context.Context, on bool) error
	MakeToken(ctx context.Context, client string) (token string, err error)
	RevokeToken(ctx context.Context, client string) error
}

type credentialsHost interface {
	// CheckCredentials asks the service whether they are right. Empty ones mean those that are kept.
	CheckCredentials(ctx context.Context, c secrets.Credentials) error
	SaveCredentials(ctx context.Context, c secrets.Credentials) error
	RemoveCredentials(ctx context.Context) error
}

type firstRunHost interface {
	credentialsHost
	editorsHost
	ChooseBackend(ctx context.Context, name string) error
	// FinishSetup notes that the first steps need not be shown again.
	FinishSetup(ctx context.Context) error
}
