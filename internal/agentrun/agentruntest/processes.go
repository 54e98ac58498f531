package agentruntest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// process is something that runs by a command.
type process struct {
	pid        int
	command    string
	cwd        string
	started    time.Time
	background bool // started by a command, which the service does not know of
	cancel     context.CancelFunc
	over       chan struct{} // closed when it has ended
	code       int           // set before that

	// Guarded by the sandbox's mu.
	group  int // the pid of its leader
	killed int // the signal that ended it
}

// start books a process of a sandbox, in a group: 0 is one of its own, and -1 too, for a process that a command starts. The caller
// calls end.
func (e *Emulator) start(s *sandbox, command, cwd string, group int) (context.Context, *process) {
	ctx, cancel := context.WithCancel(s.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastPID++
	p := &process{pid: s.lastPID, command: command, cwd: cwd, started: e.Now(), background: group != 0, cancel: cancel, over: make(chan struct{}), group: group}
	if group <= 0 {
		p.group = p.pid
	}
	s.processes[p.pid] = p
	return ctx, p
}

// end takes a process out of the books and gives its exit code, which is another where it was killed.
func (s *sandbox) end(p *process, code int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.cancel()
	delete(s.processes, p.pid)
	p.code = code
	if p.killed != 0 {
		p.code = 128 + p.killed
	}
	close(p.over)
	return p.code
}

func (s *sandbox) process(pid int) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes[pid]
}

// signal sends a signal to a process, or to the group of a negative number, and gives whom it found. All signals but 0 end it.
func (s *sandbox) signal(pid, signal int) []*process {
	found := s.group(-pid)
	if p := s.process(pid); p != nil {
		found = []*process{p}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range found {
		if signal != 0 {
			p.killed = cmp.Or(p.killed, signal)
			p.cancel()
		}
	}
	return found
}

// group gives the processes of a group, oldest first.
func (s *sandbox) group(leader int) []*process {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*process
	for _, pid := range slices.Sorted(maps.Keys(s.processes)) {
		if s.processes[pid].group == leader {
			found = append(found, s.processes[pid])
		}
	}
	return found
}

// output is text that several write to.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.ToValidUTF8(o.b.String(), "\uFFFD")
}

// runCommand runs a command. It goes on when its client leaves, and when the gateway has lost its patience.
func (x *exchange) runCommand(s *sandbox) answer {
	var fields struct {
		Command, Cwd string
		Timeout      any // has no effect, as in the service
	}
	if a, ok := x.fields(&fields); !ok {
		return a
	}
	if strings.TrimSpace(fields.Command) == "" {
		return invalid("command is required")
	}
	cwd, err := home(cmp.Or(fields.Cwd, homeFolder), "")
	if err == nil {
		var n node
		if n, err = s.files.get(cwd); err == nil && !n.folder {
			err = errNotFolder
		}
	}
	if err != nil {
		return fileProblem(fields.Cwd, err)
	}
	if !x.e.begin() {
		return x.gone()
	}
	began := time.Now()
	ctx, p := x.e.start(s, fields.Command, absolute(cwd), 0)
	var stdout, stderr output
	sh := &shell{e: x.e, s: s, p: p, args: []string{"sh"}, cwd: absolute(cwd), out: &stdout, err: &stderr, vars: map[string]string{}}
	done := make(chan int, 1)
	go func() {
		defer x.e.jobs.Done()
		code := sh.script(ctx, fields.Command)
		if ctx.Err() != nil {
			code = 143
		}
		s.end(p, code)
		done <- code
	}()
	gateway := time.NewTimer(x.e.options.GatewayLimit)
	defer gateway.Stop()
	select {
	case code := <-done:
		if s.ctx.Err() != nil {
			return x.gone()
		}
		status := "completed"
		if code == 143 {
			status = "terminated"
		}
		took := time.Since(began).Milliseconds()
		return x.inside(object{"executionId": strings.ToLower(newRequestID()), "status": status, "executionTimeMs": took, "result": object{
			"exitCode": code, "stdout": stdout.String(), "stderr": stderr.String(), "cwd": absolute(cwd), "executionTimeMs": took,
		}})
	case <-gateway.C:
		return page(http.StatusGatewayTimeout, "504 Gateway Time-out")
	case <-s.ctx.Done():
		return x.gone()
	case <-x.r.Context().Done():
		return answer{status: http.StatusOK} // to nobody
	}
}

func (x *exchange) describeProcess(p *process) object {
	return object{"processId": x.shape.number(int64(p.pid)), "status": "running", "command": p.command, "tag": "", "createdAt": insideMoment(p.started)}
}

func (x *exchange) listProcesses(s *sandbox) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []any{}
	for _, pid := range slices.Sorted(maps.Keys(s.processes)) {
		if p := s.processes[pid]; !p.background {
			items = append(items, x.describeProcess(p))
		}
	}
	return x.inside(object{"items": items, "total": len(items)})
}

// named finds the process that the path names.
func (x *exchange) named(s *sandbox) *process {
	pid, err := strconv.Atoi(x.args[1])
	if err != nil {
		return nil
	}
	if p := s.process(pid); p != nil && !p.background {
		return p
	}
	return nil
}

func noProcess() answer { return refusal(http.StatusNotFound, "NOT_FOUND", "process not found") }

func (x *exchange) getProcess(s *sandbox) answer {
	p := x.named(s)
	if p == nil {
		return noProcess()
	}
	o := x.describeProcess(p)
	o["working_dir"], o["environment"], o["resourceUsage"] = p.cwd, object{}, object{"cpuPercent": 0.1, "memoryMb": 12.5}
	return x.inside(o)
}

func (x *exchange) killProcess(s *sandbox) answer {
	p := x.named(s)
	if p == nil {
		return noProcess()
	}
	p.cancel()
	select {
	case <-p.over:
	case <-x.r.Context().Done():
	}
	return x.inside(object{"pid": x.shape.number(int64(p.pid)), "stopped": true, "stopped_at": insideMoment(x.e.Now()), "message": "process stopped"})
}
