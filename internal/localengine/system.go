package localengine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// The guest's doors to the host: emit and tick of module "kernel", and WASI with a sleep of our own.

// What the kernels emit.
const (
	emitStdout  = 1
	emitStderr  = 2
	emitReply   = 3
	emitDisplay = 4
)

// instanceKey finds the instance in the context of a call into its guest.
type instanceKey struct{}

func instanceOf(ctx context.Context) *instance {
	in, ok := ctx.Value(instanceKey{}).(*instance)
	if !ok {
		panic(errors.New("a guest called outside of an instance")) // all calls are made by instance.call
	}
	return in
}

// errStopped is what a guest is unwound with when its instance is to end.
var errStopped = errors.New("the guest was stopped")

// provide gives a runtime the modules that guests import.
func provide(ctx context.Context, runtime wazero.Runtime) error {
	i32 := api.ValueTypeI32
	kernel := runtime.NewHostModuleBuilder("kernel")
	kernel.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(emit), []api.ValueType{i32, i32, i32}, nil).Export("emit")
	kernel.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(tick), nil, nil).Export("tick")
	if _, err := kernel.Instantiate(ctx); err != nil {
		return fmt.Errorf("provide the kernel's imports: %w", err)
	}
	wasi := runtime.NewHostModuleBuilder(wasi_snapshot_preview1.ModuleName)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(wasi)
	wasi.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(pollOneoff), []api.ValueType{i32, i32, i32, i32}, []api.ValueType{i32}).Export("poll_oneoff")
	wasi.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(procExit), []api.ValueType{i32}, nil).Export("proc_exit")
	if _, err := wasi.Instantiate(ctx); err != nil {
		return fmt.Errorf("provide the system's imports: %w", err)
	}
	return nil
}

// An i32 parameter may hold anything in its upper half, so each is cut to uint32 before it is used.

func emit(ctx context.Context, module api.Module, stack []uint64) {
	in := instanceOf(ctx)
	kind, at, length := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]) //nolint:gosec // the cut is wanted
	data, ok := module.Memory().Read(at, length)
	if !ok {
		return
	}
	switch kind {
	case emitStdout:
		in.out.stream(Stdout, data)
	case emitStderr:
		in.out.stream(Stderr, data)
	case emitReply:
		in.out.setReply(data)
	case emitDisplay:
		in.out.display(data)
	}
}

// tick is the guest's safepoint, called from every loop now and then. That the guest comes out here at all lets Go's collector
// do its work.
func tick(ctx context.Context, _ api.Module, _ []uint64) {
	in := instanceOf(ctx)
	if in.stopped() {
		panic(errStopped)
	}
	now := time.Now()
	in.out.pulse(now)
	if in.kernel.places.wanted(&in.share, now) {
		in.out.flush() // it may be a while
		in.kernel.places.give(&in.share)
		in.takePlace()
	}
}

// exitError is what a guest is unwound with that ended itself.
type exitError struct{ code uint32 }

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// procExit replaces the runtime's, which would give the guest's memory back while we still use it.
func procExit(_ context.Context, _ api.Module, stack []uint64) {
	panic(exitError{uint32(stack[0])}) //nolint:gosec // the cut is wanted
}

// WASI's error numbers and layouts that pollOneoff needs.
const (
	wasiInval = 28
	wasiFault = 21

	subscriptionSize  = 48
	eventSize         = 32
	mostSubscriptions = 1024

	clockRealtime   = 0
	subscribedClock = 0
	absoluteTime    = 1
)

// pollOneoff replaces the runtime's, which knows no absolute times and sleeps through interrupts. Here a sleep gives up the
// guest's place on the processor, and ends early, with success, when the guest is interrupted: it then finds the flag by
// itself. Files are always ready.
func pollOneoff(ctx context.Context, module api.Module, stack []uint64) {
	in := instanceOf(ctx)
	from, to, count, written := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), uint32(stack[3]) //nolint:gosec // the cut is wanted
	memory := module.Memory()
	if count == 0 || count > mostSubscriptions {
		stack[0] = wasiInval
		return
	}
	subscriptions, ok := memory.Read(from, count*subscriptionSize)
	if !ok {
		stack[0] = wasiFault
		return
	}
	var ready []byte
	var alarm []byte // the event of the timer that ends first
	wait := time.Duration(-1)
	for ; len(subscriptions) > 0; subscriptions = subscriptions[subscriptionSize:] {
		event := make([]byte, eventSize)
		copy(event, subscriptions[:8]) // userdata
		event[10] = subscriptions[8]   // what was subscribed to
		if subscriptions[8] != subscribedClock {
			ready = append(ready, event...)
			continue
		}
		until := in.until(subscriptions)
		if alarm == nil || until < wait {
			alarm, wait = event, until
		}
	}
	if len(ready) == 0 {
		in.out.flush()
		in.sleep(wait)
		ready = alarm
	}
	if !memory.Write(to, ready) || !memory.WriteUint32Le(written, uint32(len(ready)/eventSize)) { //nolint:gosec // at most mostSubscriptions
		stack[0] = wasiFault
		return
	}
	stack[0] = 0
}

// until is how long a clock subscription has yet to wait.
func (in *instance) until(subscription []byte) time.Duration {
	clock := binary.LittleEndian.Uint32(subscription[16:])
	nanoseconds := binary.LittleEndian.Uint64(subscription[24:])
	flags := binary.LittleEndian.Uint16(subscription[40:])
	wait := time.Duration(min(nanoseconds, 1<<62))
	if flags&absoluteTime != 0 {
		now := in.monotonic()
		if clock == clockRealtime {
			now = time.Now().UnixNano()
		}
		wait -= time.Duration(now)
	}
	return max(wait, 0)
}

// sleep waits without a place on the processor. It ends early when the guest is interrupted.
func (in *instance) sleep(wait time.Duration) {
	select {
	case <-in.wake: // left over from an interrupt that the guest has seen, or is about to
	default:
	}
	if wait == 0 || in.flags.raised() {
		return
	}
	in.kernel.places.give(&in.share)
	timer := time.NewTimer(wait)
	select {
	case <-timer.C:
	case <-in.wake:
	case <-in.stop:
	}
	timer.Stop()
	in.takePlace()
}

// takePlace waits for a place on the processor. A guest that is to end does not get one.
func (in *instance) takePlace() {
	if in.stopped() || !in.kernel.places.take(&in.share, in.stop) {
		in.placeless = true
		panic(errStopped)
	}
}
