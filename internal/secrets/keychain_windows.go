package secrets

import (
	"errors"
	"syscall"
)

const (
	todoAbsent  = "log in at the computer itself, as the Credential Manager is not there for services and some remote sessions, or set AGENTRUN_ACCESS_KEY_ID, AGENTRUN_ACCESS_KEY_SECRET and AGENTRUN_ACCOUNT_ID in the environment instead"
	todoWaiting = "try again in a moment"
	todoFailing = "look at the Credential Manager in the Control Panel"
)

// unreachable says why there is no use in calling the keychain: nothing is known beforehand.
func (system) unreachable() string { return "" }

// What the Credential Manager answers where it keeps nothing: the session has no credentials of its own, or the service is off.
const (
	noSuchLogonSession syscall.Errno = 1312
	serviceDisabled    syscall.Errno = 1058
	serverUnavailable  syscall.Errno = 1722
)

func classify(err error) error {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		switch number {
		case noSuchLogonSession, serviceDisabled, serverUnavailable:
			return &KeychainError{State: Absent, Why: "the Credential Manager does not serve this session", Todo: todoAbsent, Err: err}
		}
	}
	return &KeychainError{State: Failing, Why: "the Credential Manager refused: " + err.Error(), Todo: todoFailing, Err: err}
}
