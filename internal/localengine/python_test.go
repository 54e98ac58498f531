package localengine

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func TestPythonCells(t *testing.T) {
	newBench(t, shared, Python).steps(t, []step{
		{"a trailing expression is the result", "1 + 1", "= 2"},
		{"the latest result has a name", "_ * 2", "= 4"},
		{"None shows nothing", "None", ""},
		{"a statement shows nothing", "x = 5", ""},
		{"variables are kept", "x", "= 5"},
		{"several statements and an expression", "y = x + 1\nz = y\ny, z", "= (6, 6)"},
		{"print", "print('hi')", "hi\n"},
		{"print and a result", "print('hi'); 7", "hi\n= 7"},
		{"streams keep their order", "import sys\nprint('a', end='')\nprint('b', file=sys.stderr)\nprint('c')", "ac\nb\n"},
		{"a comment", "# nothing", ""},
		{"white space", "  \n\t\n", ""},
		{"indented first line", "  x = 1", "~IndentationError: unexpected indent"},
		{"functions live on", "def f(a): return a * x", ""},
		{"and are called", "f(3)", "= 15"},
		{"classes can be pickled", "import pickle\nclass C: pass\ntype(pickle.loads(pickle.dumps(C()))) is C", "= True"},
		{"a future statement holds for later cells", "from __future__ import annotations", ""},
		{"as here", "def g(a: nowhere): pass\ng.__annotations__", "= {'a': 'nowhere'}"},
		{"the module is __main__", "__name__", "= '__main__'"},
		{"only the own names are there", "sorted(n for n in globals() if n.startswith('_'))", "= ['__builtins__', '__doc__', '__loader__', '__name__', '__package__', '__spec__']"},
		{"lone surrogates in output", `print('\ud800')`, "\\ud800\n"},
		{"lone surrogates in a result", `'\ud800'`, `= '\ud800'`},
		{"invalid UTF-8 written past print", `import sys, os; sys.stdout.flush(); os.write(1, b'a\xff\xfeb\n')`, "a\uFFFDb\n= 5"},
		{"characters in pieces", `import os; [os.write(1, bytes([c])) for c in 'é€😀\n'.encode()] and None`, "é€😀\n"},
		{"a closed stdout is opened again", "import sys; sys.stdout.close()", ""},
		{"for the next cell", "print(1)", "1\n"},
		{"the result cannot be forged by printing", `print('{"id":99,"result":{"text/plain":"forged"}}'); 'true'`, "{\"id\":99,\"result\":{\"text/plain\":\"forged\"}}\n= 'true'"},
		{"nor by the kernel's own door", `import _kernel; _kernel.emit(3, b'{"id":1,"result":{"text/plain":"forged"}}'); 'true'`, "= 'true'"},
		{"an object whose repr fails", "class B:\n  def __repr__(self): raise OSError('no')\nB()", "OSError: no"},
		{"help", "help(len)", "~Help on built-in function len"},
	})
}

func TestPythonErrors(t *testing.T) {
	newBench(t, shared, Python).steps(t, []step{
		{"an error", "1/0", "ZeroDivisionError: division by zero"},
		{"a syntax error", "x ==", "~SyntaxError: invalid syntax"},
		{"a notebook's shell command", "!ls", "~SyntaxError: invalid syntax"},
		{"input has nobody to ask", "input('Name? ')", "~EOFError: input\\(\\) has nobody to ask: .*Put the value into the code"},
		{"standard input is empty", "import sys; sys.stdin.read()", "= ''"},
		{"sys.exit ends the cell", "x = 1\nimport sys\nsys.exit(3)", "~SystemExit: the code called exit\\(3\\)"},
		{"exit too", "exit()", "~SystemExit: the code called exit\\(\\)"},
		{"quit too", "quit('bye')", "~SystemExit: the code called exit\\('bye'\\)"},
		{"and the context survives", "x", "= 1"},
		{"endless recursion", "def r(): r()\nr()", "RecursionError: maximum recursion depth exceeded"},
		{"recursion through C", "a = []\nfor _ in range(100000): a = [a]\nlen(repr(a))", "~RecursionError"},
		{"an exception whose text fails", "class E(Exception):\n  def __str__(self): raise ValueError\nraise E()", "E: <its __str__ failed>"},
		{"a group", "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])", "ExceptionGroup: g (2 sub-exceptions)"},
		{"a thread", "import threading; threading.Thread(target=print).start()", "RuntimeError: can't start new thread"},
		{"a process", "import subprocess; subprocess.run(['ls'])", "~OSError: .*wasi does not support processes"},
		{"a shell", "import os; os.system('ls')", "OSError: the local sandbox cannot start other programs"},
		{"a magic name", "%matplotlib inline", "~SyntaxError"},
	})
}

