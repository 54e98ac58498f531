//go:build !linux && !darwin && !windows

package secrets

const (
	todoAbsent  = "set AGENTRUN_ACCESS_KEY_ID, AGENTRUN_ACCESS_KEY_SECRET and AGENTRUN_ACCOUNT_ID in the environment instead"
	todoWaiting = "look for a window that asks for the keyring's password"
	todoFailing = todoAbsent
)

// unreachable says why there is no use in calling the keychain: nothing is known beforehand.
func (system) unreachable() string { return "" }

func classify(err error) error {
	return &KeychainError{State: Failing, Why: "the keychain refused: " + err.Error(), Todo: todoFailing, Err: err}
}
