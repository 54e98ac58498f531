package doctor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

// program is a server that we have started, as an editor would.
type program struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan []byte // closed when the program closes its output
	ended error       // how it ended; may be read once lines is closed
	said  tail
	stop  context.CancelFunc
}

// errEnded says that a program has not waited to be told.
var errEnded = errors.New("the program has ended")

// start starts the program. The goroutine that reads from it ends with it; close waits for both.
func start(ctx context.Context, l editors.Launch, env []string) (*program, error) {
	ctx, stop := context.WithCancel(ctx)
	p := &program{lines: make(chan []byte, 16), stop: stop}
	p.cmd = exec.CommandContext(ctx, l.Command, l.Args...) //nolint:gosec // what the user's own settings say
	p.cmd.Env = env
	p.cmd.Stderr = &p.said
	p.cmd.WaitDelay = 2 * time.Second
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		stop()
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		stop()
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		stop()
		return nil, err
	}
	go p.read(stdout)
	return p, nil
}

// read hands over lines until there are no more, and then waits for the end.
func (p *program) read(stdout io.Reader) {
	defer close(p.lines)
	in := bufio.NewReader(stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			p.lines <- line
		}
		if err != nil {
			p.ended = p.cmd.Wait()
			return
		}
	}
}

func (p *program) verb() string      { return "Started as the editor would" }
func (p *program) lastWords() string { return p.said.last() }

func (p *program) send(_ context.Context, r request) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := p.stdin.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("it does not read what it is sent: %w", err)
	}
	return nil
}

func (p *program) exchange(ctx context.Context, r request) (response, error) {
	if err := p.send(ctx, r); err != nil {
		return response{}, p.deaf(ctx, err)
	}
	for {
		select {
		case line, more := <-p.lines:
			if !more {
				return response{}, p.gone()
			}
			var answer response
			if err := json.Unmarshal(line, &answer); err != nil {
				return response{}, errors.New("it wrote something to its standard output that is not MCP")
			}
			if answer.Method == "" && string(answer.ID) == strconv.Itoa(r.ID) {
				return answer, nil
			}
		case <-ctx.Done():
			return response{}, ctx.Err()
		}
	}
}

// deaf says why a program does not read. One that is about to end does not, and how it ends says more.
func (p *program) deaf(ctx context.Context, err error) error {
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	for {
		select {
		case _, more := <-p.lines:
			if !more {
				return p.gone()
			}
		case <-patience.C:
			return err
		case <-ctx.Done():
			return err
		}
	}
}

func (p *program) gone() error {
	if p.ended != nil {
		return fmt.Errorf("%w: %w", errEnded, p.ended)
	}
	return errEnded
}

// close ends the program as an editor does, by closing its input, and less kindly if that takes too long.
func (p *program) close() {
	_ = p.stdin.Close()
	patience := time.AfterFunc(3*time.Second, p.stop)
	defer patience.Stop()
	for range p.lines { // what it still says is of no interest
	}
	p.stop()
}
