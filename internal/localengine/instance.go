package localengine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	"github.com/tetratelabs/wazero/sys"
)

const (
	// MaxCode is the longest code of one cell, in bytes.
	MaxCode = 1 << 20

	nagInterval = 500 * time.Millisecond // between two interrupts of the same cell
	fairTurns   = 4                      // time slices in which code that reacts has ended
)

// Outcome says how a cell ended that left its instance alive.
type Outcome string

// The outcomes.
const (
	Finished    Outcome = "finished"    // it ran to its end
	Raised      Outcome = "raised"      // it ended with an error of its own
	Interrupted Outcome = "interrupted" // it was stopped; variables are kept
)

// Result is what a cell gave.
type Result struct {
	Outcome  Outcome
	Value    Bundle        // of the trailing expression; nil when there was nothing to show
	Error    *CellError    // why the cell ended early; nil when it finished
	Duration time.Duration // from the guest's beginning to its answer, sleep included
	Cut      Cut           // what was dropped from the output
}

// CellError is an error as the language tells it.
type CellError struct {
	Name      string // "ZeroDivisionError"
	Message   string
	Traceback string // several lines: the cell's own and those of libraries
}

// instance is one guest: a copy of its kernel's snapshot with memory, files and interrupt flags of its own. At most one
// goroutine is inside the guest at any time.
type instance struct {
	id      ID
	kernel  *kernel
	limit   OutputLimit
	arena   *arena
	module  api.Module
	scratch *scratch
	flags   flags
	letters uint32          // address of the kernel's letterbox
	base    context.Context //nolint:containedctx // carries the instance to the guest's imports; never cancelled
	wake    chan struct{}   // capacity 1: ends a sleep early
	stop    chan struct{}   // closed when the guest is to end

	// For the goroutine inside the guest.
	out       *output
	share     share // of the places on the processor
	placeless bool  // unwound while waiting for a place on the processor
	cells     uint32
	functions map[string]api.Function

	mu     sync.Mutex // guards below
	busy   bool       // a cell runs, or the instance is being taken down
	cell   *cell      // the cell that runs
	ending bool       // stop is closed
	reason Reason     // why
	gone   chan struct{}
}

// cell is one run.
type cell struct {
	asked chan struct{} // closed when it is to stop
	once  sync.Once
	done  chan struct{}  // closed when the guest has answered
	nags  sync.WaitGroup // goroutines that interrupt it
	named bool           // Interrupt was called; guarded by the instance's mu
}

func (c *cell) ask() { c.once.Do(func() { close(c.asked) }) }

func (c *cell) wasAsked() bool {
	select {
	case <-c.asked:
		return true
	default:
		return false
	}
}

// newInstance makes an instance whose guest has not run yet. Its mounts come in a fixed order: the snapshot knows them as the
// file descriptors 3 and 4.
//
// The runtime lays the module's data into every new memory, which the snapshot then replaces. Once there is a snapshot, it
// does so in memory that is kept for it: the instance's own is first touched when it grows to the size of the snapshot.
func (k *kernel) newInstance(ctx context.Context, s *scratch) (*instance, error) {
	memory, err := newArena(k.memoryLimit)
	if err != nil {
		return nil, err
	}
	in := &instance{
		kernel: k, arena: memory, scratch: s, wake: make(chan struct{}, 1), stop: make(chan struct{}), gone: make(chan struct{}),
		functions: map[string]api.Function{}, out: newOutput(OutputLimit{}.withDefaults(), nil),
	}
	in.base = context.WithValue(context.WithoutCancel(ctx), instanceKey{}, in)
	mounts, _ := wazero.NewFSConfig().(sysfs.FSConfig) // the runtime's only kind
	mounts, _ = mounts.WithSysFSMount(k.library, libraryPath).(sysfs.FSConfig)
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(rand.Reader).
		WithFSConfig(mounts.WithSysFSMount(s, scratchPath)).
		WithStdout(streamWriter{in, Stdout}).WithStderr(streamWriter{in, Stderr}).
		WithSysWalltime().WithNanotime(in.monotonic, sys.ClockResolution(1))
	k.room.Lock()
	defer k.room.Unlock()
	if k.data != nil {
		memory.lent = k.data.Reallocate(uint64(len(k.data.region)))
	}
	in.module, err = k.runtime.InstantiateModule(experimental.WithMemoryAllocator(in.base, memory), k.code, config)
	if err != nil {
		memory.Free()
		return nil, fmt.Errorf("instantiate the kernel: %w", err)
	}
	return in, nil
}