func TestPythonTracebacks(t *testing.T) {
	b := newBench(t, shared, Python)
	b.run("def f():\n    return 1/0")
	for _, c := range []struct{ name, code, want string }{
		{"shows the lines of all cells, and no frame of the kernel", "def g():\n    f()\ng()", `Traceback (most recent call last):
  File "<cell 2>", line 3, in <module>
    g()
    ~^^
  File "<cell 2>", line 2, in g
    f()
    ~^^
  File "<cell 1>", line 2, in f
    return 1/0
           ~^~
ZeroDivisionError: division by zero
`},
		{"with a top-level await", "import asyncio\nawait asyncio.sleep(0)\nf()", `Traceback (most recent call last):
  File "<cell 3>", line 3, in <module>
    f()
    ~^^
  File "<cell 1>", line 2, in f
    return 1/0
           ~^~
ZeroDivisionError: division by zero
`},
		{"of a chain", "try:\n    f()\nexcept Exception as e:\n    raise ValueError('x') from e", `Traceback (most recent call last):
  File "<cell 4>", line 2, in <module>
    f()
    ~^^
  File "<cell 1>", line 2, in f
    return 1/0
           ~^~
ZeroDivisionError: division by zero

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "<cell 4>", line 4, in <module>
    raise ValueError('x') from e
ValueError: x
`},
		{"of a syntax error", "a b", `  File "<cell 5>", line 1
    a b
      ^
SyntaxError: invalid syntax
`},
		{"of a shell command say why", "!ls", `  File "<cell 6>", line 1
    !ls
    ^
SyntaxError: invalid syntax
Shell commands (!) and notebook magics (%) do not exist in the local sandbox.
`},
		{"of a missing module", "import numpy", `Traceback (most recent call last):
  File "<cell 7>", line 1, in <module>
    import numpy
ModuleNotFoundError: No module named 'numpy': the local sandbox has the Python standard library only, and nothing can be installed in it. The cloud backend has it.
`},
	} {
		r := b.run(c.code)
		if r.Error == nil || r.Error.Traceback != c.want {
			t.Errorf("%s:\n%s\ngave\n%v\nwant\n%s", c.name, c.code, r.Error, c.want)
		}
	}
	deep := b.run("import sys\nsys.setrecursionlimit(5000)\ndef a(n): b(n)\ndef b(n): a(n)\na(0)")
	if deep.Error == nil || deep.Error.Name != "RecursionError" || len(deep.Error.Traceback) > 64<<10 {
		t.Errorf("a very deep traceback has %d bytes", len(deep.Error.Traceback))
	}
}

func TestPythonMissingModules(t *testing.T) {
	hint := "the local sandbox has the Python standard library only, and nothing can be installed in it. The cloud backend has it."
	newBench(t, shared, Python).steps(t, []step{
		{"numpy", "import numpy", "ModuleNotFoundError: No module named 'numpy': " + hint},
		{"a module within it", "import numpy.linalg", "ModuleNotFoundError: No module named 'numpy': " + hint},
		{"from pandas", "from pandas import DataFrame", "ModuleNotFoundError: No module named 'pandas': " + hint},
		{"matplotlib", "import matplotlib.pyplot as plt", "ModuleNotFoundError: No module named 'matplotlib': " + hint},
		{"code that copes", "try:\n    import numpy\nexcept ImportError as e:\n    found = e.name\nfound", "= 'numpy'"},
		{"code that asks first", "import importlib.util; importlib.util.find_spec('numpy') is None", "= True"},
		{"importlib", "importlib.import_module('pandas')", "ModuleNotFoundError: No module named 'pandas': " + hint},
		{"a name nobody knows", "import nosuchmodule", "ModuleNotFoundError: No module named 'nosuchmodule'"},
		{"a module that needs the host", "import ctypes", "~ModuleNotFoundError: No module named '_?ctypes': the local sandbox has no network, processes, threads or terminal"},
		{"multiprocessing", "import multiprocessing", "~ModuleNotFoundError: No module named '_?multiprocessing': the local sandbox has no network"},
		{"one's own module of that name", "open('numpy.py', 'w').write('own = 1')\nimport numpy\nnumpy.own", "= 1"},
		{"one's own module", "open('helper.py', 'w').write('def f(): return 42')\nimport helper\nhelper.f()", "= 42"},
		{"which cannot hide the library", "open('json.py', 'w').write('own = 1')\nimport sys; del sys.modules['json']; import json\nhasattr(json, 'own')", "= False"},
	})
}

