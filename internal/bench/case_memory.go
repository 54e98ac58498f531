package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const relayMemory = 15e6

// errNoMemory says that this system does not tell how much of a process is in memory in a way this program can read.
var errNoMemory = errors.New("resident memory is read from /proc, which this system does not have")

// measureMemory reads what relay and host have in memory: the relay after use, the host with 0, 1 and 10 contexts that have
// run something. The host is the second on its home, because the first one compiles the engine, which takes memory of its own.
func measureMemory(ctx context.Context, b *bench) (rows []row, err error) {
	if _, err := resident(os.Getpid()); errors.Is(err, errNoMemory) {
		return []row{{what: "memory", ours: "not measured: " + err.Error()}}, nil
	}
	home := b.home()
	h, err := startHost(ctx, b, home)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(h.awaitReady(ctx), h.stop()); err != nil {
		return nil, err
	}
	h, err = startHost(ctx, b, home)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	if err := h.awaitReady(ctx); err != nil {
		return nil, err
	}
	relay, err := b.relay(ctx, h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, relay.close()) }()

	for _, contexts := range []int{0, 1, 10} {
		for i := contexts / 10; i < contexts; i++ { // one is there when there are to be ten
			id, err := relay.newContext(fmt.Sprintf("memory %d", i), "python")
			if err != nil {
				return nil, err
			}
			if _, err := relay.runCode(id, "print('hi')", 30); err != nil {
				return nil, err
			}
		}
		bytes, err := resident(h.process.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{what: fmt.Sprintf("memory of the host, 3 warm sessions and %d Python contexts", contexts), ours: megabytes(bytes)})
	}
	first, err := relayAfterUse(ctx, b, relay)
	if err != nil {
		return nil, err
	}
	return append([]row{first}, rows...), nil
}

// relayAfterUse compares the memory of a relay and of a bare mcp-go server after the same number of calls.
func relayAfterUse(ctx context.Context, b *bench, relay *client) (r row, err error) {
	echo, err := b.echo(ctx)
	if err != nil {
		return row{}, err
	}
	defer func() { err = errors.Join(err, echo.close()) }()
	calls := b.size(3000)
	list, err := tool("list_contexts", struct{}{})
	if err != nil {
		return row{}, err
	}
	said, err := tool("echo", map[string]string{"text": "hi"})
	if err != nil {
		return row{}, err
	}
	if _, err := relay.batch(ctx, calls, list, ""); err != nil {
		return row{}, err
	}
	if _, err := echo.batch(ctx, calls, said, ""); err != nil {
		return row{}, err
	}
	mine, err := resident(relay.process.cmd.Process.Pid)
	if err != nil {
		return row{}, err
	}
	other, err := resident(echo.process.cmd.Process.Pid)
	if err != nil {
		return row{}, err
	}
	return row{what: fmt.Sprintf("memory of the relay after %d calls", calls), ours: megabytes(mine)}.
		against("mcp-go stdio", megabytes(other), float64(mine)/float64(other)).
		aimed("≤ "+megabytes(relayMemory), mine <= relayMemory), nil
}

// resident is how much memory a process has in RAM, shared pages included.
func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat("/proc/self/status"); err != nil {
			return 0, errNoMemory
		}
	}
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, "VmRSS:")
		if !ok {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		return kilobytes * 1024, err
	}
	return 0, fmt.Errorf("process %d has no memory any more", pid)
}
