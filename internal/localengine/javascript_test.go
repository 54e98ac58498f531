package localengine

import (
	"strings"
	"testing"
	"time"
)

func TestJavaScriptCells(t *testing.T) {
	newBench(t, shared, JavaScript).steps(t, []step{
		{"a value is the result", "1 + 1", "= 2"},
		{"undefined shows nothing", "undefined", ""},
		{"null is shown", "null", "= null"},
		{"a statement shows nothing", "let x = 5", ""},
		{"variables are kept", "x", "= 5"},
		{"console.log", "console.log('hi')", "hi\n"},
		{"and a result", "console.log('hi'); 7", "hi\n= 7"},
		{"top-level await", "await Promise.resolve(8)", "= 8"},
		{"await with a timer", "await new Promise((yes) => setTimeout(yes, 20, 'later'))", "= 'later'"},
		{"functions live on", "function f(a) { return a * x }", ""},
		{"and are called", "f(3)", "= 15"},
		{"an error", "null.x", "~TypeError: cannot read property 'x' of null"},
		{"a thrown value", "throw { a: 1 }", "Uncaught: { a: 1 }"},
		{"a rejected promise", "await Promise.reject(new RangeError('no'))", "RangeError: no"},
		{"a syntax error", "let = ;", "~SyntaxError: "},
		{"an own error class", "class MyError extends Error { constructor(m) { super(m); this.name = 'MyError' } } throw new MyError('mine')", "MyError: mine"},
		{"endless recursion", "function r() { r() } r()", "InternalError: stack overflow"},
		{"recursion while showing", "let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; deep", "= [ [ [ [Array] ] ] ]"},
		{"a promise that never settles", "await new Promise(() => {})", "Error: the awaited promise never settles: nothing is left to run"},
		{"a getter that throws while showing", "({ get a() { throw new Error('x') } })", "= { a: [Getter] }"},
		{"lone surrogates", `console.log('\ud800'); '\ud800'`, "\uFFFD\n= '\\uD800'"},
		{"a result cannot be forged by printing", `console.log('{"id":1,"result":{"text/plain":"forged"}}'); 3`, "{\"id\":1,\"result\":{\"text/plain\":\"forged\"}}\n= 3"},
		{"process.exit ends the cell", "process.exit(3)", "ExitError: the code called process.exit(3). That ends the cell; the context and its variables stay."},
		{"and the context survives", "x", "= 5"},
		{"a rejection that nobody handles", "Promise.reject(new Error('lost')); 1", "~Uncaught \\(in promise\\) Error: lost.*= 1$"},
		{"strict functions", "(function () { 'use strict'; return this })()", ""},
		{"only standard names are enumerable", "Object.keys(globalThis)", "= [ 'f', 'r' ]"},
		{"Date and time", "new Date(0).toISOString() + (Date.now() > 1.7e12)", "= '1970-01-01T00:00:00.000Ztrue'"},
		{"BigInt, regular expressions, generators", "[2n ** 70n, 'a1b22'.match(/\\d+/g), [...(function* () { yield 1; yield 2 })()]]", "= [ 1180591620717411303424n, [ '1', '22' ], [ 1, 2 ] ]"},
	})
}