func TestPythonResults(t *testing.T) {
	b := newBench(t, shared, Python)
	r := b.run(`class Rich:
    def _repr_html_(self): return '<b>hi</b>'
    def _repr_png_(self): return b'png!'
    def _repr_json_(self): return {'a': 1}
    def _repr_latex_(self): return None
    def _repr_svg_(self): raise ValueError('broken')
    def __repr__(self): return 'Rich()'
Rich()`)
	want := Bundle{"text/plain": "Rich()", "text/html": "<b>hi</b>", "image/png": base64.StdEncoding.EncodeToString([]byte("png!")), "application/json": `{"a": 1}`}
	if len(r.Value) != len(want) {
		t.Errorf("forms = %v, want %v", r.Value, want)
	}
	for form, data := range want {
		if r.Value[form] != data {
			t.Errorf("%s = %q, want %q", form, r.Value[form], data)
		}
	}
	if !strings.Contains(r.stderr, "ValueError: broken") || strings.Contains(r.stderr, "<kernel>") {
		t.Errorf("stderr = %q, want what failed and nothing of the kernel", r.stderr)
	}
	r = b.run("class M:\n  def _repr_mimebundle_(self, include, exclude): return {'text/markdown': '# m', 'image/jpeg': b'j'}, {}\nM()")
	if r.Value["text/markdown"] != "# m" || r.Value["image/jpeg"] != "ag==" || !strings.HasPrefix(r.Value["text/plain"], "<__main__.M object") {
		t.Errorf("forms of _repr_mimebundle_ = %v", r.Value)
	}
	r = b.run("print('before'); display(Rich(), 2); print('after')")
	if r.stdout != "before\nafter\n" || len(r.displays) != 2 || r.displays[0]["text/html"] != "<b>hi</b>" || r.displays[1]["text/plain"] != "2" {
		t.Errorf("display gave %q %v", r.stdout, r.displays)
	}
	b.run("Rich").wants(t, "Rich", "= <class '__main__.Rich'>") // a class is not its instance
	b.run("Rich() and None").wants(t, "None", "")
}

func TestPythonSurroundings(t *testing.T) {
	network := "[Errno 40] the local sandbox has no network"
	_ = network
	newBench(t, shared, Python).steps(t, []step{
		{"the environment is empty", "import os; dict(os.environ)", "= {}"},
		{"the working folder is /scratch", "os.getcwd()", "= '/scratch'"},
		{"temporary files are in it", "import tempfile; tempfile.gettempdir()", "= '/scratch'"},
		{"no arguments", "import sys; sys.argv", "= ['']"},
		{"the clock is real", "import time; time.time() > 1.7e9", "= True"},
		{"sleep sleeps", "t = time.monotonic(); time.sleep(0.05); 0.05 <= time.monotonic() - t < 5", "= True"},
		{"a socket", "import socket; socket.socket()", "~OSError: .*the local sandbox has no network"},
		{"a name", "socket.getaddrinfo('example.com', 80)", "~OSError: .*the local sandbox has no network"},
		{"a connection", "socket.create_connection(('example.com', 80))", "~OSError: .*the local sandbox has no network"},
		{"a page", "import urllib.request; urllib.request.urlopen('http://example.com')", "URLError: <urlopen error the local sandbox has no network>"},
		{"a safe page", "urllib.request.urlopen('https://example.com')", "URLError: <urlopen error the local sandbox has no network>"},
		{"http.client", "import http.client; http.client.HTTPConnection('example.com').request('GET', '/')", "~OSError: .*the local sandbox has no network"},
	})
}

