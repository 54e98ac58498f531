package tick_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine/guest/tick"
)

// The modules here are put together by hand, byte by byte, so that each holds exactly what its test is about.

func module(sections ...[]byte) []byte {
	return slices.Concat(append([][]byte{[]byte("\x00asm\x01\x00\x00\x00")}, sections...)...)
}

func section(id byte, body ...byte) []byte {
	if len(body) > 127 {
		return append([]byte{id, byte(len(body)) | 0x80, byte(len(body) >> 7)}, body...)
	}
	return append([]byte{id, byte(len(body))}, body...)
}

func name(s string) []byte { return append([]byte{byte(len(s))}, s...) }

func export(s string, kind, index byte) []byte { return append(name(s), kind, index) }

func exports(each ...[]byte) []byte {
	return section(7, append([]byte{byte(len(each))}, slices.Concat(each...)...)...)
}

func function(locals, code []byte) []byte {
	body := append(slices.Concat(locals, code), 0x0b)
	if len(body) > 127 {
		return append([]byte{byte(len(body)) | 0x80, byte(len(body) >> 7)}, body...)
	}
	return append([]byte{byte(len(body))}, body...)
}

func code(functions ...[]byte) []byte {
	return section(10, append([]byte{byte(len(functions))}, slices.Concat(functions...)...)...)
}

var (
	types    = section(1, 2, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f)                                          // 0: () -> ();  1: (i32) -> i32
	tickHost = section(2, append(append([]byte{1}, name("kernel")...), append(name("tick"), 0, 0)...)...) // function 0
	declared = section(3, 2, 0, 1)                                                                        // function 1: type 0, function 2: type 1
	memory   = section(5, 1, 0, 1)
	stack    = section(6, 1, 0x7f, 1, 0x41, 16, 0x0b) // (global (mut i32) 16)
	named    = exports(export("k_tick", 0, 1), export("run", 0, 2))

	noLocals = []byte{0}
	oneLocal = []byte{1, 1, 0x7f}
	callHost = function(noLocals, []byte{0x10, 0})
)

// usual is a module whose function "run" has the given code.
func usual(locals, run []byte) []byte {
	return module(types, tickHost, declared, memory, stack, named, code(callHost, function(locals, run)))
}

// countDown turns its argument down to zero in a loop with the given block type and returns 7.
func countDown(blockType byte) []byte {
	switch blockType {
	case 0x40: // no result
		return []byte{0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x41, 7}
	case 0x7f: // a result
		return []byte{0x03, 0x7f, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x41, 7, 0x0b}
	default: // type 1: a parameter and a result; what comes in is the count
		return []byte{0x20, 0, 0x03, 1, 0x41, 1, 0x6b, 0x22, 0, 0x20, 0, 0x0d, 0, 0x1a, 0x41, 7, 0x0b}
	}
}

// run runs "run" and returns its result and how often the host was called.
func run(t *testing.T, wasm []byte, argument uint64) (result uint64, ticks int) {
	t.Helper()
	rt := wazero.NewRuntime(t.Context())
	t.Cleanup(func() { _ = rt.Close(context.WithoutCancel(t.Context())) })
	_, err := rt.NewHostModuleBuilder("kernel").NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(context.Context, []uint64) { ticks++ }), nil, nil).Export("tick").Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := rt.InstantiateWithConfig(t.Context(), wasm, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatalf("the module does not start: %v", err)
	}
	out, err := m.ExportedFunction("run").Call(t.Context(), argument)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return out[0], ticks
}

func rewrite(t *testing.T, wasm []byte, opt tick.Options) ([]byte, tick.Report) {
	t.Helper()
	out, report, err := tick.Rewrite(wasm, opt)
	if err != nil {
		t.Fatalf("Rewrite: %v", err)
	}
	return out, report
}

