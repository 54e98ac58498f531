package interpreter

import (
	"strings"

	"github.com/google/uuid"
)

// idPrefix is what the ID of every context begins with.
const idPrefix = "ctx-"

// IsContextID reports whether a text has the form of a context's ID, so that there may be or may have been such a context.
func IsContextID(id string) bool {
	rest, ok := strings.CutPrefix(id, idPrefix)
	if !ok {
		return false
	}
	u, err := uuid.Parse(rest)
	return err == nil && u.String() == rest
}