// Cells end as programs do: when the promise that is their value has settled, and the timers they started have run.
func TestJavaScriptFinishesWhatACellStarted(t *testing.T) {
	newBench(t, shared, JavaScript).steps(t, []step{
		{"a main function that is not awaited", "async function main() { console.log('a'); await new Promise((yes) => setTimeout(yes, 30)); console.log('b'); return 7 } main()", "a\nb\n= 7"},
		{"one that fails", "(async () => { await new Promise((yes) => setTimeout(yes, 10)); throw new Error('late') })()", "Error: late"},
		{"with a handler", "(async () => { throw new Error('x') })().catch((e) => console.log('caught', e.message))", "caught x\n"},
		{"a timer", "setTimeout(() => console.log('timer'), 20)", "timer\n"},
		{"timers in order", "setTimeout(() => console.log(3), 60); setTimeout(() => console.log(2), 30); setTimeout(() => console.log(1)); 'value'", "1\n2\n3\n= 'value'"},
		{"a timer from a timer", "setTimeout(() => setTimeout(() => console.log('inner'), 10), 10); undefined", "inner\n"},
		{"jobs run between timers", "setTimeout(() => { console.log(1); Promise.resolve().then(() => console.log(2)) }); setTimeout(() => console.log(3)); 0", "1\n2\n3\n= 0"},
		{"a timer that throws", "setTimeout(() => { throw new Error('in timer') }, 1); 5", "~Uncaught Error: in timer.*= 5$"},
		{"an interval that ends itself", "let n = 0; const t = setInterval(() => { console.log(++n); if (n === 3) { clearInterval(t); done() } }, 5); let done; new Promise((yes) => { done = yes }).then(() => 'done')", "1\n2\n3\n= 'done'"},
		{"an interval alone does not hold the cell", "var ticks = 0; var ticker = setInterval(() => ticks++, 5); 1", "= 1"},
		{"but runs while a later cell waits", "while (ticks <= 3) await new Promise((yes) => setTimeout(yes, 5)); clearInterval(ticker); ticks > 3", "= true"},
		{"a promise that never settles is only shown", "new Promise(() => {})", "= Promise {}"},
		{"a cleared timer", "clearTimeout(setTimeout(() => console.log('never'), 5)); 2", "= 2"},
		{"queueMicrotask and setImmediate", "setImmediate(() => console.log('immediate')); queueMicrotask(() => console.log('micro')); 0", "micro\nimmediate\n= 0"},
	})
	b := newBench(t, shared, JavaScript)
	b.runFor(100*time.Millisecond, "const again = () => setTimeout(again, 10); again()").wants(t, "timers without end", "Interrupted: the run was interrupted")
	b.run("1").wants(t, "the cell after it", "= 1")
}

func TestJavaScriptRedeclaration(t *testing.T) {
	b := newBench(t, shared, JavaScript)
	for _, c := range []struct{ code, want string }{
		{"let x = 1; x", "= 1"},
		{"let x = 2; x", "= 2"},
		{"const x = 3; x", "= 3"},
		{"x = 9", "TypeError: 'x' is read-only"},
		{"let x = 4; x", "= 4"},
		{"x = 5; x", "= 5"},
		{"var x = 6; x", "= 6"},
		{"let x = 7; x", "= 7"},
		{"function x() { return 8 } x()", "= 8"},
		{"class x { static v = 9 } x.v", "= 9"},
		{"class x { static v = 10 } x.v", "= 10"},
		{"let { x, y: [z = 11] } = { x: 1, y: [] }; z", "= 11"},
		{"let { x, y: [z] } = { x: 12, y: [13] }; x", "= 12"},
		{"let q = 1; let q = 2", "SyntaxError: invalid redefinition of lexical identifier"},
		{"typeof q", "= 'undefined'"},
		{"let t = 1; throw new Error('boom')", "Error: boom"},
		{"t", "= 1"},
		{"let u = (() => { throw new Error('early') })()", "Error: early"},
		{"u", "ReferenceError: u is not initialized"},
		{"let u = 3; u", "= 3"},
		{"let w = v; let v = 1", "ReferenceError: v is not initialized"},
		{"let n = 1; function getn() { return n } { let n = 99; class x {} } if (true) { const n = 5; n }", "= 5"},
		{"getn()", "= 1"},
		{"let n = 2; getn()", "= 2"},
		{"let s = 'let n = 5; `let n = 6`'; s", "= 'let n = 5; `let n = 6`'"},
		{"let s = `const y2 = \\`${n}\\``; s", "= 'const y2 = `2`'"},
		{"let re = /let x = [/]\"'`/.test('let x = /\"\\'`'); re", "= true"},
		{"/* let n = 7 */ // let n = 8\nlet n = 4; n", "= 4"},
		{"let a = 12\nlet b2 = a; b2", "= 12"},
		{"let a = await Promise.resolve(7); a", "= 7"},
		{"const a = await Promise.resolve(8); a", "= 8"},
		{"for (let i = 0; i < 3; i++) {} let i = 3; i", "= 3"},
		{"for (const i of [4]) {} let i = 4; i", "= 4"},
		{"let undefined = 1", "SyntaxError: redeclaration of 'undefined'"},
		{"let console2 = console, let2 = 6; let2", "= 6"},
		{"var f1 = () => 1; let f1 = 2", "SyntaxError: invalid redefinition of global identifier"},
		{"const arr = [1, 2]; arr", "= [ 1, 2 ]"},
		{"const arr = [1, 2, 3]; arr", "= [ 1, 2, 3 ]"},
		{"async function x() {} typeof x", "= 'function'"},
		{"let x = 21; globalThis.x === 21 ? 'leaked' : x", "= 21"},
	} {
		b.run(c.code).wants(t, c.code, c.want)
	}
}

