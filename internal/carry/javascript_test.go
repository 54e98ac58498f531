package carry_test

import (
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestJavaScriptValuesSurvive(t *testing.T) {
	tests := []struct {
		name  string
		cells []string
		// then are expressions of the new context that have to be true.
		then []string
	}{
		{
			"plain values",
			[]string{"var a = 1, b = 'ä\\ud800\\u2028', c = true, d = null; let e = -0, f = NaN, g = Infinity; const h = 12345678901234567890n, u = undefined, s = Symbol.for('x'), it = Symbol.iterator"},
			[]string{"a === 1 && b === 'ä\\ud800\\u2028' && c && d === null && Object.is(e, -0) && Number.isNaN(f) && g === Infinity", "!['null', 'this', 'true', 'x'].some((n) => n in globalThis)", "h === 12345678901234567890n && u === undefined && s === Symbol.for('x') && it === Symbol.iterator"},
		},
		{
			"objects and arrays",
			[]string{"const o = {a: [1, , 3], 'b c': {}, 1: 'x', [Symbol.for('k')]: 2}; const n = Object.create(null); n.x = 1; const fr = Object.freeze({z: 1}); const arr = [1]; arr.extra = 'e'"},
			[]string{"o.a.length === 3 && !(1 in o.a) && o['b c'] && o[1] === 'x' && o[Symbol.for('k')] === 2", "Object.getPrototypeOf(n) === null && n.x === 1 && Object.isFrozen(fr) && fr.z === 1 && arr.extra === 'e'"},
		},
		{"identity over variables and cycles", []string{"const a = {}; a.self = a; let b = a, c = [a]"}, []string{"a === b && c[0] === a && a.self === a"}},
		{
			"maps, sets, dates, expressions",
			[]string{"const k = {}; const m = new Map([[k, 1], ['m', new Set([k])]]), d = new Date(5), bad = new Date(NaN), re = /a(.)/gi; re.lastIndex = 3"},
			[]string{"m.get(k) === 1 && m.get('m').has(k) && d.getTime() === 5 && Number.isNaN(bad.getTime())", "re.source === 'a(.)' && re.flags === 'gi' && re.lastIndex === 3"},
		},
		{
			"bytes",
			[]string{"const u8 = new Uint8Array([1, 255]), f64 = new Float64Array([1.5]), view = new Uint16Array(u8.buffer), dv = new DataView(u8.buffer, 1), buf = Buffer.from('ä')"},
			[]string{"u8[1] === 255 && f64[0] === 1.5 && view.buffer === u8.buffer && dv.getUint8(0) === 255 && buf.toString() === 'ä' && Buffer.isBuffer(buf)"},
		},
		{"errors", []string{"let e; try { null.x } catch (x) { e = x }\nconst own = Object.assign(new RangeError('r'), {code: 'C'})"}, []string{"e instanceof TypeError && e.stack.length > 0 && own instanceof RangeError && own.message === 'r' && own.code === 'C'"}},
		{
			"functions of the top level",
			[]string{"function add(a, b = k) { return a + b }\nlet k = 10; const twice = (x) => x * 2; async function later() { return 1 }\nfunction* gen() { yield 1 }\nconst named = function named() { return named.calls++ }; named.calls = 5"},
			[]string{"add(1) === 11 && twice(4) === 8 && [...gen()][0] === 1 && named() === 5 && named.calls === 6 && twice.name === 'twice'", "await later() === 1"},
		},
		{
			"classes and instances",
			[]string{"class A { static made = 0; constructor(x) { this.x = x; A.made++ } get double() { return this.x * 2 } static of(x) { return new this(x) } }\nclass B extends A { constructor() { super(7) } hi() { return 'hi' } }\nconst a = new A(3), b = new B(); class Stack extends Array { top() { return this.at(-1) } }\nconst st = Stack.from([1, 2]); class Bad extends Error {}\nconst oops = new Bad('m')"},
			[]string{"a instanceof A && a.double === 6 && b instanceof B && b instanceof A && b.hi() === 'hi' && A.made === 2", "B.of(1).x === 7 && st.top() === 2 && st instanceof Stack && oops instanceof Bad && oops.message === 'm'"},
		},
		{"objects that inherit from objects", []string{"const base = {x: 1}; const derived = Object.create(base)"}, []string{"Object.getPrototypeOf(derived) === base && derived.x === 1"}},
		{
			"modules and parts of the library",
			[]string{"const fs = require('fs'), { join } = require('path'), { max } = Math, log = console.log, g = globalThis"},
			[]string{"fs === require('fs') && join('a', 'b') === 'a/b' && max(1, 2) === 2 && log === console.log && g === globalThis"},
		},
		{"what destructuring declares", []string{"const {p, q: [r2, ...rest]} = {p: 1, q: [2, 3]}"}, []string{"p === 1 && r2 === 2 && rest[0] === 3"}},
		{"names of all kinds", []string{"let ä = 1, $ = 2, _ = 3, asked = 4, home = 5; implicit = 6"}, []string{"ä === 1 && $ === 2 && _ === 3 && asked === 4 && home === 5 && implicit === 6"}},
		{"nothing at all", nil, []string{"true"}},
	}
	onEach(t, func(t *testing.T, b sandbox.Backend) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				r := newRig(t, b, sandbox.JavaScript)
				r.do(t, test.cells...)
				r.move(t)
				r.wantLost(t)
				for _, then := range test.then {
					r.gives(t, then, "true")
				}
				if len(test.cells) > 0 { // what moved can be declared again, as after any cell
					succeed(t, r.to, test.cells[0])
				}
			})
		}
	})
}