func TestEveryKindOfLoopTicksAndComputesTheSame(t *testing.T) {
	for _, c := range []struct {
		name      string
		blockType byte
	}{
		{"loop without a result", 0x40},
		{"loop with a result", 0x7f},
		{"loop with a parameter and a result", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := usual(noLocals, countDown(c.blockType))
			after, report := rewrite(t, before, tick.Options{Every: 10})
			if report != (tick.Report{Loops: 1}) {
				t.Errorf("report = %+v, want one loop", report)
			}
			for argument, wantTicks := range map[uint64]int{1: 0, 9: 0, 10: 1, 1000: 100} {
				wantResult, _ := run(t, before, argument)
				result, ticks := run(t, after, argument)
				if result != wantResult || ticks != wantTicks {
					t.Errorf("run(%d) = %d with %d ticks, want %d with %d", argument, result, ticks, wantResult, wantTicks)
				}
			}
		})
	}
}

func TestAllLoopsShareOneCountdown(t *testing.T) {
	// two loops one after the other, six turns each: the second takes the count from where the first left it
	twice := slices.Concat(
		[]byte{0x20, 0, 0x21, 1}, []byte{0x03, 0x40, 0x20, 1, 0x41, 1, 0x6b, 0x22, 1, 0x0d, 0, 0x0b},
		[]byte{0x20, 0, 0x21, 1}, []byte{0x03, 0x40, 0x20, 1, 0x41, 1, 0x6b, 0x22, 1, 0x0d, 0, 0x0b},
		[]byte{0x41, 7})
	after, report := rewrite(t, usual(oneLocal, twice), tick.Options{Every: 10})
	if _, ticks := run(t, after, 6); ticks != 1 || report.Loops != 2 {
		t.Errorf("%d ticks in %d loops, want 1 in 2", ticks, report.Loops)
	}
}

// interpreterCode is a loop around a dispatch of the given width. Each turn goes through an inner loop once, and through an
// empty one.
func interpreterCode(width int) []byte {
	inner := []byte{0x03, 0x40, 0x01, 0x0b} // loop; nop; end
	empty := []byte{0x03, 0x40, 0x0b}       // loop; end
	table := []byte{0x0e, byte(width) | 0x80, byte(width >> 7)}
	table = append(table, make([]byte, width+1)...) // all to the block right around it
	return slices.Concat(
		[]byte{0x03, 0x40, 0x02, 0x40, 0x20, 0}, table, []byte{0x0b}, // loop; block; argument; br_table; end
		inner, empty,
		[]byte{0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x41, 7})
}

// interpreter is a module whose function "run" is an interpreter's main function, called "main" for the rewriter.
func interpreter(width int) []byte {
	twice := exports(export("k_tick", 0, 1), export("run", 0, 2), export("main", 0, 2))
	return module(types, tickHost, declared, memory, stack, twice, code(callHost, function(noLocals, interpreterCode(width))))
}

func TestAnInterpretersDispatchLoopIsLeftAlone(t *testing.T) {
	after, report := rewrite(t, interpreter(200), tick.Options{Every: 10, Interpreters: []string{"main"}})
	if want := (tick.Report{Loops: 2, Marked: 1, Left: 1}); report != want {
		t.Errorf("report = %+v, want %+v", report, want)
	}
	if result, ticks := run(t, after, 100); result != 7 || ticks != 20 {
		t.Errorf("run = %d with %d ticks, want 7 with 20: 100 turns through an inner and an empty loop", result, ticks)
	}
	if bytes.Contains(after, []byte("main")) {
		t.Error("the export that only named the interpreter is still there")
	}
}

func TestAllLoopsOfOtherFunctionsCount(t *testing.T) {
	after, report := rewrite(t, interpreter(200), tick.Options{Every: 10})
	if want := (tick.Report{Loops: 3}); report != want {
		t.Errorf("report = %+v, want %+v", report, want)
	}
	if _, ticks := run(t, after, 100); ticks != 30 {
		t.Errorf("%d ticks, want 30", ticks)
	}
}