func TestJavaScriptShowsValuesAsNodeDoes(t *testing.T) {
	b := newBench(t, shared, JavaScript)
	for _, c := range []struct{ code, want string }{
		{"'it\\'s'", `"it's"`},
		{"[1, 'a', null, undefined, -0, NaN]", "[ 1, 'a', null, undefined, -0, NaN ]"},
		{"({ a: 1, b: { c: { d: { e: 1 } } } })", "{ a: 1, b: { c: { d: [Object] } } }"},
		{"new Map([[1, { a: 2 }], ['k', [1]]])", "Map(2) { 1 => { a: 2 }, 'k' => [ 1 ] }"},
		{"new Set([1, 'a'])", "Set(2) { 1, 'a' }"},
		{"new (class Foo { constructor() { this.x = 1 } })", "Foo { x: 1 }"},
		{"new Uint8Array(3)", "Uint8Array(3) [ 0, 0, 0 ]"},
		{"const self = { n: 1 }; self.self = self; self", "<ref *1> { n: 1, self: [Circular *1] }"},
		{"({ get x() { return 1 }, set y(v) {}, get z() { return 1 }, set z(v) {} })", "{ x: [Getter], y: [Setter], z: [Getter/Setter] }"},
		{"[, 1, , 2]", "[ <1 empty item>, 1, <1 empty item>, 2 ]"},
		{"Symbol('x')", "Symbol(x)"},
		{"10n", "10n"},
		{"() => 1", "[Function (anonymous)]"},
		{"(function foo() {})", "[Function: foo]"},
		{"(class A extends Array {})", "[class A extends Array]"},
		{"new Date(0)", "1970-01-01T00:00:00.000Z"},
		{"Object.create(null)", "[Object: null prototype] {}"},
		{"new ArrayBuffer(2)", "ArrayBuffer { [Uint8Contents]: <00 00>, byteLength: 2 }"},
		{"Array.from({ length: 101 }, (_, i) => i % 10)", "~\\[\n  0, 1, 2.*\\.\\.\\. 1 more item\n\\]"},
		{"[{ name: 'aaa', value: 1 }, { name: 'bbb', value: 2 }, { name: 'cccccccccccccccccccc', value: 3 }]", "[\n  { name: 'aaa', value: 1 },\n  { name: 'bbb', value: 2 },\n  { name: 'cccccccccccccccccccc', value: 3 }\n]"},
		{"Buffer.from('hé')", "<Buffer 68 c3 a9>"},
		{"new Error('boo').message", "'boo'"},
		{"new Error('outer', { cause: new TypeError('inner') })", "~^Error: outer\n    at .*\\{\n  \\[cause\\]: TypeError: inner"},
		{"({ [Symbol.for('nodejs.util.inspect.custom')]() { return 'own form' } })", "own form"},
	} {
		want := "= " + c.want
		if pattern, ok := strings.CutPrefix(c.want, "~^"); ok {
			want = "~^= " + pattern
		} else if strings.HasPrefix(c.want, "~") {
			want = c.want
		}
		b.run(c.code).wants(t, c.code, want)
	}
}