// monotonic is the guest's clock. It has one zero for all instances, so that no copy of a snapshot sees it go back.
func (in *instance) monotonic() int64 { return int64(time.Since(in.kernel.epoch)) }

// streamWriter takes what the guest writes to its descriptors 1 and 2 by itself.
type streamWriter struct {
	in   *instance
	kind EventKind
}

func (w streamWriter) Write(b []byte) (int, error) {
	w.in.out.stream(w.kind, b)
	return len(b), nil
}

// occupy waits for a place on the processor until stop is closed. leave gives it back.
func (in *instance) occupy(stop <-chan struct{}) bool {
	return in.kernel.places.take(&in.share, stop)
}

func (in *instance) leave() {
	if in.placeless {
		in.placeless = false
		return
	}
	in.kernel.places.give(&in.share)
}

// call enters the guest, whose instance has a place on the processor. After an error it must not be entered again.
func (in *instance) call(name string, arguments ...uint64) (uint32, error) {
	function := in.functions[name]
	if function == nil {
		if function = in.module.ExportedFunction(name); function == nil {
			return 0, fmt.Errorf("the kernel has no function %s", name)
		}
		in.functions[name] = function
	}
	results, err := function.Call(in.base, arguments...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return uint32(results[0]), nil //nolint:gosec // an i32
}

// stopped says whether the guest is to end.
func (in *instance) stopped() bool {
	select {
	case <-in.stop:
		return true
	default:
		return false
	}
}

// end makes the guest end at its next safepoint, or at once if it sleeps or waits. The first reason counts.
func (in *instance) end(reason Reason) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ending {
		return
	}
	in.ending, in.reason = true, reason
	close(in.stop)
	if in.cell != nil {
		in.cell.ask()
	}
}

// nag interrupts a cell again and again until it has ended: asyncio's first interrupt only cancels the main task, and code may
// swallow others. With a grace, the guest is ended when that has passed, but not before it had its turns on the processor: where many are
// interrupted at once, one of them may wait for longer than its grace.
func (in *instance) nag(c *cell, grace time.Duration) {
	c.ask()
	before, _, _ := in.kernel.places.turns(&in.share)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	var limit <-chan time.Time
	if grace > 0 {
		limit = timer.C
	}
	again := time.NewTicker(nagInterval)
	defer again.Stop()
	for {
		in.arena.raise(in.flags)
		in.kernel.places.hurry(&in.share)
		select {
		case in.wake <- struct{}{}:
		default:
		}
		select {
		case <-c.done:
			return
		case <-limit:
			given, latest, turn := in.kernel.places.turns(&in.share)
			left := time.Duration(0)
			if given-before < fairTurns && turn != nil {
				in.kernel.places.hurry(&in.share)
				select {
				case <-turn:
					left = grace
				case <-c.done:
					return
				}
			} else if given != before && given-before < fairTurns {
				left = grace - time.Since(latest)
			}
			if left <= 0 {
				in.end(Killed)
				return
			}
			timer.Reset(left)
		case <-again.C:
		}
	}
}

// interrupt asks the running cell to stop, if there is one.
func (in *instance) interrupt() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if c := in.cell; c != nil && !c.named {
		c.named = true
		c.nags.Go(func() { in.nag(c, 0) })
	}
}