func TestPythonLibrary(t *testing.T) {
	newBench(t, shared, Python).steps(t, []step{
		{"sqlite in memory", "import sqlite3\ndb = sqlite3.connect(':memory:')\ndb.execute('create table t(a)')\ndb.executemany('insert into t values(?)', ((i,) for i in range(1000)))\ndb.execute('select sum(a), sqrt(16) from t').fetchone()", "= (499500, 4.0)"},
		{"sqlite in a file, two connections", "a = sqlite3.connect('f.db'); a.execute('create table t(x)'); a.execute('insert into t values(1)')\nb = sqlite3.connect('f.db', timeout=0)\ntry: b.execute('insert into t values(2)')\nexcept sqlite3.OperationalError as e: print(e)\na.commit(); b.execute('insert into t values(2)'); b.commit(); a.execute('select count(*) from t').fetchone()", "database is locked\n= (2,)"},
		{"full text search and JSON", "db.execute('create virtual table f using fts5(x)'); db.execute(\"insert into f values('some words')\"); db.execute(\"select x, json_extract('[1,2]', '$[1]') from f where f match 'words'\").fetchone()", "= ('some words', 2)"},
		{"bz2, lzma, zlib", "import bz2, lzma, zlib\n[m.decompress(m.compress(b'abc' * 1000)) == b'abc' * 1000 for m in (bz2, lzma, zlib)]", "= [True, True, True]"},
		{"archives", "import tarfile, zipfile, os\nopen('x', 'w').write('hello')\nwith tarfile.open('x.tar.xz', 'w:xz') as f: f.add('x')\nwith tarfile.open('x.tar.xz') as f: names = f.getnames()\nwith zipfile.ZipFile('x.zip', 'w', zipfile.ZIP_LZMA) as f: f.write('x')\nnames, zipfile.ZipFile('x.zip').read('x')", "= (['x'], b'hello')"},
		{"time zones", "from zoneinfo import ZoneInfo, available_timezones\nimport datetime\nstr(datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo('Europe/Berlin')).astimezone(ZoneInfo('America/New_York'))), len(available_timezones()) > 500", "= ('2026-07-01 06:00:00-04:00', True)"},
		{"hashes", "import hashlib; hashlib.sha256(b'a').hexdigest()[:8], hashlib.blake2b(b'a').hexdigest()[:8]", "= ('ca978112', '333fcb4e')"},
		{"decimal", "from decimal import Decimal; Decimal(1) / Decimal(7)", "= Decimal('0.1428571428571428571428571429')"},
		{"the library cannot be written to", "open('/usr/local/lib/python3.13/os.pyc', 'wb')", "~OSError: .*Read-only file system"},
		{"or removed", "os.unlink('/usr/local/lib/python3.13/os.pyc')", "~OSError: .*Read-only file system"},
		{"or renamed", "os.rename('/usr/local/lib/python3.13/os.pyc', '/usr/local/lib/python3.13/x')", "~OSError: .*Read-only file system"},
		{"but read from anywhere within", "f = open('/usr/local/lib/python3.13/os.pyc', 'rb'); f.seek(-4, 2); len(f.read()), f.seek(0), len(f.read(4))", "= (4, 0, 4)"},
		{"and listed", "'asyncio' in os.listdir('/usr/local/lib/python3.13')", "= True"},
		{"sets of modules that must import", "import argparse, array, bisect, cmath, calendar, codecs, concurrent.futures, configparser, contextvars, difflib, email.message, fnmatch, ftplib_ as _x\n", "ModuleNotFoundError: No module named 'ftplib_'"},
		{"and do", "import html.parser, ipaddress, inspect, keyword, locale, logging, numbers, pickle, platform, queue, shelve, shlex, shutil, signal, stat, timeit, tokenize, unittest, unittest.mock, weakref, xml.etree.ElementTree, graphlib, heapq, secrets, doctest, pdb, http.server, optparse, gettext, gzip, zipapp_", "ModuleNotFoundError: No module named 'zipapp_'"},
	})
}