func TestJavaScriptConsole(t *testing.T) {
	newBench(t, shared, JavaScript).steps(t, []step{
		{"several values", "console.log('a', 1, { b: 2 }, [3])", "a 1 { b: 2 } [ 3 ]\n"},
		{"format", "console.log('%s is %d and %i, %f %j %o %% %c', 'x', 1.5, 1.5, 1.5, { a: 1 }, [1], 'css', 'rest')", "x is 1.5 and 1, 1.5 {\"a\":1} [ 1 ] %  rest\n"},
		{"info, debug, warn, error", "console.info(1); console.debug(2); console.warn(3); console.error(4)", "1\n2\n3\n4\n"},
		{"table", "console.table([{ a: 1, b: 'x' }, { a: 2 }])", "┌─────────┬───┬─────┐\n│ (index) │ a │ b   │\n├─────────┼───┼─────┤\n│ 0       │ 1 │ 'x' │\n│ 1       │ 2 │     │\n└─────────┴───┴─────┘\n"},
		{"group", "console.group('g'); console.log('a\\nb'); console.groupEnd(); console.log('c')", "g\n  a\n  b\nc\n"},
		{"a group left open ends with the cell", "console.group('g')", "g\n"},
		{"as here", "console.log('d')", "d\n"},
		{"count", "console.count(); console.count(); console.count('x')", "default: 1\ndefault: 2\nx: 1\n"},
		{"assert", "console.assert(true, 'no'); console.assert(false, 'yes %d', 5)", "Assertion failed: yes 5\n"},
		{"time", "console.time('t'); console.timeEnd('t')", "~^t: [\\d.]+ms\n$"},
		{"dir", "console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 })", "{ a: [Object] }\n"},
		{"display", "display({ a: 1 }, 'text')", "[{ a: 1 }]['text']"},
		{"display of a bundle", "display({ 'text/plain': 'p', 'text/html': '<b>' }, { raw: true })", "[p]"},
		{"an object with forms of its own", "({ [Symbol.for('Jupyter.display')]() { return { 'text/plain': 'own', 'text/html': '<i>' } } })", "= own"},
	})
}