// checkCode refuses what no interpreter could read.
func checkCode(code string) error {
	switch nul := strings.IndexByte(code, 0); {
	case len(code) > MaxCode:
		return fmt.Errorf("the code is %w: it has %d bytes, and a cell may have %d; data belongs in a file", ErrTooLarge, len(code), MaxCode)
	case nul >= 0:
		return fmt.Errorf("%w: there is a NUL byte at position %d", ErrInvalidCode, nul)
	case !utf8.ValidString(code):
		return fmt.Errorf("%w: it is not UTF-8", ErrInvalidCode)
	}
	return nil
}

// run executes one cell. survived says whether the instance is still of use; if not, the caller takes it down.
func (in *instance) run(ctx context.Context, code string, events func(Event)) (result Result, survived bool, err error) {
	c := &cell{asked: make(chan struct{}), done: make(chan struct{})}
	in.mu.Lock()
	switch {
	case in.ending:
		in.mu.Unlock()
		return Result{}, true, unknown(in.id)
	case in.busy:
		in.mu.Unlock()
		return Result{}, true, fmt.Errorf("instance %d: %w", in.id, ErrBusy)
	}
	in.busy, in.cell = true, c
	in.mu.Unlock()

	c.nags.Add(1)
	release := context.AfterFunc(ctx, func() {
		defer c.nags.Done()
		in.nag(c, in.kernel.grace)
	})
	in.out = newOutput(in.limit, events)
	result, err = in.enter(c, code)
	close(c.done)
	if release() {
		c.nags.Done()
	}
	in.mu.Lock()
	in.cell = nil // from here on nobody starts to interrupt it
	in.mu.Unlock()
	c.nags.Wait()

	in.mu.Lock()
	defer in.mu.Unlock()
	// a guest whose time was up may have answered before it came to hear of it: it is as lost, and its caller has to know
	if err != nil || in.ending && in.reason == Killed {
		err = in.lostLocked(err, result)
	}
	in.busy = in.ending
	return result, !in.ending, err
}

// enter takes the code into the guest and its answer out. An error means that the guest is broken.
func (in *instance) enter(c *cell, code string) (result Result, err error) {
	if !in.occupy(c.asked) {
		if in.stopped() {
			return Result{}, errStopped
		}
		return notBegun(), nil
	}
	defer in.leave()
	if c.wasAsked() {
		return notBegun(), nil
	}
	began := time.Now()
	defer func() { result.Duration = time.Since(began) }()
	address, block, err := in.mail(code)
	switch {
	case err != nil:
		return Result{}, err
	case address == 0:
		return raised("MemoryError", "the memory of this context is used up: there is no room left for the code"), nil
	}
	in.cells++
	err = in.execute(address, len(code))
	if err == nil && block {
		_, err = in.call("k_free", uint64(address))
	}
	result, more := in.answer()
	if err == nil && more {
		if err = in.finish(); err == nil {
			result, _ = in.answer()
		}
	}
	in.out.end()
	result.Cut = in.out.cut
	if err != nil {
		return Result{Cut: result.Cut}, err
	}
	if result.Error != nil {
		in.kernel.explain(code, result.Error)
	}
	if result.Error != nil && c.wasAsked() {
		result.Outcome = Interrupted
	}
	return result, nil
}

// execute lets the guest run the code at an address, and answer.
func (in *instance) execute(address uint32, length int) error {
	in.out.reply, in.out.long = nil, false
	status, err := in.call("k_run", uint64(address), uint64(length), uint64(in.cells)) //nolint:gosec // at most MaxCode
	if err != nil {
		return err
	}
	if status != 0 || in.out.reply == nil && !in.out.long {
		return errors.New("the kernel gave no reply")
	}
	return nil
}

// finishCode lets JavaScript go on until what a cell left running has ended; see boot.js.
const finishCode = "await globalThis[Symbol.for('localengine.finish')]()"

func (in *instance) finish() error {
	address, block, err := in.mail(finishCode)
	switch {
	case err != nil:
		return err
	case block: // there is a letterbox, and it fits
		return errors.New("the kernel has no letterbox")
	}
	return in.execute(address, len(finishCode))
}

