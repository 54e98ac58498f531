package carry_test

import (
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestPythonValuesSurvive(t *testing.T) {
	tests := []struct {
		name  string
		cells []string
		// then are expressions of the new context that have to be true.
		then []string
	}{
		{
			"plain values",
			[]string{"i, f, s, b, n, c = 1, 0.1, 'ä\\ud800', b'\\x00\\xff', None, 1j", "big = 10**100; e = ...; ni = NotImplemented"},
			[]string{"(i, f, s, b, n, c) == (1, 0.1, 'ä\\ud800', b'\\x00\\xff', None, 1j)", "big == 10**100 and e is ... and ni is NotImplemented"},
		},
		{
			"containers",
			[]string{"d = {'a': [1, (2,), {3}], 4: frozenset([5])}; ba = bytearray(b'x'); r = range(3); sl = slice(1, 2)"},
			[]string{"d == {'a': [1, (2,), {3}], 4: frozenset([5])} and ba == b'x' and r == range(3) and sl == slice(1, 2)"},
		},
		{"identity over variables", []string{"a = [1]; b = a; c = {'a': a}"}, []string{"a is b and c['a'] is a"}},
		{"cycles", []string{"a = []; a.append(a); d = {'a': a}; d['d'] = d"}, []string{"a[0] is a and d['d'] is d and d['a'] is a"}},
		{
			"modules and aliases",
			[]string{"import math, json as j, os.path as p, xml.etree.ElementTree\nfrom collections import OrderedDict as OD\nimport email.message"},
			[]string{"math.pi > 3 and j.dumps([1]) == '[1]' and p.join('a', 'b') == 'a/b'", "xml.etree.ElementTree.fromstring('<a/>').tag == 'a'", "OD(a=1)['a'] == 1 and email.message.Message() is not None"},
		},
		{
			"library types",
			[]string{"import datetime, decimal, fractions, collections, array, re, uuid, pathlib, io\nvs = [datetime.datetime(2020,1,2), decimal.Decimal('1.10'), fractions.Fraction(1,3), collections.Counter('aab'), collections.deque([1],3), array.array('d',[1.5]), uuid.UUID(int=7), pathlib.PurePosixPath('/a')]\npat = re.compile('a+', re.I); buf = io.BytesIO(b'abc'); buf.read(1); dd = collections.defaultdict(list, a=[1])"},
			[]string{"vs[1] == decimal.Decimal('1.10') and vs[3]['a'] == 2 and vs[4].maxlen == 3 and vs[0].year == 2020 and vs[6].int == 7", "pat.match('AA') is not None and buf.read() == b'bc' and dd['q'] == []"},
		},
		{
			"functions, defaults and recursion",
			[]string{"k = 10\ndef fact(n, one=1, *, more={'x': 1}):\n    'doc'\n    return one if n < 2 else n * fact(n - 1)\ndef usek(): return k\nfact.note = [1]\nlam = lambda x, y=2: x + y + k"},
			[]string{"fact(5) == 120 and fact.__doc__ == 'doc' and fact.note == [1] and fact.__kwdefaults__ == {'more': {'x': 1}}", "usek() == 10 and lam(1) == 13", "fact.__globals__ is globals() and fact.__module__ == '__main__'"},
		},
		{"functions see later changes", []string{"k = 1\ndef usek(): return k"}, []string{"exec('k = 5') is None and usek() == 5"}},
		{
			"closures that share",
			[]string{"def make():\n    n = 0\n    def inc():\n        nonlocal n\n        n += 1\n        return n\n    def get(): return n\n    return inc, get\ninc, get = make(); inc()"},
			[]string{"inc() == 2 and get() == 2"},
		},
		{"a closure over itself", []string{"def make():\n    def fib(n): return n if n < 2 else fib(n-1) + fib(n-2)\n    return fib\nfib = make()"}, []string{"fib(10) == 55"}},
		{"an empty cell", []string{"def make():\n    def f(): return x\n    if False: x = 1\n    return f\nf = make()"}, []string{"f.__closure__[0] is not None"}},
		{"generator functions and coroutines", []string{"def g():\n    yield 1\nasync def co(): return 4"}, []string{"list(g()) == [1]", "await co() == 4"}},
		{
			"decorators",
			[]string{"import functools\ndef deco(f):\n    @functools.wraps(f)\n    def wrapper(*a): return f(*a) * 2\n    return wrapper\n@deco\ndef twice(x): return x\n@functools.lru_cache(maxsize=7)\ndef cached(n): return n if n < 2 else cached(n-1) + cached(n-2)\npart = functools.partial(twice, 3)\nimport contextlib\n@contextlib.contextmanager\ndef cm():\n    yield 5"},
			[]string{"twice(4) == 8 and twice.__wrapped__(4) == 4 and part() == 6", "cached(20) == 6765 and cached.cache_parameters()['maxsize'] == 7", "[x for x in [1] for e in [cm().__enter__()]] == [1] and cm().__enter__() == 5"},
		},
		{
			"classes",
			[]string{"class A:\n    'doc'\n    count = 0\n    def __init__(self, x): self.x = x; A.count += 1\n    @property\n    def double(self): return self.x * 2\n    @double.setter\n    def double(self, v): self.x = v // 2\n    @classmethod\n    def make(cls): return cls(7)\n    @staticmethod\n    def st(): return 'st'\n    def __eq__(self, o): return self.x == o.x\nclass B(A):\n    def __init__(self): super().__init__(5)\n    @property\n    def double(self): return super().double + 1\na = A(3); b = B(); m = a.__eq__"},
			[]string{"type(a) is A and isinstance(b, A) and type(b) is B and B.__mro__[1] is A", "a.double == 6 and b.double == 11 and A.make().x == 7 and B.st() == 'st'", "A.count == 3 and A.__doc__ == 'doc' and A.__hash__ is None", "B().x == 5 and m(A(3))"},
		},
		{
			"slots",
			[]string{"class S:\n    __slots__ = ('a', '__p')\n    def __init__(self): self.a = 1; self.__p = 2\n    def p(self): return self.__p\nclass T(S): pass\ns = S(); t = T(); t.z = 3"},
			[]string{"s.a == 1 and s.p() == 2 and not hasattr(s, '__dict__') and t.z == 3 and t.p() == 2"},
		},
		{
			"dataclasses",
			[]string{"from dataclasses import *\n@dataclass(order=True)\nclass P:\n    x: int\n    y: list = field(default_factory=list)\n@dataclass(frozen=True, slots=True)\nclass Q(object):\n    z: int = 3\np = P(1); q = Q()"},
			[]string{"p == P(1) and P(1) < P(2) and [f.name for f in fields(P)] == ['x', 'y'] and asdict(p) == {'x': 1, 'y': []}", "replace(q, z=4).z == 4 and q == Q(3) and hash(q) == hash(Q(3))"},
		},
		{
			"enums",
			[]string{"import enum\nclass C(enum.Enum):\n    RED = 1\n    BLUE = 2\n    ALIAS = 1\n    def nice(self): return self.name.lower()\nclass F(enum.Flag):\n    A = enum.auto()\n    B = enum.auto()\nclass I(enum.IntEnum):\n    X = 5\nclass Planet(enum.Enum):\n    EARTH = (5, 6)\n    def __init__(self, a, b): self.a = a\nclass N(enum.Enum):\n    ONE = 1\n    def __new__(cls, v):\n        o = object.__new__(cls); o._value_ = v; o.extra = v * 2; return o\nclass S(enum.StrEnum):\n    HI = enum.auto()\nred = C.RED; both = F.A | F.B"},
			[]string{"red is C.RED and C.ALIAS is C.RED and C.BLUE.nice() == 'blue' and C(2) is C.BLUE", "both == F.A | F.B and I.X + 1 == 6 and Planet.EARTH.a == 5 and N.ONE.extra == 2 and N(1) is N.ONE and S.HI == 'hi'"},
		},
		{
			"named tuples",
			[]string{"import collections, typing\nP = collections.namedtuple('P', 'x y', defaults=[2])\nclass Q(typing.NamedTuple):\n    a: int\n    b: str = 'q'\nclass TD(typing.TypedDict):\n    k: int\np = P(1); q = Q(1)"},
			[]string{"p == P(1, 2) and p.y == 2 and type(p) is P and p._replace(x=5).x == 5 and q.b == 'q' and Q(2)._asdict() == {'a': 2, 'b': 'q'} and TD(k=1) == {'k': 1}"},
		},
		{
			"abstract, generic and protocol classes",
			[]string{"import abc, typing\nT = typing.TypeVar('T', bound=int)\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\nclass Impl(Base):\n    def f(self): return 1\nclass Box(typing.Generic[T]):\n    def __init__(self, v): self.v = v\nclass Pair[K, V]:\n    def __init__(self, k: K, v: V): self.k = k\nclass Sized(typing.Protocol):\n    def size(self) -> int: ...\ndef ident[X](x: X) -> X: return x\nimpl = Impl(); box = Box[int](3); pair = Pair(1, 2)"},
			[]string{"impl.f() == 1 and isinstance(impl, Base)", "Base.__abstractmethods__ == frozenset(['f'])", "box.v == 3 and Box[int] is not None and pair.k == 1 and Pair[int, str] is not None and ident(4) == 4"},
		},
		{"an abstract class stays abstract", []string{"import abc\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\ndef tries():\n    try: Base()\n    except TypeError: return True"}, []string{"tries()"}},
		{
			"metaclasses and registries",
			[]string{"class Meta(type):\n    def __new__(m, name, bases, ns):\n        c = super().__new__(m, name, bases, ns); c.made = getattr(c, 'made', 0) + 1; return c\nclass M(metaclass=Meta): pass\nclass Plug:\n    registry = {}\n    def __init_subclass__(cls, /, key=None, **kw): Plug.registry[key] = cls\nclass One(Plug, key='one'): pass"},
			[]string{"type(M) is Meta and M.made == 1 and Plug.registry == {'one': One}"},
		},
		{
			"descriptors and cached properties",
			[]string{"import functools\nclass D:\n    def __set_name__(self, o, n): self.n = n\n    def __get__(self, o, t): return self.n\nclass H:\n    d = D()\n    @functools.cached_property\n    def slow(self): return [1]\nh = H(); h.slow.append(2)"},
			[]string{"h.d == 'd' and h.slow == [1, 2] and H().slow == [1]"},
		},
		{"exceptions", []string{"class E(Exception):\n    def __init__(self, a): super().__init__(a); self.a = a\ntry: raise E(3)\nexcept E as x: err = x"}, []string{"err.a == 3 and type(err) is E and err.args == (3,)"}},
		{"objects with ways of their own", []string{"class G:\n    def __init__(self): self.f = (i for i in [1]); self.x = 1\n    def __getstate__(self): return {'x': self.x}\n    def __setstate__(self, s): self.x = s['x'] + 1\ng = G()"}, []string{"g.x == 2"}},
		{"random numbers go on", []string{"import random; random.seed(7); a = [random.random() for _ in range(3)]; state = random.getstate()"}, []string{"random.getstate() == state"}},
		{"names of all kinds", []string{"_private = 1; __dunder__ = 2; ä = 3; _x1 = 4; names = 5; asked = 6; open = 7"}, []string{"(_private, __dunder__, ä, _x1, names, asked, open) == (1, 2, 3, 4, 5, 6, 7)"}},
		{"the order of names", []string{"z = 1; a = 2; m = 3"}, []string{"[n for n in globals() if n in 'zam'] == ['z', 'a', 'm']"}},
		{"nothing at all", nil, []string{"True"}},
	}
	onEach(t, func(t *testing.T, b sandbox.Backend) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				r := newRig(t, b, sandbox.Python)
				r.do(t, test.cells...)
				r.move(t)
				r.wantLost(t)
				for _, then := range test.then {
					r.gives(t, then, "True")
				}
			})
		}
	})
}