func TestJavaScriptSurroundings(t *testing.T) {
	newBench(t, shared, JavaScript).steps(t, []step{
		{"fetch says that there is no network", "await fetch('https://example.com')", "TypeError: fetch failed: the local sandbox has no network"},
		{"require of something else says what there is", "require('axios')", "~Error: Cannot find module 'axios': the local sandbox has no npm packages and no network. Available: assert, .*fs.*util"},
		{"the environment is empty", "process.env", "= {}"},
		{"the working folder", "process.cwd()", "= '/scratch'"},
		{"path", "const path = require('node:path'); [path.join('a', '..', 'b', 'c.txt'), path.extname('x.tar.gz'), path.basename('/a/b.js', '.js'), path.resolve('x'), path.relative('/a/b', '/a/c')]", "= [ 'b/c.txt', '.gz', 'b', '/scratch/x', '../c' ]"},
		{"assert", "require('assert').deepStrictEqual({ a: [1, new Map([[1, 2]])] }, { a: [1, new Map([[1, 2]])] })", ""},
		{"assert that fails", "require('assert').strictEqual(1, 2)", "~AssertionError: Expected values to be strictly equal"},
		{"events", "const e = new (require('events'))(); e.once('x', (v) => console.log(v)); e.emit('x', 1); e.emit('x', 2)", "1\n= false"},
		{"util", "require('util').format('%s', 'a') + require('util').inspect({ a: 1 })", "= 'a{ a: 1 }'"},
		{"structuredClone", "const o = { d: new Date(0), m: new Map([[1, { a: 1 }]]), u: new Uint8Array([1]) }; o.o = o; const c = structuredClone(o); [c !== o, c.o === c, c.m.get(1).a, c.d.getTime(), c.u[0]]", "= [ true, true, 1, 0, 1 ]"},
		{"structuredClone of a function", "structuredClone(() => 1)", "~DataCloneError: .* could not be cloned"},
		{"text to bytes and back", "new TextDecoder().decode(new TextEncoder().encode('aé€😀'))", "= 'aé€😀'"},
		{"bad bytes", "[new TextDecoder().decode(new Uint8Array([0x61, 0xff, 0xe2, 0x82, 0x62])), (() => { try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff])) } catch (e) { return e.name } })()]", "= [ 'a\uFFFD\uFFFDb', 'TypeError' ]"},
		{"base64", "[btoa('hello'), atob('aGVsbG8='), Buffer.from('aGk', 'base64').toString(), Buffer.from('ÿ').toString('hex')]", "= [ 'aGVsbG8=', 'hello', 'hi', 'c3bf' ]"},
		{"addresses", "const u = new URL('../x y?a=1&b=é#h', 'https://User@Example.com:443/p/q/r'); u.searchParams.set('a', 'z&'); [u.href, u.host, u.origin, u.searchParams.get('b'), URL.canParse('nothing'), new URLSearchParams({ q: 'a b' }).toString()]", "~'https://User@example.com/p/x%20y\\?a=z%26&b=%C3%A9#h',\n  'example.com',\n  'https://example.com',\n  'é',\n  false,\n  'q=a\\+b'"},
		{"performance.now", "const p = performance.now(); await new Promise((yes) => setTimeout(yes, 20)); performance.now() - p >= 19", "= true"},
	})
}

