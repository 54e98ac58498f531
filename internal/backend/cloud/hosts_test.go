package cloud_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/ledger"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// host is a program with a backend and a ledger. It can be killed: from then on it reaches nobody, and its successor finds the disk
// as it was at that moment.
type host struct {
	*cloud.Backend
	client *agentrun.Client
	line   *line
	book   *ledger.Ledger
	folder string
}

// line is the way to the service, which can be cut.
type line struct {
	http.RoundTripper
	isCut atomic.Bool
}

// RoundTrip implements [http.RoundTripper].
func (l *line) RoundTrip(req *http.Request) (*http.Response, error) {
	if l.isCut.Load() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ENETUNREACH}
	}
	return l.RoundTripper.RoundTrip(req)
}

// host starts one. Its folder is that of the one before it, or a new one.
func (w *world) host(t *testing.T, before *host, options cloud.Options, change ...func(*agentrun.Config)) *host {
	t.Helper()
	h := &host{line: &line{RoundTripper: w.Transport()}}
	if before != nil {
		h.folder = before.folder
	} else {
		h.folder = t.TempDir()
	}
	h.book = ledger.New(h.folder)
	config := agentrun.Config{AccountID: agentruntest.AccountID, Transport: h.line, Credentials: agentrun.Static(credentials)}
	for _, change := range change {
		change(&config)
	}
	var err error
	if h.client, err = agentrun.New(config); err != nil {
		t.Fatal(err)
	}
	options.Client, options.Ledger = h.client, h.book
	if h.Backend, err = cloud.New(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.end(t) })
	return h
}

// end waits until a host has ended what nobody got.
func (h *host) end(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// kill ends a host between two instructions.
func (h *host) kill(t *testing.T) {
	t.Helper()
	h.line.isCut.Store(true)
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(h.folder)); err != nil {
		t.Fatal(err)
	}
	h.folder = folder
}

// open makes a session, which is closed when the test ends.
func (h *host) open(t *testing.T) sandbox.Lasting {
	t.Helper()
	s := h.lend(t)
	t.Cleanup(func() { shut(t, s) })
	return s
}

// lend makes a session that nobody closes.
func (h *host) lend(t *testing.T) sandbox.Lasting {
	t.Helper()
	s, err := h.Open(t.Context())
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	return s.(sandbox.Lasting)
}

// entered lists what the ledger on the disk has.
func (h *host) entered(t *testing.T) []string {
	t.Helper()
	entries, err := ledger.New(h.folder).Entries()
	if err != nil {
		t.Fatalf("Entries = %v", err)
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.SandboxID)
	}
	return ids
}

// holds checks what lives, and that the ledger on the disk has exactly that.
func (w *world) holds(t *testing.T, h *host, want ...string) {
	t.Helper()
	living, entered := w.Sandboxes(), h.entered(t)
	for _, ids := range []*[]string{&living, &entered, &want} {
		slices.Sort(*ids)
	}
	if !slices.Equal(living, want) || !slices.Equal(entered, want) {
		t.Errorf("%q live and the ledger has %q, want %q", living, entered, want)
	}
}

// isEmpty looks whether nothing of contexts is in a sandbox.
func (w *world) isEmpty(t *testing.T, id string) {
	t.Helper()
	if contexts, err := w.client.ListContexts(t.Context(), id); err != nil || len(contexts) != 0 {
		t.Errorf("%s has the contexts %v, %v, want none", id, contexts, err)
	}
	if folder, err := w.client.ListFolder(t.Context(), id, agentrun.HomeFolder, 1); err != nil || len(folder.Entries) != 0 {
		t.Errorf("%s has the files %v, %v, want none", id, folder.Entries, err)
	}
	if processes, err := w.client.ListProcesses(t.Context(), id); err != nil || len(processes) != 0 {
		t.Errorf("%s has the processes %v, %v, want none", id, processes, err)
	}
}
