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
	mendHost
	PausePool(ctx context.Context) error
	ResumePool(ctx context.Context) error
	RetryPool(ctx context.Context) error // tries to make a session at once
	SetWarm(ctx context.Context, n int) error
	ReplaceSession(ctx context.Context, backend string, id uint64) error
	EndSession(ctx context.Context, backend string, id uint64) error
	// OpenSettingsFolder shows the folder of the settings file.
	OpenSettingsFolder(ctx context.Context) error
}

type contextsHost interface {
	interruptHost
	// WatchContext says whose notebook the next views shall have. It returns at once.
	WatchContext(contextID string)
	NewContext(ctx context.Context, language string) (contextID string, err error)
	StopContext(ctx context.Context, contextID string) error
	// RunCode starts code in a context; what comes of it is in the notebook. An empty id means a new context of the language.
	RunCode(ctx context.Context, contextID, language, code string) (newContextID string, err error)
	SaveNotebook(ctx context.Context, contextID string, to io.Writer) error
}

// interruptHost is for code and commands that go on.
type interruptHost interface {
	// Interrupt ends a run, also one that waits, and keeps its context.
	Interrupt(ctx context.Context, runID string) error
}

type activityHost interface {
	interruptHost
	ExportCalls(ctx context.Context, to io.Writer) error
	OpenLogFolder(ctx context.Context) error
}

type editorsHost interface {
	mendHost
	// PreviewEditor says what a change would do, and does nothing.
	PreviewEditor(ctx context.Context, change EditorChange) (Preview, error)
	// ChangeEditor carries a change out; where the editor asks its user itself, it makes it ask.
	ChangeEditor(ctx context.Context, change EditorChange) ([]Remark, error)
	// UndoEditor takes back the last change.
	UndoEditor(ctx context.Context, id string) error
	// TestEditor does what the editor would do to run code, and hands over what it finds on the way, as it finds it. An empty id means no
	// editor in particular: everything.
	TestEditor(ctx context.Context, id string, found func(Finding)) error
}

// mendHost is for editors that have lost their connection.
type mendHost interface {
	// MendEditor connects it again as it was.
	MendEditor(ctx context.Context, id string) ([]Remark, error)
	// LeaveEditor lets it be as it is, for good.
	LeaveEditor(ctx context.Context, id string) error
}

type settingsHost interface {
	credentialsHost
	activityHost
	// OpenSettingsFolder shows the folder of the settings file.
	OpenSettingsFolder(ctx context.Context) error
	// Change sets one value.
	Change(ctx context.Context, name string, value any) error
	SetAutostart(ctx context.Context, on bool) error
	MakeToken(ctx context.Context, client string) (token string, err error)
	RevokeToken(ctx context.Context, client string) error
}

type credentialsHost interface {
	// CheckCredentials asks the service whether they are right. Empty ones mean those that are kept.
	CheckCredentials(ctx context.Context, c secrets.Credentials) error
	SaveCredentials(ctx context.Context, c secrets.Credentials) error
	RemoveCredentials(ctx context.Context) error
	// OpenConsole shows where the user of an account makes keys.
	OpenConsole(ctx context.Context) error
	// OpenKeychain has the keychain opened, which may ask its user something, and uses what it has.
	OpenKeychain(ctx context.Context) error
}

type firstRunHost interface {
	credentialsHost
	editorsHost
	ChooseBackend(ctx context.Context, name string) error
	// FinishSetup notes that the first steps need not be shown again.
	FinishSetup(ctx context.Context) error
}