func TestALoopAroundANarrowTableIsNoDispatch(t *testing.T) {
	_, report := rewrite(t, interpreter(100), tick.Options{Every: 10, Interpreters: []string{"main"}})
	if want := (tick.Report{Loops: 3, Marked: 1}); report != want {
		t.Errorf("report = %+v, want %+v", report, want)
	}
}

func TestAModuleWithoutGlobalsGetsTheCounter(t *testing.T) {
	before := module(types, tickHost, declared, memory, named, code(callHost, function(noLocals, countDown(0x40))))
	after, _ := rewrite(t, before, tick.Options{Every: 5})
	if result, ticks := run(t, after, 50); result != 7 || ticks != 10 {
		t.Errorf("run = %d with %d ticks, want 7 with 10", result, ticks)
	}
}

func TestCustomSectionsAreDropped(t *testing.T) {
	before := module(section(0, append(name("name"), "secret path"...)...), types, tickHost, declared, memory, stack, named,
		code(callHost, function(noLocals, countDown(0x40))), section(0, append(name("producers"), "clang"...)...))
	after, _ := rewrite(t, before, tick.Options{Every: 5})
	if bytes.Contains(after, []byte("secret")) || bytes.Contains(after, []byte("clang")) {
		t.Error("a custom section is still there")
	}
}

func TestNumbersOfSeveralBytesAreReadWhole(t *testing.T) {
	// constants that hold bytes which look like a loop (0x03) or an end (0x0b), and one of each size
	program := slices.Concat(
		[]byte{0x41, 0x83, 0x80, 0x0b, 0x1a},                                           // i32.const; drop
		[]byte{0x42, 0x83, 0x83, 0x83, 0x83, 0x83, 0x83, 0x83, 0x83, 0x83, 0x00, 0x1a}, // i64.const of ten bytes; drop
		[]byte{0x43, 0x03, 0x0b, 0x03, 0x0b, 0x1a},                                     // f32.const; drop
		[]byte{0x44, 0x03, 0x0b, 0x03, 0x0b, 0x03, 0x0b, 0x03, 0x0b, 0x1a},             // f64.const; drop
		[]byte{0x41, 0x03, 0x28, 0x02, 0x0b, 0x1a},                                     // i32.load align=4 offset=11; drop
		[]byte{0x41, 0x00, 0x41, 0x0b, 0x41, 0x03, 0xfc, 0x0b, 0x00},                   // memory.fill
		[]byte{0x41, 0x00, 0x41, 0x0b, 0x41, 0x03, 0xfc, 0x0a, 0x00, 0x00},             // memory.copy
		countDown(0x40))
	after, report := rewrite(t, usual(noLocals, program), tick.Options{Every: 10})
	if report.Loops != 1 {
		t.Errorf("%d loops, want 1", report.Loops)
	}
	if result, _ := run(t, after, 20); result != 7 {
		t.Errorf("run = %d, want 7", result)
	}
}

