package carry_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/carry"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// A random web of values is described in the same words before and after a move: each object by its kind, what it holds and its
// number in the order of a walk, so that what is shared and what is not shows too. Variables that cannot move are in it, with what
// they share with others.

const pythonWeb = `
import random as _r
def build(seed, size):
    r = _r.Random(seed)
    class Node: pass
    class Slot:
        __slots__ = 'a', 'b'
    made = [[], {}]
    def pick(): return r.choice(made) if r.random() < 0.7 else r.choice([1, 'text', None, 2.5, b'bytes', (1, 'two'), 10**30])
    def closure(v): return lambda: v
    for _ in range(size):
        kind = r.randrange(8)
        if kind == 0: made.append([pick() for _ in range(r.randrange(4))])
        elif kind == 1: made.append({r.randrange(9): pick() for _ in range(r.randrange(4))})
        elif kind == 2: made.append((pick(), pick()))
        elif kind == 3: n = Node(); n.x = pick(); made.append(n)
        elif kind == 4: s = Slot(); s.a = pick(); s.b = pick(); made.append(s)
        elif kind == 5: made.append(closure(pick()))
        elif kind == 6: r.choice([m for m in made if type(m) is list]).append(pick())
        else: r.choice([m for m in made if type(m) is dict])[r.randrange(9)] = pick()
    for n in range(6):
        globals()[f'v{n}'] = pick()
        if r.random() < 0.3: globals()[f'bad{n}'] = [pick(), (i for i in ()), pick()]
def describe(values):
    seen, out, todo = {}, [], list(values)
    def word(v):
        if type(v) in (int, str, float, bytes, type(None)): return repr(v)
        if id(v) not in seen: seen[id(v)] = len(seen), v; todo.append(v)
        return '#%d' % seen[id(v)][0]
    while todo:
        v = todo.pop(0); name = type(v).__name__
        if name in ('list', 'tuple'): parts = [word(e) for e in v]
        elif name == 'dict': parts = [repr(k) + word(e) for k, e in v.items()]
        elif name == 'Node': parts = [word(v.x)]
        elif name == 'Slot': parts = [word(v.a), word(v.b)]
        elif name == 'function': parts = [word(v())]
        else: parts = [repr(v)]
        out.append(word(v) + name + ','.join(parts))
    return ';'.join(out)
`

const javaScriptWeb = `
class Node {}
class Kid extends Node {}
function build(seed, size) {
  let state = seed + 1;
  const random = (n) => { state = (state * 48271) % 2147483647; return state % n; };
  const made = [[], {}];
  const pick = () => random(10) < 7 ? made[random(made.length)] : [1, 'text', null, undefined, 10n ** 30n, -0, NaN][random(7)];
  for (let i = 0; i < size; i++) {
    switch (random(7)) {
      case 0: made.push([pick(), pick()]); break;
      case 1: made.push({a: pick(), ['k' + random(5)]: pick()}); break;
      case 2: made.push(new Map([[pick(), pick()], [random(5), pick()]])); break;
      case 3: made.push(new Set([pick(), pick()])); break;
      case 4: made.push(Object.assign(new (random(2) ? Kid : Node)(), {x: pick()})); break;
      case 5: made.push(Object.assign(Object.create({own: pick()}), {y: pick()})); break;
      default: made.filter(Array.isArray)[0].push(pick());
    }
  }
  for (let n = 0; n < 6; n++) {
    globalThis['v' + n] = pick();
    if (random(10) < 3) globalThis['bad' + n] = [pick(), Promise.resolve(), pick()];
  }
}
function describe(values) {
  const seen = new Map(), out = [], todo = [...values];
  const word = (v) => {
    if (v === null || typeof v !== 'object') return Object.is(v, -0) ? '-0' : typeof v + String(v);
    if (!seen.has(v)) { seen.set(v, seen.size); todo.push(v); }
    return '#' + seen.get(v);
  };
  while (todo.length) {
    const v = todo.shift();
    if (v === null || typeof v !== 'object') { out.push(word(v)); continue; }
    const proto = Object.getPrototypeOf(v);
    const parts = Object.hasOwn(proto, 'own') ? [word(proto.own)] : [proto.constructor.name];
    if (v instanceof Map) for (const [k, e] of v) parts.push(word(k) + ':' + word(e));
    else if (v instanceof Set) for (const e of v) parts.push(word(e));
    for (const k of Object.keys(v)) parts.push(k + '=' + word(v[k]));
    out.push(word(v) + parts.join());
  }
  return out.join(';');
}
`

// FuzzAMoveKeepsWhatVariablesShare moves random webs.
func FuzzAMoveKeepsWhatVariablesShare(f *testing.F) {
	webs := map[sandbox.Language]struct{ code, get string }{
		sandbox.Python:     {pythonWeb, "describe([globals()[n] for n in 'v0 v1 v2 v3 v4 v5'.split()])"},
		sandbox.JavaScript: {javaScriptWeb, "describe('v0 v1 v2 v3 v4 v5'.split(' ').map((n) => globalThis[n]))"},
	}
	for seed := range 25 {
		f.Add(seed%2 == 0, uint32(seed), uint8(4*seed))
	}
	session, err := onThisComputer.Open(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = session.Close(context.WithoutCancel(f.Context())) }) // which never fails here
	f.Fuzz(func(t *testing.T, python bool, seed uint32, size uint8) {
		language := sandbox.JavaScript
		if python {
			language = sandbox.Python
		}
		r := &rig{}
		for _, place := range []*carry.Place{&r.from, &r.to} {
			cc, err := session.CreateContext(t.Context(), language)
			if err != nil {
				t.Fatal(err)
			}
			*place = carry.Place{Session: session, Context: cc}
			defer func() {
				if err := session.StopContext(t.Context(), cc.ID); err != nil {
					t.Error(err)
				}
			}()
		}
		r.do(t, webs[language].code, fmt.Sprintf("build(%d, %d)", seed, size))
		r.move(t)
		for _, loss := range r.report.Lost {
			if !strings.HasPrefix(loss.Name, "bad") {
				t.Errorf("lost %s: %s", loss, loss.Reason)
			}
		}
		before, after := succeed(t, r.from, webs[language].get).Value.Text, succeed(t, r.to, webs[language].get).Value.Text
		if before != after {
			t.Errorf("the values were\n%s\nand are\n%s", before, after)
		}
	})
}