func notBegun() Result {
	return Result{Outcome: Interrupted, Error: &CellError{
		Name: "Interrupted", Message: "stopped before it began", Traceback: "Interrupted: stopped before it began\n",
	}}
}

func raised(name, message string) Result {
	return Result{Outcome: Raised, Error: &CellError{Name: name, Message: message, Traceback: name + ": " + message + "\n"}}
}

// mail puts text into guest memory, with a zero byte after it: into the letterbox if it fits, else into a block to be freed.
// Address 0 means that the guest has no room.
func (in *instance) mail(text string) (address uint32, block bool, err error) {
	address = in.letters
	if block = len(text) >= letterboxSize || in.letters == 0; block {
		if address, err = in.call("k_alloc", uint64(len(text)+1)); err != nil || address == 0 {
			return 0, false, err
		}
	}
	memory := in.module.Memory()
	if !memory.WriteString(address, text) || !memory.WriteByte(address+uint32(len(text)), 0) { //nolint:gosec // at most MaxCode
		return 0, false, errors.New("the kernel gave a block outside of its memory")
	}
	return address, block, nil
}

// reply is the JSON that a kernel answers with.
type reply struct {
	ID     uint32 `json:"id"`
	More   bool   `json:"more"` // the cell has promises or timers to wait for, by finishCode
	Result Bundle `json:"result"`
	Error  *struct {
		Name      string   `json:"ename"`
		Message   string   `json:"evalue"`
		Traceback []string `json:"traceback"`
	} `json:"error"`
}

// answer reads the reply to the latest cell, and whether the cell has more to do.
func (in *instance) answer() (result Result, more bool) {
	result = Result{Outcome: Finished}
	var r reply
	switch {
	case in.out.long:
		result = raised("ResultTooLarge", fmt.Sprintf("the result is over %d MiB; write it to a file instead", replyLimit>>20))
	case json.Unmarshal(in.out.reply, &r) != nil || r.ID != in.cells:
		result = raised("KernelError", "the result could not be read")
	case r.Error != nil:
		result.Outcome = Raised
		result.Error = &CellError{
			Name: r.Error.Name, Message: shortened(r.Error.Message, in.limit.Text), Traceback: shortened(strings.Join(r.Error.Traceback, ""), in.limit.Text),
		}
	default:
		result.Value = r.Result
		in.out.trim(result.Value)
	}
	return result, r.More
}

func shortened(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return shorten(s, n)
}

// lostLocked words the end of an instance, whose guest broke with err.
func (in *instance) lostLocked(err error, result Result) error {
	if !in.ending {
		in.ending, in.reason = true, Crashed
		if exit, ok := errors.AsType[exitError](err); ok {
			in.reason = Exited
			err = exit
		}
		close(in.stop)
	}
	lost := &StateLostError{Reason: in.reason, Result: result}
	switch in.reason {
	case Killed:
		lost.Detail = fmt.Sprintf("the code did not react to being interrupted and was ended by force %v later; its variables are lost", in.kernel.grace)
	case Exited:
		lost.Detail = fmt.Sprintf("the code ended the %s interpreter itself (%v); its variables are lost", in.kernel.language, err)
	case Destroyed:
		lost.Detail = "the context was closed while the code ran"
	case Crashed:
		what, _, _ := strings.Cut(err.Error(), "\n")
		lost.Detail = fmt.Sprintf("the %s interpreter crashed (%s); its variables are lost", in.kernel.language, what)
	}
	return lost
}

// claim reserves the instance for being taken down by the caller, unless a cell runs; then that run's end does it.
func (in *instance) claim() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.busy {
		return false
	}
	in.busy = true
	return true
}

// takeDown gives everything back. The guest is not entered any more, and nobody interrupts it.
func (in *instance) takeDown(ctx context.Context) error {
	err := in.module.Close(context.WithoutCancel(ctx)) // closes the guest's files and frees its memory
	in.arena.Free()
	err = errors.Join(err, in.scratch.close())
	close(in.gone)
	return err
}