func TestAMoveLeavesNothingBehind(t *testing.T) {
	onEach(t, func(t *testing.T, b sandbox.Backend) {
		r := newRig(t, b, sandbox.Python)
		before := succeed(t, r.to, "sorted(globals())").Value.Text
		r.do(t, "x = [1]\nclass A:\n    def __reduce__(self):\n        import warnings; warnings.warn('copied'); return int, ()\na = A()\nimport sys; before = set(sys.modules), sys.gettrace(), len(globals())")
		r.do(t, "40 + 2")
		r.move(t)
		gives(t, r.from, "_", "42")
		gives(t, r.from, "(set(sys.modules) - before[0]) & {'_agentrun_tray_carry'}, sys.gettrace() is before[1], len(globals()) - before[2]", "(set(), True, 1)") // before itself
		succeed(t, r.to, "names = sorted(set(globals()) - {'x', 'A', 'a', 'sys', 'before', '_'})")
		r.gives(t, "names", before)
		r.gives(t, "x", "[1]")
	})
}

func TestPythonTellsWhatIsLost(t *testing.T) {
	onEach(t, func(t *testing.T, b sandbox.Backend) {
		r := newRig(t, b, sandbox.Python)
		r.do(t, strings.Join([]string{
			"import threading, types, weakref",
			"good = [1]",
			"f = open('f.txt', 'w'); f.write('x'); f.flush()",
			"gen = (i for i in good)",
			"lock = threading.Lock()",
			"inside = {'deep': [good, gen]}",
			"over = lambda: gen",
			"def make():\n    g = gen\n    return lambda: next(g)",
			"closure = make()",
			"mod = types.ModuleType('handmade')",
			"also = [good, 2]",
			"class R:\n    def __reduce__(self): raise ValueError('no copy of me')",
			"bad = R()",
			"class P:\n    def __reduce__(self): print('noise'); display('more'); raise SystemExit",
			"exits = P()",
			"class U:\n    def __setstate__(self, s): raise ValueError('not here')",
			"cannot = U(); cannot.good = good; cannot.mine = [good]; shares = [good, cannot.mine]",
			"deep = []\nfor _ in range(100000): deep = [deep]",
			"last = good",
		}, "\n"))
		r.move(t)
		r.wantLost(t,
			"f (TextIOWrapper): TypeError: cannot pickle", "gen (generator): TypeError: cannot pickle 'generator'", "lock (lock): TypeError",
			"inside (dict): TypeError: cannot pickle 'generator'", "closure (function): TypeError: cannot pickle 'generator'",
			"mod (module): PicklingError: a module that was not imported", "bad (R): ValueError: no copy of me", "exits (P): SystemExit",
			"deep (list): it is nested too deeply", "cannot (): ValueError: not here", "shares (): it shares parts with one that was lost",
		)
		r.gives(t, "also[0] is good and last is good and callable(over) and R.__name__ == 'R'", "True")
	})
}
