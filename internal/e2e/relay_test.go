//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// relay is one running agentrun-mcp with the test at the editor's end. Every line that passes is booked and judged.
type relay struct {
	home  *home
	cmd   *exec.Cmd
	stdin io.WriteCloser
	wire  *wire

	stdout io.Closer // our end of it

	said     *transcript // standard output
	grumbled *transcript // standard error

	mu       sync.Mutex
	listener *io.PipeWriter // the client that reads along, if there is one

	done chan struct{} // closed when the process has ended and standard output with it
	err  error         // how; read after done
}

// relay starts the relay the way an editor does: no arguments, few variables, standard streams as pipes.
func (h *home) relay(t *testing.T) *relay { return h.relayAs(t, relayProgram()) }

// relayAs starts a command line that ends in being the relay.
func (h *home) relayAs(t *testing.T, name string, args ...string) *relay {
	t.Helper()
	r := &relay{home: h, wire: newWire(), said: newTranscript(), grumbled: newTranscript(), done: make(chan struct{})}
	r.cmd = exec.Command(name, args...)
	r.cmd.Env = h.env
	r.cmd.Dir = h.dir
	r.cmd.Stderr = r.grumbled
	r.cmd.WaitDelay = 5 * time.Second // an output that stays open after the end is reported as an error
	stdin, err := r.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdin = stdin
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdout = stdout
	if err := r.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(r.done)
		r.listen(stdout)
		r.err = r.cmd.Wait()
		r.grumbled.end()
	}()
	t.Cleanup(func() { r.finish(t) })
	return r
}

// listen books every line of standard output and passes it on to the client that reads along.
func (r *relay) listen(stdout io.Reader) {
	defer r.said.end()
	in := bufio.NewReader(stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			r.wire.heard(line)
			_, _ = r.said.Write(line)
			r.mu.Lock()
			along := r.listener
			r.mu.Unlock()
			if along != nil {
				_, _ = along.Write(line) // it may have gone
			}
		}
		if err != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.listener != nil {
				_ = r.listener.Close()
			}
			return
		}
	}
}

// streams gives a client its two ends. Closing the writer closes the relay's standard input.
func (r *relay) streams() (io.ReadCloser, io.WriteCloser) {
	pr, pw := io.Pipe()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener = pw
	return pr, &booked{r: r}
}

// booked is the relay's standard input, with every line booked.
type booked struct {
	r    *relay
	part []byte
}

func (b *booked) Write(p []byte) (int, error) {
	b.part = append(b.part, p...)
	for {
		at := strings.IndexByte(string(b.part), '\n')
		if at < 0 {
			break
		}
		b.r.wire.sent(b.part[:at])
		b.part = b.part[at+1:]
	}
	return b.r.stdin.Write(p)
}

func (b *booked) Close() error { return b.r.stdin.Close() }

// send writes one line as it is.
func (r *relay) send(t *testing.T, line string) {
	t.Helper()
	r.wire.sent([]byte(line))
	if _, err := io.WriteString(r.stdin, line+"\n"); err != nil {
		t.Fatalf("write to the relay: %v; it said:\n%s%s", err, r.said, r.grumbled)
	}
}

// answer waits for the answer to a request that was sent as a line.
func (r *relay) answer(t *testing.T, id string) message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var found message
	_, err := r.said.await(ctx, func(line string) bool {
		var m message
		if json.Unmarshal([]byte(line), &m) != nil || m.Method != "" || string(m.ID) != id {
			return false
		}
		found = m
		return true
	})
	if err != nil {
		t.Fatalf("no answer to request %s: %v", id, err)
	}
	return found
}

// ended waits until the process is gone and returns how long that took.
func (r *relay) ended(t *testing.T, within time.Duration, why string) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(within):
		t.Errorf("the relay (process %d) did not end within %v after %s; it said on standard error:\n%s", r.cmd.Process.Pid, within, why, r.grumbled)
	}
}

// finish closes standard input, as an editor that ends does, waits for the end, and judges the whole conversation.
func (r *relay) finish(t *testing.T) {
	t.Helper()
	_ = r.stdin.Close()
	const within = 10 * time.Second
	select {
	case <-r.done:
	case <-time.After(within):
		t.Errorf("the relay (process %d) runs on %v after its standard input was closed; it said on standard error:\n%s", r.cmd.Process.Pid, within, r.grumbled)
		_ = r.cmd.Process.Kill()
		<-r.done
	}
	exit, killed := errors.AsType[*exec.ExitError](r.err)
	switch {
	case r.err == nil:
	case killed && !exit.Exited(): // by the test
	default:
		t.Errorf("the relay ended with %v, want no error; it said on standard error:\n%s", r.err, r.grumbled)
	}
	for _, fault := range r.wire.check(false) {
		t.Error(fault)
	}
}

// hello is the handshake of the older era as two lines.
func (r *relay) hello(t *testing.T, name string) {
	t.Helper()
	r.send(t, fmt.Sprintf(`{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":%q,"version":"1.0"}}}`, legacy, name))
	if m := r.answer(t, `"hello"`); m.Error != nil {
		t.Fatalf("initialize was refused: %d %s", m.Error.Code, m.Error.Message)
	}
	r.send(t, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
}

// toolCall is a tools/call as one line, in either era.
func toolCall(era, id, tool string, args any) string {
	params := map[string]any{"name": tool, "arguments": args}
	if era == modern {
		params["_meta"] = map[string]any{
			"io.modelcontextprotocol/protocolVersion":    modern,
			"io.modelcontextprotocol/clientInfo":         map[string]any{"name": "by-hand", "version": "1.0"},
			"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		}
	}
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": json.RawMessage(id), "method": "tools/call", "params": params})
	if err != nil {
		panic(err) // maps of strings always encode
	}
	return string(text)
}