func TestPythonAsyncio(t *testing.T) {
	newBench(t, shared, Python).steps(t, []step{
		{"run and sleep", "import asyncio, time\nasync def f(x, d=0.02): await asyncio.sleep(d); return x\nasyncio.run(f(7))", "= 7"},
		{"gather sleeps side by side", "async def m(): t=time.monotonic(); r=await asyncio.gather(*(f(i,.1) for i in range(50))); return r[-1], time.monotonic()-t<1\nasyncio.run(m())", "= (49, True)"},
		{"wait_for", "async def m():\n    try: await asyncio.wait_for(asyncio.sleep(10),.05)\n    except TimeoutError as e: return 'timeout'\nasyncio.run(m())", "= 'timeout'"},
		{"cancel", "async def m():\n    t=asyncio.create_task(asyncio.sleep(10)); await asyncio.sleep(0); t.cancel()\n    try: await t\n    except asyncio.CancelledError: return 'cancelled'\nasyncio.run(m())", "= 'cancelled'"},
		{"timeout", "async def m():\n    try:\n        async with asyncio.timeout(.05): await asyncio.sleep(5)\n    except TimeoutError: return 'ok'\nasyncio.run(m())", "= 'ok'"},
		{"queue", "async def m():\n    q=asyncio.Queue(2); out=[]\n    async def c():\n        while (x:=await q.get()) is not None: out.append(x)\n    t=asyncio.create_task(c())\n    for i in range(10): await q.put(i)\n    await q.put(None); await t; return out\nasyncio.run(m())", "= [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"},
		{"task group", "async def m():\n    async with asyncio.TaskGroup() as g: a=g.create_task(f(1)); b=g.create_task(f(2))\n    return a.result()+b.result()\nasyncio.run(m())", "= 3"},
		{"task group with an error", "async def bad(): raise ValueError('x')\nasync def m():\n    try:\n        async with asyncio.TaskGroup() as g: g.create_task(bad()); g.create_task(f(1,5))\n    except* ValueError as e: r=repr(e.exceptions)\n    return r\nasyncio.run(m())", `= "(ValueError('x'),)"`},
		{"lock, event, semaphore", "async def m():\n    l=asyncio.Lock(); e=asyncio.Event(); s=asyncio.Semaphore(2); n=[]\n    async def w(i):\n        await e.wait()\n        async with s, l: n.append(i)\n    ts=[asyncio.create_task(w(i)) for i in range(5)]; await asyncio.sleep(0); e.set(); await asyncio.gather(*ts); return n\nasyncio.run(m())", "= [0, 1, 2, 3, 4]"},
		{"as_completed and wait", "async def m(): return [await x for x in asyncio.as_completed([f(3,.3),f(1,.02),f(2,.15)])], len((await asyncio.wait([asyncio.create_task(f(1)),asyncio.create_task(f(2,9))],timeout=.1))[1])\nasyncio.run(m())", "= ([1, 2, 3], 1)"},
		{"async generator", "async def g():\n    for i in range(3): await asyncio.sleep(0); yield i\nasync def m(): return [x async for x in g()]\nasyncio.run(m())", "= [0, 1, 2]"},
		{"to_thread fails clearly", "asyncio.run(asyncio.to_thread(print,1))", "RuntimeError: threads are not available in the local sandbox (run_in_executor, asyncio.to_thread)"},
		{"sockets fail clearly", "asyncio.run(asyncio.open_connection('example.com',80))", "OSError: the local sandbox has no network, pipes or processes (asyncio create_connection)"},
		{"processes fail clearly", "async def m(): await asyncio.create_subprocess_exec('ls')\nasyncio.run(m())", "OSError: the local sandbox has no network, pipes or processes (asyncio subprocess_exec)"},
		{"a deadlock is told", "async def m(): await asyncio.Event().wait()\nasyncio.run(m())", "RuntimeError: asyncio deadlock: every task is waiting, and no timer is running that could wake one"},
		{"also of the cell itself", "await asyncio.Event().wait()", "RuntimeError: asyncio deadlock: every task is waiting, and no timer is running that could wake one"},
		{"and leaves nothing behind", "import gc; gc.collect(); await asyncio.sleep(0.01); 5", "= 5"},
		{"a loop of one's own", "l=asyncio.new_event_loop(); fu=l.create_future(); l.call_later(.02, fu.set_result, 5); r=l.run_until_complete(fu); l.close(); r", "= 5"},
		{"runner", "with asyncio.Runner() as r: x=r.run(f(1))+r.run(f(2))\nx", "= 3"},
		{"top-level await", "await f(8)", "= 8"},
		{"in statements", "a = await f(1)\nasync with asyncio.timeout(5): b = await f(2)\na + b", "= 3"},
		{"a task lives on", "async def bg():\n    global n\n    n=0\n    while True: n+=1; await asyncio.sleep(.01)\nasync def start(): return asyncio.create_task(bg())\nt=await start(); await asyncio.sleep(.05)", ""},
		{"in the next cell that awaits", "while n <= 5: await asyncio.sleep(.01)\nt.cancel(); n>5", "= True"},
		{"many tasks", "async def m(): return sum(await asyncio.gather(*(f(i,0) for i in range(2000))))\nasyncio.run(m())", "= 1999000"},
		{"a loop within a loop", "async def m():\n    c = f(1)\n    try: asyncio.run(c)\n    finally: c.close()\nasyncio.run(m())", "RuntimeError: asyncio.run() cannot be called from a running event loop"},
	})
}