func TestJavaScriptTellsWhatIsLost(t *testing.T) {
	onEach(t, func(t *testing.T, b sandbox.Backend) {
		r := newRig(t, b, sandbox.JavaScript)
		r.do(t, strings.Join([]string{
			"const good = {}; function top() { return good }",
			"const prom = Promise.resolve(1)",
			"const wm = new WeakMap()",
			"function* g() {}\nconst gen = g()",
			"const make = (n) => () => n; const add = make(1)",
			"const held = {f: () => 1}",
			"const half = {get x() { return 1 }}",
			"class Priv { #p = 1 }\nconst priv = new Priv()",
			"const sym = Symbol('s')",
			"let deep = []; for (let i = 0; i < 100000; i++) deep = [deep]",
			"const proxy = new Proxy({}, { ownKeys() { throw new Error('hands off') } })",
			"const timer = setInterval(() => {}, 1e6); clearInterval(timer)",
			"const also = [good, top], last = good",
		}, "\n"))
		r.move(t)
		r.wantLost(t,
			"prom (Promise): a Promise is tied", "wm (WeakMap): a WeakMap is tied", "gen (Generator): a Generator is tied",
			"add (function): a function without a name", "held (Object): the function f is not one declared at the top level",
			"half (Object): its property x is computed by code", "priv (Priv): its class Priv has private fields", "sym (symbol): a symbol is the same nowhere else",
			"deep (Array): it is nested too deeply", "proxy (Object): hands off", "timer (Timeout): ",
		)
		r.gives(t, "also[0] === good && also[1] === top && last === good && top() === good && typeof Priv === 'function' && make(2)() === 2", "true")
	})
}

func TestWhatAFailedVariableMadeIsNotUsedByOthers(t *testing.T) {
	r := newRig(t, onThisComputer, sandbox.JavaScript)
	r.do(t, "process.mine = () => 1; const shared = {n: 1}, pair = [shared, process.mine], next = [pair], fine = shared")
	r.move(t)
	r.wantLost(t, "pair (): process.mine is not in this interpreter", "next (): it shares parts with one that was lost")
	r.gives(t, "fine === shared && shared.n", "1")
}
