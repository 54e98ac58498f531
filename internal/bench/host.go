package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// host is a headless host in a home of its own.
type host struct {
	bench   *bench
	home    string
	process *process
	usable  chan struct{} // closed when code can run
	reading sync.WaitGroup
}

// startHost starts a host whose code runs on this computer and does not wait for it. It is killed when ctx ends; end it with stop.
func startHost(ctx context.Context, b *bench, home string) (*host, error) {
	return startHostOn(ctx, b, home, "local", nil)
}

// startCloudHost is startHost for code that runs in the cloud, in the account that an environment names.
func startCloudHost(ctx context.Context, b *bench, account []agentruntest.Variable) (*host, error) {
	var environment []string
	for _, v := range account {
		environment = append(environment, v.Name+"="+v.Value)
	}
	return startHostOn(ctx, b, b.home(), "agentrun", environment)
}

func startHostOn(ctx context.Context, b *bench, home, backend string, environment []string) (*host, error) {
	p, err := b.startIn(ctx, home, environment, b.program("agentrunctl"), "serve", "--backend", backend, "--listen", "127.0.0.1:0", "--welcome")
	if err != nil {
		return nil, err
	}
	h := &host{bench: b, home: home, process: p, usable: make(chan struct{})}
	h.reading.Go(func() { // ends with the host
		greeting := bufio.NewScanner(p.stdout)
		for greeting.Scan() {
			if greeting.Text() != "" {
				close(h.usable)
				return
			}
		}
	})
	return h, nil
}

// awaitUsable waits until the host greets, which it does when its first session is ready.
func (h *host) awaitUsable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	select {
	case <-h.usable:
		return nil
	case <-ctx.Done():
		return h.process.explain(fmt.Errorf("waiting for the host to be ready: %w", ctx.Err()))
	}
}

// awaitReady waits until all warm sessions are there, so that nothing is made beside a measurement. Nothing tells that from
// outside, so it asks; a host is asked once or twice.
func (h *host) awaitReady(ctx context.Context) error {
	if err := h.awaitUsable(ctx); err != nil {
		return err
	}
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		text, err := h.ask(ctx, "status", "--json")
		if err != nil {
			return err
		}
		var s status.Snapshot
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return fmt.Errorf("agentrunctl status: %w", err)
		}
		if s.Pool.Ready >= s.Pool.Warm {
			return nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return h.process.explain(fmt.Errorf("waiting for all sessions: %w", ctx.Err()))
		}
	}
}

// address is where the host listens for HTTP.
func (h *host) address() (string, error) {
	at, err := h.published()
	if err == nil && at.HTTP == "" {
		err = errors.New("the host does not listen for HTTP")
	}
	return at.HTTP, err
}

// socket is where the host listens for the relay.
func (h *host) socket() (door, error) {
	at, err := h.published()
	return door{address: "http://agentrun/mcp", socket: at.Socket}, err
}

// published is what the host tells those who look for it.
func (h *host) published() (instance.Address, error) {
	dirs, err := paths.FromEnv(func(name string) string {
		if name == paths.HomeVariable {
			return h.home
		}
		return ""
	}, runtime.GOOS)
	if err != nil {
		return instance.Address{}, err
	}
	info, err := instance.Read(dirs)
	return info.Address, err
}

// token makes a client's token.
func (h *host) token(ctx context.Context) (string, error) { return h.ask(ctx, "token", "bench") }

// ask runs a command of the command line on this host and returns what it prints.
func (h *host) ask(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, h.bench.program("agentrunctl"), args...)
	cmd.Env = withHome(cmd, h.home)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("agentrunctl %s: %w: %s", args[0], err, complaint.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// stop ends the host as a user would.
func (h *host) stop() error {
	defer h.reading.Wait()
	if runtime.GOOS == "windows" {
		return errors.Join(h.process.cmd.Process.Kill(), h.process.cmd.Wait()) // there is no signal to send
	}
	return h.process.stop(syscall.SIGTERM)
}