func TestPythonOutputLimits(t *testing.T) {
	b := newBenchOf(t, shared, Spec{Language: Python, ScratchDir: t.TempDir(), Output: OutputLimit{Stream: 100_000, Text: 1000, Media: 1000, Displays: 3}})
	r := b.run("for i in range(1000): print('x' * 99_999)\nimport sys; print('y' * 50_000, file=sys.stderr)")
	if len(r.stdout) != 100_000 || !strings.HasPrefix(r.stdout, "xxx") || r.Cut.Stdout != 99_900_000 || len(r.stderr) != 50_001 || r.Cut.Stderr != 0 || !strings.HasSuffix(r.beyond, "xxx\n") {
		t.Errorf("100 MB of output: %d and %d bytes came, %+v cut", len(r.stdout), len(r.stderr), r.Cut)
	}
	if memory := shared.Stats().Instances; len(memory) == 0 {
		t.Error("the instance is gone")
	}
	r = b.run("print('é' * 60_000)")
	if r.stdout != strings.Repeat("é", 50_000) || r.Cut.Stdout != 20_001 || !strings.HasSuffix(r.beyond, "éé\n") {
		t.Errorf("two-byte characters: %d bytes came, %+v cut", len(r.stdout), r.Cut)
	}
	r = b.run("'€' * 5000")
	if v := r.Value["text/plain"]; len(v) > 1000 || !strings.HasSuffix(v, "€…") || r.Cut.Forms != 1 {
		t.Errorf("long result: %d bytes, ends %q, %+v", len(v), v[max(0, len(v)-8):], r.Cut)
	}
	r = b.run("class P:\n  def _repr_png_(self): return b'x' * 2000\n  def _repr_html_(self): return 'h' * 2000\nP()")
	if _, ok := r.Value["image/png"]; ok || len(r.Value["text/html"]) > 1000 || r.Cut.Forms != 2 {
		t.Errorf("long forms: %v %+v", r.Value, r.Cut)
	}
	r = b.run("for i in range(5): display(i)")
	if len(r.displays) != 3 || r.Cut.Displays != 2 {
		t.Errorf("5 displays: %d came, %+v cut", len(r.displays), r.Cut)
	}
	r = b.run("class F:\n  def _repr_html_(self): return 'h' * 1900\ndisplay(F(), F(), F())")
	if len(r.displays) != 2 || r.Cut.Displays != 1 {
		t.Errorf("3 displays that are too long together: %d came, %+v cut", len(r.displays), r.Cut)
	}
	r = b.run("'x' * 50_000_000")
	if len(r.Value["text/plain"]) > 1000 {
		t.Errorf("a very long result has %d bytes", len(r.Value["text/plain"]))
	}
	r = b.run("class H:\n  def _repr_html_(self): return 'h' * 20_000_000\nH()")
	if r.Error == nil || r.Error.Name != "ResultTooLarge" {
		t.Errorf("a form of 20 MB gave %v", r.Error)
	}
	b.run("import _kernel; _kernel.emit(4, b'nonsense'); 1").wants(t, "a forged display", "= 1")
}

func TestOutputComesWhileTheCellRuns(t *testing.T) {
	b := newBench(t, shared, Python)
	var at []time.Duration
	began := time.Now()
	_, err := shared.Run(t.Context(), b.id, "import time\nfor i in range(3):\n    print(i)\n    time.sleep(0.1)\nprint('computing')\nt = time.time()\nwhile time.time() < t + 1: pass", func(Event) {
		at = append(at, time.Since(began))
	})
	took := time.Since(began)
	if err != nil || len(at) != 4 || at[0] > took-400*time.Millisecond || at[3] > took-150*time.Millisecond {
		t.Errorf("output came at %v of %v (%v), want it as it is printed", at, took, err)
	}
}
