package secrets

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
	ss "github.com/zalando/go-keyring/secret_service"
)

const (
	todoAbsent  = "install and start a keyring such as gnome-keyring or KeePassXC in your desktop session, or set AGENTRUN_ACCESS_KEY_ID, AGENTRUN_ACCESS_KEY_SECRET and AGENTRUN_ACCOUNT_ID in the environment instead"
	todoLocked  = "unlock the keyring (it opens with the login password, or in Passwords and Keys) and try again; where there is no desktop set AGENTRUN_ACCESS_KEY_ID, AGENTRUN_ACCESS_KEY_SECRET and AGENTRUN_ACCOUNT_ID in the environment instead"
	todoWaiting = "look for a window that asks for the keyring's password"
	todoFailing = "look at the keyring in Passwords and Keys or in KeePassXC, or log out of the desktop and in again"
)

// unreachable says why there is no use in calling the keychain, or "". Without a session bus the library would start one, and
// leave it behind.
func (s system) unreachable() string {
	if address := s.getenv("DBUS_SESSION_BUS_ADDRESS"); address != "" && address != "autolaunch:" {
		return ""
	}
	for _, name := range []string{"bus", "dbus-session"} {
		if _, err := os.Stat("/run/user/" + strconv.Itoa(os.Getuid()) + "/" + name); err == nil {
			return ""
		}
	}
	return "there is no keychain here, because there is no session bus to reach one by"
}

// Locked implements [Watched] by what the keyring tells everybody. It asks for the keyring that the library asks, and for our entry in it,
// as some lock their entries one by one.
func (s system) Locked(entry string) (bool, error) {
	if s.unreachable() != "" {
		return false, errNoBus
	}
	keyring, err := ss.NewSecretService()
	if err != nil {
		return false, err
	}
	collection := keyring.GetLoginCollection()
	if locked, err := isLocked(collection, "org.freedesktop.Secret.Collection.Locked"); err != nil || locked {
		return locked, err
	}
	items, err := keyring.SearchItems(collection, map[string]string{"username": entry, "service": Service})
	if err != nil || len(items) == 0 {
		return false, err
	}
	return isLocked(keyring.Object("org.freedesktop.secrets", items[0]), "org.freedesktop.Secret.Item.Locked")
}

var errNoBus = errors.New("there is no session bus")

func isLocked(object dbus.BusObject, property string) (locked bool, err error) {
	err = object.StoreProperty(property, &locked)
	return locked, err
}

// classify goes by the words: the library passes on what the bus and the keyring say.
func classify(err error) error {
	text := err.Error()
	says := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(text, word) {
				return true
			}
		}
		return false
	}
	switch {
	case says("failed to unlock", "locked"):
		return &KeychainError{State: Locked, Why: "the keychain is locked, and was not unlocked", Todo: todoLocked, Err: err}
	case says("was not provided by any .service files"):
		return &KeychainError{State: Absent, Why: "there is no keychain here: no program offers one on the session bus", Todo: todoAbsent, Err: err}
	case says("session bus", "connect:", "connection refused", "dbus-launch"):
		return &KeychainError{State: Absent, Why: "there is no keychain here: the session bus cannot be reached", Todo: todoAbsent, Err: err}
	case says("aliases/default"):
		return &KeychainError{State: Absent, Why: "the keychain has no default keyring yet", Todo: "make one in Passwords and Keys, or log out of the desktop and in again", Err: err}
	default:
		return &KeychainError{State: Failing, Why: "the keychain refused: " + text, Todo: todoFailing, Err: err}
	}
}
