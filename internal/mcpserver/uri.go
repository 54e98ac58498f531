package mcpserver

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
)

const (
	poolURI     = "agentrun://pool"
	allURI      = "agentrun://contexts" // of the list of contexts
	contextsURI = allURI + "/"
	// ownContext stands in a URI for the default context of whoever reads it.
	ownContext = "default"
)

// The URI templates of what belongs to a context.
const (
	contextTemplate = contextsURI + "{id}"
	fileTemplate    = contextsURI + "{id}/files/{+path}"
	runTemplate     = contextsURI + "{id}/runs/{n}"
	streamTemplate  = contextsURI + "{id}/runs/{n}/{stream}"
	imageTemplate   = contextsURI + "{id}/runs/{n}/images/{k}"
)

// The streams of a run that can be read whole.
const (
	streamOut    = "stdout"
	streamErr    = "stderr"
	streamResult = "result"
)

// streams are those of a run, in the order in which they are offered.
var streams = []string{streamOut, streamErr, streamResult}

var errNoResource = errors.New("there is no such resource")

// contextURI is where a context can be read.
func contextURI(contextID string) string { return contextsURI + contextID }

// runURI is where a run can be read.
func runURI(contextID string, run int) string {
	return contextsURI + contextID + "/runs/" + strconv.Itoa(run)
}

// outputURI is where the whole of one stream of a run can be read.
func outputURI(contextID string, run int, stream string) string {
	return runURI(contextID, run) + "/" + stream
}

// imageURI is where the k-th picture of a run can be read as it was made, k from 1.
func imageURI(contextID string, run, k int) string {
	return runURI(contextID, run) + "/images/" + strconv.Itoa(k)
}

// fileURI is where a file of a context can be read. Without a contextID it is a file of the reader's default context.
func fileURI(contextID, file string) string {
	if contextID == "" {
		contextID = ownContext
	}
	return contextsURI + contextID + "/files/" + escapePath(path.Clean(file))
}

// escapePath writes a path so that it can stand in a URI.
func escapePath(p string) string { return (&url.URL{Path: "/" + p}).EscapedPath()[1:] }

// normalURI escapes what models leave unescaped, such as spaces and letters outside ASCII: no template would match it.
func normalURI(uri string) string {
	var b strings.Builder
	for n := range len(uri) {
		if c := uri[n]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// kind is what a URI of ours names.
type kind int

const (
	thePool kind = iota
	theContexts
	aContext
	aFile
	aRun
	aStream
	anImage
)

// resourceRef is a URI of ours, taken apart.
type resourceRef struct {
	kind      kind
	contextID string // as written; ownContext only for a file
	path      string // of a file
	run       int
	stream    string
	image     int // from 1
}

// parseResource takes a URI apart. It knows the forms and not what there is.
func parseResource(uri string) (resourceRef, error) {
	switch uri = normalURI(uri); uri {
	case poolURI:
		return resourceRef{kind: thePool}, nil
	case allURI:
		return resourceRef{kind: theContexts}, nil
	}
	tail, ok := strings.CutPrefix(uri, contextsURI)
	if !ok || strings.ContainsAny(tail, "?#") {
		return resourceRef{}, errNoResource
	}
	parts := strings.SplitN(tail, "/", 3)
	for n := range parts {
		var err error
		if parts[n], err = url.PathUnescape(parts[n]); err != nil || parts[n] == "" {
			return resourceRef{}, errNoResource
		}
	}
	ref := resourceRef{kind: aContext, contextID: parts[0]}
	switch {
	case len(parts) == 1 && parts[0] != ownContext:
		return ref, nil
	case len(parts) == 3 && parts[1] == "files":
		ref.kind, ref.path = aFile, parts[2]
		return ref, nil
	case len(parts) == 3 && parts[1] == "runs" && parts[0] != ownContext:
		if err := ref.setRun(strings.Split(parts[2], "/")); err != nil {
			return resourceRef{}, err
		}
		return ref, nil
	}
	return resourceRef{}, errNoResource
}

// setRun reads what follows runs/: N, N/STREAM or N/images/K.
func (r *resourceRef) setRun(parts []string) error {
	var ok bool
	if r.run, ok = ordinal(parts[0]); !ok {
		return errNoResource
	}
	switch {
	case len(parts) == 1:
		r.kind = aRun
		return nil
	case len(parts) == 2 && isStream(parts[1]):
		r.kind, r.stream = aStream, parts[1]
		return nil
	case len(parts) == 3 && parts[1] == "images":
		r.kind = anImage
		if r.image, ok = ordinal(parts[2]); ok {
			return nil
		}
	}
	return errNoResource
}

func isStream(name string) bool {
	return name == streamOut || name == streamErr || name == streamResult
}

// ordinal reads a number from 1, written the one way it can be.
func ordinal(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0 && strconv.Itoa(n) == s
}