func TestJavaScriptFiles(t *testing.T) {
	b := newBenchOf(t, shared, Spec{Language: JavaScript, ScratchDir: t.TempDir(), Quota: Quota{Bytes: 1 << 20, Files: 50}})
	b.steps(t, []step{
		{"write and read", "fs.writeFileSync('a.txt', 'héllo'); fs.readFileSync('a.txt', 'utf8')", "= 'héllo'"},
		{"as bytes", "require('fs').readFileSync('/scratch/a.txt')", "= <Buffer 68 c3 a9 6c 6c 6f>"},
		{"append", "fs.appendFileSync('a.txt', '!'); fs.readFileSync('a.txt', { encoding: 'utf8' })", "= 'héllo!'"},
		{"bytes", "fs.writeFileSync('b.bin', new Uint8Array([0, 255, 10])); [...fs.readFileSync('b.bin')]", "= [ 0, 255, 10 ]"},
		{"a part of a buffer", "fs.writeFileSync('c.bin', new Uint8Array([1, 2, 3, 4]).subarray(1, 3)); [...fs.readFileSync('c.bin')]", "= [ 2, 3 ]"},
		{"folders", "fs.mkdirSync('x/y/z', { recursive: true }); fs.mkdirSync('x/y/z', { recursive: true }); fs.writeFileSync('x/y/f', ''); fs.readdirSync('x', { recursive: true })", "= [ 'y', 'y/f', 'y/z' ]"},
		{"entries", "fs.readdirSync('.', { withFileTypes: true }).map((e) => [e.name, e.isDirectory()])", "= [\n  [ 'a.txt', false ],\n  [ 'b.bin', false ],\n  [ 'c.bin', false ],\n  [ 'x', true ]\n]"},
		{"stat", "const s = fs.statSync('a.txt'); [s.size, s.isFile(), s.isDirectory(), Date.now() - s.mtimeMs < 60000, s.mtime instanceof Date]", "= [ 7, true, false, true, true ]"},
		{"exists", "[fs.existsSync('a.txt'), fs.existsSync('nothing'), fs.existsSync('/etc/passwd')]", "= [ true, false, false ]"},
		{"rename and copy", "fs.renameSync('a.txt', 'r.txt'); fs.copyFileSync('r.txt', 's.txt'); fs.readdirSync('.')", "= [ 'b.bin', 'c.bin', 'r.txt', 's.txt', 'x' ]"},
		{"remove", "fs.unlinkSync('r.txt'); fs.rmSync('x', { recursive: true }); fs.rmSync('nothing', { force: true }); fs.readdirSync('.')", "= [ 'b.bin', 'c.bin', 's.txt' ]"},
		{"promises", "const { readFile } = require('fs/promises'); await fs.promises.writeFile('p', '1'); await readFile('p', 'utf8')", "= '1'"},
		{"callbacks", "fs.readFile('p', 'utf8', (e, text) => console.log(e, text)); await null; await null; await null; undefined", "null 1\n"},
		{"nothing there", "fs.readFileSync('nothing')", "Error: ENOENT: no such file or directory, open 'nothing'"},
		{"its code", "try { fs.readFileSync('nothing') } catch (e) { [e.code, e.syscall, e.path] }", "= [ 'ENOENT', 'open', 'nothing' ]"},
		{"a folder", "fs.mkdirSync('d'); fs.readFileSync('d')", "~Error: EISDIR: illegal operation on a directory"},
		{"there already", "fs.mkdirSync('d')", "Error: EEXIST: file already exists, mkdir 'd'"},
		{"outside", "fs.readFileSync('../etc/passwd')", "~Error: (ENOENT|EACCES|EPERM): "},
		{"far outside", "fs.readFileSync('/etc/passwd')", "~Error: (ENOENT|EACCES|EPERM): "},
		{"NUL", `fs.readFileSync('a\0b')`, "TypeError: a path must not contain a null byte"},
		{"full", "fs.writeFileSync('big', new Uint8Array(2e6))", "~Error: ENOSPC: no space left"},
		{"too many files", "for (let i = 0; i < 100; i++) fs.writeFileSync('f' + i, '')", "~Error: ENOSPC: no space left"},
		{"json", "fs.rmSync('f0'); fs.writeFileSync('data.json', '{\"a\":1}'); require('./data.json')", "= { a: 1 }"},
	})
}

func TestJavaScriptTracebacks(t *testing.T) {
	b := newBench(t, shared, JavaScript)
	b.run("function f() {\n  throw new TypeError('bad')\n}")
	r := b.run("[1].map(() =>\n  f())")
	if r.Error == nil || r.Error.Name != "TypeError" || !strings.HasPrefix(r.Error.Traceback, "TypeError: bad\n    at f (<cell 1>:2:") || !strings.Contains(r.Error.Traceback, "<cell 2>:2:") || strings.Contains(r.Error.Traceback, "<kernel>") {
		t.Errorf("traceback = %+v", r.Error)
	}
	r = b.run("console.log(")
	if r.Error == nil || r.Error.Name != "SyntaxError" || !strings.Contains(r.Error.Traceback, "<cell 3>:1") {
		t.Errorf("traceback of a syntax error = %+v", r.Error)
	}
	for _, code := range []string{"import fs from 'fs'", "let a = 1\nimport { b } from 'b'", "export const a = 1", "const m = await import('fs')"} {
		if r := b.run(code); r.Error == nil || !strings.Contains(r.Error.Traceback, "use require('fs')") {
			t.Errorf("%s: %+v, want it to say what to do instead", code, r.Error)
		}
	}
	if r := b.run("let x = ;"); strings.Contains(r.Error.Traceback, "require") {
		t.Errorf("an ordinary syntax error was explained: %+v", r.Error)
	}
	r = b.run("setTimeout(() => f(), 1)")
	if !strings.Contains(r.stderr, "<cell 1>:2") || strings.Contains(r.stderr, "<kernel>") {
		t.Errorf("traceback of a timer = %q", r.stderr)
	}
}
