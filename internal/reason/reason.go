// Package reason tells why something failed in a form that every language can be given to: a code, and what the sentence of that code
// names. The sentences stand in the translations of the window, under reason.CODE; a test of package words sees to it that none is
// missing. Errors keep their own English sentences for logs, results and the command line.
package reason

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

// Code is why something failed.
type Code string

// The codes that stand for one thing each. Those of groups begin with the group's name and end with what the group calls it.
const (
	NoCredentials     Code = "no-credentials"
	FaultyCredentials Code = "faulty-credentials" //nolint:gosec // no credentials: {fields} cannot be right
	FixedCredentials  Code = "fixed-credentials"  //nolint:gosec // no credentials: they are in the environment, which cannot be changed from here
	NoPlaceForKeys    Code = "no-place-for-keys"
	SettingRefused    Code = "setting-refused" // {setting} cannot be that: {detail}
	SettingDefault    Code = "setting-default" // {setting} is not used: {detail}
	SettingsBroken    Code = "settings-broken" // the file as a whole: {detail}
	NameRefused       Code = "name-refused"    // a token's
	SessionGone       Code = "session-gone"
	SessionBusy       Code = "session-busy"
	SessionAmbiguous  Code = "session-ambiguous"
	Paused            Code = "paused"
	CapReached        Code = "cap-reached"
	PortUsed          Code = "port-used"
	OrphansUnasked    Code = "orphans-unasked"
	OrphansOfOthers   Code = "orphans-of-others" // of {account} in {region}
	DiskFull          Code = "disk-full"
	NotPermitted      Code = "not-permitted" // by the file system
	Slow              Code = "slow"
	GivenUp           Code = "given-up"

	groupCloud    = "cloud-"    // and a kind of package agentrun
	groupKeychain = "keychain-" // and a state of the keychain
	groupTool     = "tool-"     // and a code of the tool contract
)

// Reason is a code with what its sentence names. The zero Reason means that none is known.
type Reason struct {
	Code Code
	Args status.Args
}

// Error is an error that tells its reason itself.
type Error struct {
	Reason
	Text string // a sentence without its full stop, in English
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Text }

// New makes an Error.
func New(code Code, args status.Args, text string) *Error { return &Error{Reason{code, args}, text} }

// Of finds the reason of an error: the first of those below that the error has in it, from what is known best to what is known least.
func Of(err error) Reason {
	if err == nil {
		return Reason{}
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own.Reason
	}
	if r := ofAccount(err); r.Code != "" {
		return r
	}
	if r := ofInput(err); r.Code != "" {
		return r
	}
	if r := ofEditor(err); r.Code != "" {
		return r
	}
	detail := status.Args{Detail: err.Error()}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return Reason{Code: DiskFull}
	case errors.Is(err, fs.ErrPermission):
		return Reason{NotPermitted, detail}
	}
	if e, ok := errors.AsType[*sandbox.Error](err); ok {
		return Reason{Code(groupTool + string(e.Code)), detail}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Reason{Code: Slow}
	case errors.Is(err, context.Canceled):
		return Reason{Code: GivenUp}
	}
	return Reason{}
}

// ofAccount looks for what is wrong between this computer and an AgentRun account.
func ofAccount(err error) Reason {
	if e, ok := errors.AsType[*secrets.KeychainError](err); ok {
		return Keychain(e.State)
	}
	if e, ok := errors.AsType[*secrets.FaultsError](err); ok {
		return Reason{FaultyCredentials, status.Args{Fields: strings.Join(e.Fields(), ", ")}}
	}
	if errors.Is(err, secrets.ErrNone) {
		return Reason{Code: NoCredentials}
	}
	if e, ok := errors.AsType[*agentrun.APIError](err); ok && e.Kind != agentrun.KindCanceled {
		return Reason{Code(groupCloud + string(e.Kind)), status.Args{Detail: e.Message, Host: e.Host, Action: e.AuthAction}}
	}
	return Reason{}
}

// Keychain is the reason for which the keychain is of no use.
func Keychain(s secrets.State) Reason {
	if s == secrets.Available || s == "" {
		return Reason{}
	}
	return Reason{Code: Code(groupKeychain + string(s))}
}

// ofInput looks for what somebody has entered that cannot be taken.
func ofInput(err error) Reason {
	if e, ok := errors.AsType[*config.RefusedError](err); ok {
		return Reason{SettingRefused, status.Args{Setting: e.Name, Detail: e.Text}}
	}
	if errors.Is(err, config.ErrNotJSON) {
		return Reason{SettingsBroken, status.Args{Detail: err.Error()}}
	}
	if errors.Is(err, tokens.ErrName) {
		return Reason{Code: NameRefused}
	}
	return Reason{}
}
