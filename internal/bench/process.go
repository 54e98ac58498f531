package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// grace is how long a program may take to end when it was asked to.
const grace = 15 * time.Second

// process is one program under test, or a peer. Whoever starts it calls stop.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	errors string    // file that has its standard error; to read along would cost the machine time while it is measured
	began  time.Time // just before it was started
}

// start runs a program with its home; home may be empty for programs that need none. When ctx ends the program is killed.
func (b *bench) start(ctx context.Context, home, program string, args ...string) (*process, error) {
	return b.startIn(ctx, home, nil, program, args...)
}

// startIn is start with more in the program's environment.
func (b *bench) startIn(ctx context.Context, home string, environment []string, program string, args ...string) (*process, error) {
	file, err := os.CreateTemp(b.folder, "stderr-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // the program has its own
	p := &process{cmd: exec.CommandContext(ctx, program, args...), errors: file.Name()}
	if home != "" {
		p.cmd.Env = append(withHome(p.cmd, home), environment...)
	}
	p.cmd.Stderr = file
	var errIn, errOut error
	p.stdin, errIn = p.cmd.StdinPipe()
	p.stdout, errOut = p.cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		return nil, err
	}
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return p, nil
}

func withHome(cmd *exec.Cmd, home string) []string {
	return append(cmd.Environ(), "AGENTRUN_TRAY_HOME="+home)
}

// stop closes the program's input, sends it a signal if one is given, waits for its end and kills it when that takes too long.
func (p *process) stop(signal os.Signal) error {
	_ = p.stdin.Close() // it may have closed its end
	if signal != nil {
		if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			_ = p.cmd.Process.Kill()
		}
	}
	stubborn := make(chan struct{})
	timer := time.AfterFunc(grace, func() {
		close(stubborn)
		_ = p.cmd.Process.Kill()
	})
	err := p.cmd.Wait()
	if !timer.Stop() {
		<-stubborn
		return p.explain(fmt.Errorf("%s did not end within %v", p.cmd.Path, grace))
	}
	if err != nil && !endedBy(err, signal) {
		return p.explain(fmt.Errorf("%s: %w", p.cmd.Path, err))
	}
	return nil
}

// endedBy reports whether the error of a program only says that the signal ended it.
func endedBy(err error, signal os.Signal) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || signal == nil {
		return false
	}
	state, ok := exit.Sys().(syscall.WaitStatus)
	return ok && state.Signaled() && os.Signal(state.Signal()) == signal
}

// explain adds the last of what the program wrote to its standard error.
func (p *process) explain(err error) error {
	text, readErr := os.ReadFile(p.errors)
	if readErr != nil || len(text) == 0 {
		return err
	}
	const lines = 12
	written := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Errorf("%w; it wrote:\n%s", err, strings.Join(written[max(len(written)-lines, 0):], "\n"))
}