func TestRefusals(t *testing.T) {
	good := countDown(0x40)
	body := code(callHost, function(noLocals, good))
	twoGlobals := section(6, 2, 0x7f, 1, 0x41, 16, 0x0b, 0x7f, 1, 0x41, 0, 0x0b)
	importedGlobal := section(2, slices.Concat([]byte{2}, name("kernel"), name("tick"), []byte{0, 0}, name("env"), name("g"), []byte{3, 0x7f, 1})...)
	for _, c := range []struct {
		name, want string
		wasm       []byte
		opt        tick.Options
	}{
		{"nothing", "not a WebAssembly module", nil, tick.Options{Every: 1}},
		{"text", "not a WebAssembly module", []byte("(module)"), tick.Options{Every: 1}},
		{"a count of zero", "positive", usual(noLocals, good), tick.Options{}},
		{"a count below zero", "positive", usual(noLocals, good), tick.Options{Every: -1}},
		{"two globals that can change", "2 globals can change", module(types, tickHost, declared, memory, twoGlobals, named, body), tick.Options{Every: 1}},
		{"one of them imported", "2 globals can change", module(types, importedGlobal, declared, memory, stack, named, body), tick.Options{Every: 1}},
		{"no memory", "0 memories", module(types, tickHost, declared, stack, named, body), tick.Options{Every: 1}},
		{"two memories", "2 memories", module(types, tickHost, declared, section(5, 2, 0, 1, 0, 1), stack, named, body), tick.Options{Every: 1}},
		{"no k_tick", "no exported function k_tick", module(types, tickHost, declared, memory, stack, exports(export("run", 0, 2)), body), tick.Options{Every: 1}},
		{"k_tick that is a memory", "no exported function k_tick", module(types, tickHost, declared, memory, stack, exports(export("k_tick", 2, 0)), body), tick.Options{Every: 1}},
		{"an interpreter that is not there", "no exported function main", usual(noLocals, good), tick.Options{Every: 1, Interpreters: []string{"main"}}},
		{"an unknown instruction", "instruction 0xfe is not known", usual(noLocals, []byte{0xfe, 0x41, 7}), tick.Options{Every: 1}},
		{"an unknown instruction of the second page", "0xfc 99", usual(noLocals, []byte{0xfc, 99, 0x41, 7}), tick.Options{Every: 1}},
		{"an unknown vector instruction", "0xfd 300", usual(noLocals, []byte{0xfd, 0xac, 0x02, 0x41, 7}), tick.Options{Every: 1}},
		{"a table that changes", "changes a table", usual(noLocals, []byte{0x41, 0, 0xd0, 0x70, 0x26, 0, 0x41, 7}), tick.Options{Every: 1}},
		{"a table that grows", "changes a table", usual(noLocals, []byte{0xd0, 0x70, 0x41, 1, 0xfc, 15, 0, 0x1a, 0x41, 7}), tick.Options{Every: 1}},
		{"a segment that is dropped", "changes a table", usual(noLocals, []byte{0xfc, 9, 0, 0x41, 7}), tick.Options{Every: 1}},
		{"code after the end of a function", "left over", usual(noLocals, []byte{0x41, 7, 0x0b, 0x01}), tick.Options{Every: 1}},
		{"a function without an end", "too early", usual(noLocals, []byte{0x02, 0x40, 0x41, 7}), tick.Options{Every: 1}},
		{"a number that is too long", "not written as the format asks", usual(noLocals, []byte{0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}), tick.Options{Every: 1}},
		{"sections out of order", "out of order", module(types, declared, tickHost, memory, stack, named, body), tick.Options{Every: 1}},
		{"an unknown section", "no known kind", module(types, section(77)), tick.Options{Every: 1}},
		{"a section that is cut off", "too early", usual(noLocals, good)[:60], tick.Options{Every: 1}},
		{"a second memory in an access", "alignment", usual(noLocals, []byte{0x41, 0, 0x28, 0x42, 1, 0, 0x1a, 0x41, 7}), tick.Options{Every: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, _, err := tick.Rewrite(c.wasm, c.opt)
			if err == nil || !strings.Contains(err.Error(), c.want) || out != nil {
				t.Errorf("Rewrite = %d bytes, %v; want an error with %q", len(out), err, c.want)
			}
		})
	}
}

// FuzzRewrite: whatever comes in, there is a module or an error, and a module that came out can be read again.
func FuzzRewrite(f *testing.F) {
	f.Add(usual(noLocals, countDown(0x40)))
	f.Add(usual(noLocals, countDown(1)))
	f.Add(usual(noLocals, interpreterCode(200)))
	f.Add([]byte("\x00asm\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		out, report, err := tick.Rewrite(wasm, tick.Options{Every: 100})
		if err != nil {
			return
		}
		_, again, err := tick.Rewrite(out, tick.Options{Every: 100})
		if err == nil && again.Loops != report.Loops {
			t.Errorf("the result has %d loops, its input %d", again.Loops, report.Loops)
		}
		// The counter is a second global that can change, unless the input had none.
		if err != nil && !strings.Contains(err.Error(), "globals can change") {
			t.Errorf("the result cannot be read: %v", err)
		}
	})
}
