package secrets

import (
	"errors"
	"os/exec"
)

const (
	todoAbsent  = "open Keychain Access and see that there is a login keychain, or set AGENTRUN_ACCESS_KEY_ID, AGENTRUN_ACCESS_KEY_SECRET and AGENTRUN_ACCOUNT_ID in the environment instead"
	todoLocked  = "unlock the login keychain in Keychain Access (over ssh: security unlock-keychain) and try again"
	todoWaiting = "look for a window that asks for the login keychain's password"
	todoFailing = "look at the login keychain in Keychain Access"
)

// unreachable says why there is no use in calling the keychain: nothing is known beforehand.
func (system) unreachable() string { return "" }

// What /usr/bin/security exits with: the last byte of the keychain's own number for it.
const (
	exitNoInteraction = 36  // errSecInteractionNotAllowed, -25308
	exitAuthFailed    = 51  // errSecAuthFailed, -25293
	exitCanceled      = 128 // userCanceledErr, -128
	exitNoKeychain    = 50  // errSecNoSuchKeychain, -25294
	exitNoDefault     = 37  // errSecNoDefaultKeychain, -25307
)

func classify(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		switch exit.ExitCode() {
		case exitNoInteraction, exitAuthFailed, exitCanceled:
			return &KeychainError{State: Locked, Why: "the keychain is locked, and was not unlocked", Todo: todoLocked, Err: err}
		case exitNoKeychain, exitNoDefault:
			return &KeychainError{State: Absent, Why: "there is no login keychain", Todo: todoAbsent, Err: err}
		}
	}
	return &KeychainError{State: Failing, Why: "the keychain refused: " + err.Error(), Todo: todoFailing, Err: err}
}
