package mcpserver

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
)

func TestURIsComeApartAsTheyWerePutTogether(t *testing.T) {
	const id = "ctx-00000000-0000-4000-8000-000000000000"
	tests := []struct {
		uri  string
		want resourceRef
	}{
		{poolURI, resourceRef{kind: thePool}},
		{allURI, resourceRef{kind: theContexts}},
		{contextURI(id), resourceRef{kind: aContext, contextID: id}},
		{fileURI(id, "a b/größe #1?.csv"), resourceRef{kind: aFile, contextID: id, path: "a b/größe #1?.csv"}},
		{contextURI(id) + "/files/a b.csv", resourceRef{kind: aFile, contextID: id, path: "a b.csv"}},
		{fileURI(id, "runs/1"), resourceRef{kind: aFile, contextID: id, path: "runs/1"}},
		{fileURI("", "x"), resourceRef{kind: aFile, contextID: ownContext, path: "x"}},
		{runURI(id, 12), resourceRef{kind: aRun, contextID: id, run: 12}},
		{outputURI(id, 1, "stderr"), resourceRef{kind: aStream, contextID: id, run: 1, stream: "stderr"}},
		{imageURI(id, 3, 2), resourceRef{kind: anImage, contextID: id, run: 3, image: 2}},
	}
	for _, tt := range tests {
		if got, err := parseResource(tt.uri); err != nil || got != tt.want {
			t.Errorf("parseResource(%q) = %+v, %v, want %+v", tt.uri, got, err, tt.want)
		}
	}
}

func FuzzResourceURIs(f *testing.F) {
	for _, seed := range []string{
		poolURI, allURI, "agentrun://contexts/ctx-1/files/a%2f..%2fb", "agentrun://contexts/ctx-1/runs/1/images/2", "agentrun://contexts/%/runs/1",
		"agentrun://contexts/a%2fb", "agentrun://contexts/ctx-1/runs/99999999999999999999", "agentrun://contexts/é/files/\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		ref, err := parseResource(uri)
		if err != nil {
			return
		}
		if again, err := parseResource(normalURI(uri)); err != nil || again != ref {
			t.Errorf("parseResource(%q) = %+v, of its normal form %+v, %v", uri, ref, again, err)
		}
		if (ref.kind == thePool || ref.kind == theContexts) != (ref.contextID == "") || (ref.kind == aFile) != (ref.path != "") || (ref.run > 0) != (ref.kind >= aRun) {
			t.Errorf("parseResource(%q) = %+v", uri, ref)
		}
		if ref.contextID == ownContext && ref.kind != aFile {
			t.Errorf("parseResource(%q) = %+v, which would be another one's", uri, ref)
		}
	})
}

func FuzzCursors(f *testing.F) {
	f.Add("")
	f.Add("x")
	f.Add(base64.StdEncoding.EncodeToString([]byte("5 ctx-00000000-0000-4000-8000-000000000000")))
	f.Fuzz(func(t *testing.T, cursor string) {
		at, err := readCursor(mcp.Cursor(cursor))
		if err != nil || cursor == "" {
			return
		}
		if again, err := readCursor(at.cursor()); err != nil || again != at || !strings.HasPrefix(at.id, "ctx-") {
			t.Errorf("readCursor(%q) = %+v, and once more %+v, %v", cursor, at, again, err)
		}
	})
}
