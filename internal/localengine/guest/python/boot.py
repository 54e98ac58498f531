# Start-up code of the Python kernel. It runs once, before the snapshot from which every context is copied, and leaves three
# functions for the C kernel: _run executes a cell, _report turns what a cell raised into the reply, _after_fork refreshes a copy.
#
# Replies leave through _kernel.emit(kind, bytes), never through a stream, so that nothing a cell prints can pass for one.

import ast
import builtins
import gc
import io
import json
import linecache
import os
import sys
import traceback
import types

import _kernel

_STDOUT, _STDERR, _REPLY, _DISPLAY = 1, 2, 3, 4
_LONGEST_TEXT = 1 << 18  # characters of one textual form; the host cuts finer
_emit = _kernel.emit
_quote = json.encoder.encode_basestring_ascii


# ---- output ----------------------------------------------------------------------------------------------------------------

class _Pipe(io.RawIOBase):
    """Bytes on their way to the host. What is on its way to stderr first lets stdout out, so that their order holds."""

    def __init__(self, kind, name, before=None):
        self._kind = kind
        self.name = name
        self._before = before

    def writable(self):
        return True

    def fileno(self):
        return self._kind

    def write(self, data):
        if self._before is not None:
            self._before()
        _emit(self._kind, data)
        return len(data)


def _text(buffer, **how):
    return io.TextIOWrapper(buffer, 'utf-8', 'backslashreplace', newline='\n', **how)


def _let_out():
    if not _out.closed:
        _out.flush()


def _open_streams():
    """Make sys.stdout and sys.stderr; again when a cell closed them."""
    global _out
    _out = sys.stdout = sys.__stdout__ = _text(io.BufferedWriter(_Pipe(_STDOUT, '<stdout>'), 8192), line_buffering=True)
    sys.stderr = sys.__stderr__ = _text(_Pipe(_STDERR, '<stderr>', _let_out), write_through=True)


_open_streams()
sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BytesIO(), 'utf-8')


# ---- the world as a cell sees it ---------------------------------------------------------------------------------------------

_main = types.ModuleType('__main__')
_cell = _main.__dict__
_cell['__builtins__'] = builtins
sys.path.append('/scratch')  # last, so that an uploaded file never hides a library module


def input(prompt='', /):
    """Nobody is there to answer: always raises EOFError."""
    raise EOFError('input() has nobody to ask: code runs here without a keyboard. Put the value into the code instead.')


def exit(code=None):
    """End the cell. The context and its variables stay."""
    raise SystemExit(code)


def display(*objects):
    """Show each object in its richest forms, in the order of the calls, without ending the cell."""
    for value in objects:
        _let_out()
        _emit(_DISPLAY, json.dumps(_bundle(value)).encode())


exit.__module__ = input.__module__ = display.__module__ = 'builtins'
builtins.input = input
builtins.exit = builtins.quit = exit
builtins.display = display


def _no_processes(*args, **kwargs):
    raise OSError('the local sandbox cannot start other programs')


os.system = os.popen = _no_processes

_NEEDS_HOST = 'the local sandbox has no network, processes, threads or terminal, so this module is not in it'
_NEEDS_INSTALL = 'the local sandbox has the Python standard library only, and nothing can be installed in it'
_ABSENT = dict.fromkeys((
    '_ssl', 'ssl', 'ctypes', '_ctypes', 'multiprocessing', '_multiprocessing', 'mmap', 'curses', '_curses', 'readline',
    'termios', 'fcntl', 'pty', 'pwd', 'grp', 'resource', 'syslog', 'tkinter', '_tkinter', 'turtle', 'smtplib', 'ftplib',
    'poplib', 'imaplib', 'xmlrpc', 'wsgiref', 'webbrowser', 'venv', 'ensurepip', 'winreg', 'msvcrt',
), _NEEDS_HOST) | dict.fromkeys((
    'numpy', 'pandas', 'matplotlib', 'scipy', 'sklearn', 'seaborn', 'plotly', 'bokeh', 'altair', 'statsmodels', 'sympy',
    'networkx', 'torch', 'torchvision', 'tensorflow', 'keras', 'jax', 'xgboost', 'lightgbm', 'transformers', 'datasets',
    'openai', 'anthropic', 'PIL', 'cv2', 'skimage', 'imageio', 'requests', 'httpx', 'aiohttp', 'urllib3', 'certifi', 'bs4',
    'lxml', 'selenium', 'playwright', 'scrapy', 'flask', 'django', 'fastapi', 'starlette', 'uvicorn', 'pydantic',
    'sqlalchemy', 'psycopg2', 'pymysql', 'pymongo', 'redis', 'boto3', 'yaml', 'toml', 'dateutil', 'pytz', 'six', 'attr',
    'tqdm', 'rich', 'click', 'tabulate', 'faker', 'jinja2', 'cryptography', 'nltk', 'spacy', 'gensim', 'polars', 'pyarrow',
    'duckdb', 'dask', 'numba', 'openpyxl', 'xlsxwriter', 'docx', 'pptx', 'pypdf', 'PyPDF2', 'fitz', 'reportlab', 'pytest',
    'hypothesis', 'mpmath', 'shapely', 'geopandas', 'folium', 'IPython', 'ipywidgets', 'notebook', 'pip', 'setuptools',
    'pkg_resources', 'wheel',
), _NEEDS_INSTALL)
_hint = ''  # the host appends its own sentence to this file


class _Absent:
    """Last of the finders: explains why a module that is known to be absent is absent.

    Only an import gets the explanation. Who merely asks (importlib.util.find_spec) gets None, as for any missing module.
    """

    @staticmethod
    def find_spec(name, path=None, target=None):
        why = _ABSENT.get(name)
        if why is None or path is not None or sys._getframe(2).f_code.co_name != '_find_and_load_unlocked':
            return None
        text = f'No module named {name!r}: {why}.'
        if _hint and why is _NEEDS_INSTALL:
            text += ' ' + _hint
        raise ModuleNotFoundError(text, name=name)


sys.meta_path.append(_Absent)


# ---- results -----------------------------------------------------------------------------------------------------------------

_FORMS = (
    ('text/html', '_repr_html_'),
    ('text/markdown', '_repr_markdown_'),
    ('text/latex', '_repr_latex_'),
    ('image/svg+xml', '_repr_svg_'),
    ('image/png', '_repr_png_'),
    ('image/jpeg', '_repr_jpeg_'),
    ('application/pdf', '_repr_pdf_'),
    ('application/json', '_repr_json_'),
    ('application/javascript', '_repr_javascript_'),
)
_PLAIN = frozenset((
    int, float, complex, bool, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, type, types.FunctionType,
    types.BuiltinFunctionType, types.ModuleType,
))


def _clip(text):
    if len(text) <= _LONGEST_TEXT:
        return text
    return f'{text[:_LONGEST_TEXT]}… ({len(text) - _LONGEST_TEXT} more characters)'


def _form(value):
    """One form of a bundle as text: bytes in base64, text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    return json.dumps(value, default=repr)


def _call_form(method, *args, **kwargs):
    """What a _repr_*_ method gives; one that fails is told on stderr and left out, as the plain form is still there."""
    try:
        return method(*args, **kwargs)
    except Exception as e:
        sys.stderr.write(''.join(_lines(e)))


def _bundle(value):
    """Every form the object offers, text/plain always."""
    kind = type(value)
    forms = {}
    if kind not in _PLAIN:
        method = getattr(kind, '_repr_mimebundle_', None)
        if method is not None:
            offered = _call_form(method, value, include=None, exclude=None)
            if isinstance(offered, tuple):  # (data, metadata)
                offered = offered[0]
            if isinstance(offered, dict):
                forms.update((str(name), _form(data)) for name, data in offered.items() if data is not None)
        for name, attribute in _FORMS:
            method = getattr(kind, attribute, None)
            if method is not None and name not in forms:
                data = _call_form(method, value)
                if isinstance(data, tuple):
                    data = data[0]
                if data is not None:
                    forms[name] = _form(data)
    if 'text/plain' not in forms:
        forms['text/plain'] = repr(value)
    forms['text/plain'] = _clip(forms['text/plain'])
    return forms


# ---- running -----------------------------------------------------------------------------------------------------------------

_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_TREE = _AWAIT | ast.PyCF_ONLY_AST
_COROUTINE = 0x80  # inspect.CO_COROUTINE
_FUTURE = 0
for _name in __import__('__future__').all_feature_names:
    _FUTURE |= getattr(__import__('__future__'), _name).compiler_flag
_future = 0        # "from __future__" holds for the cells after it too
_runner = _awaiting = None
_SPARE = 1 << 19
_spare = bytearray(_SPARE)  # given up when memory is exhausted, so that there is enough left to say so


async def _await(code):
    global _awaiting
    _awaiting = asyncio.current_task()
    return await eval(code, _cell)


def _abandon():
    """End a cell's own task when the loop was left before it ended; other tasks go on in the next cell that awaits."""
    if _awaiting is not None and not _awaiting.done():
        _awaiting.cancel()
        try:
            _runner.get_loop().run_until_complete(asyncio.gather(_awaiting, return_exceptions=True))
        except RuntimeError:
            pass  # it waits for something that cannot happen, even now


def _execute(code):
    """Run compiled code. One with a top-level await runs on an event loop that lives as long as the context."""
    global _runner
    if not code.co_flags & _COROUTINE:
        return eval(code, _cell)
    if _runner is None:
        _runner = asyncio.Runner()
    try:
        return _runner.run(_await(code))
    except BaseException:
        _abandon()
        raise


def _compile(text, name):
    """The cell as code for its statements and code for the trailing expression; either may be None."""
    global _future
    if len(text) < 400 and '\n' not in text:  # most often one expression: saves building a tree
        try:
            return None, compile(text, name, 'eval', _AWAIT | _future, True)
        except SyntaxError:
            pass
    tree = compile(text, name, 'exec', _TREE | _future, True)
    body, last = tree.body, None
    if body and isinstance(body[-1], ast.Expr):
        last = ast.Expression(body.pop().value)
    if body:
        code = compile(tree, name, 'exec', _AWAIT | _future, True)
        _future |= code.co_flags & _FUTURE
    else:
        code = None
    if last is not None:
        last = compile(last, name, 'eval', _AWAIT | _future, True)
    return code, last


def _save_up():
    """Set memory aside again, once there is more than that."""
    global _spare
    try:
        _spare = bytearray(4 * _SPARE)
        _spare = bytearray(_SPARE)
    except MemoryError:
        _spare = None


def _run(text, n):
    if _out.closed or sys.__stderr__.closed:
        _open_streams()
    sys.modules['__main__'] = _main
    name = f'<cell {n}>'
    linecache.cache[name] = len(text), None, text.splitlines(True), name
    code, last = _compile(text, name)
    if code is not None:
        _execute(code)
    value = _execute(last) if last is not None else None
    if _spare is None:
        _save_up()
    if value is None:
        _let_out()
        return _emit(_REPLY, b'{"id":%d}' % n)
    forms = _bundle(value)
    builtins._ = value
    _let_out()
    if len(forms) == 1:
        _emit(_REPLY, b'{"id":%d,"result":{"text/plain":%b}}' % (n, _quote(forms['text/plain']).encode()))
    else:
        _emit(_REPLY, json.dumps({'id': n, 'result': forms}).encode())


# ---- errors ------------------------------------------------------------------------------------------------------------------

_ours = globals()
_find_lines = linecache.updatecache


def _updatecache(filename, module_globals=None):
    """The library is here without its source; looking for it in vain for every frame takes long."""
    return [] if filename.startswith('/usr/local/lib/') else _find_lines(filename, module_globals)


linecache.updatecache = _updatecache


def _trim(e, seen, outermost=True):
    """Cut the kernel's own frames from the traceback of e and of everything chained to it.

    A traceback begins with the first line of a cell. Without one (a syntax error, an interrupted await) the outermost
    exception has none, and a chained one keeps what is not the kernel's.
    """
    if e is None or id(e) in seen:
        return
    seen.add(id(e))
    frames, first = [], None
    tb = e.__traceback__
    while tb is not None:
        code = tb.tb_frame.f_code
        if first is None and code.co_filename.startswith('<cell '):
            first = len(frames)
        if tb.tb_frame.f_globals is not _ours:
            frames.append(tb)
        tb = tb.tb_next
    frames = frames[first:] if first is not None else [] if outermost else frames
    for this, following in zip(frames, frames[1:] + [None]):
        this.tb_next = following
    e.__traceback__ = frames[0] if frames else None
    _trim(e.__cause__, seen, False)
    _trim(e.__context__, seen, False)
    if isinstance(e, BaseExceptionGroup):
        for each in e.exceptions:
            _trim(each, seen, False)


def _lines(e):
    """The traceback as Python prints it, line by line, cut in the middle when it is very long."""
    _trim(e, set())
    lines = traceback.format_exception(type(e), e, e.__traceback__)
    if sum(map(len, lines)) > 1 << 16:
        lines = [line if len(line) < 4096 else line[:4096] + '…\n' for line in lines]
        if len(lines) > 40:
            lines[20:-20] = [f'  … {len(lines) - 40} more lines …\n']
    return lines


def _said(e):
    try:
        text = str(e)
    except Exception:
        return '<its __str__ failed>'
    return text if len(text) <= 8192 else text[:8192] + '…'


def _report(e, n):
    """Called by the C kernel with what _run raised."""
    global _spare
    if isinstance(e, MemoryError):
        _spare = None
    _let_out()
    said = _said(e)
    if isinstance(e, SystemExit):
        said = f'the code called exit({"" if e.code is None else repr(e.code)[:200]}). That ends the cell; the context and its variables stay.'
        lines = [f'SystemExit: {said}\n']
    elif isinstance(e, MemoryError) and not said:
        said = 'the memory of this context is used up. Its variables stay; delete what is no longer needed, or use a new context.'
        lines = _lines(e)
    else:
        lines = _lines(e)
        if isinstance(e, SyntaxError) and (e.text or '').lstrip()[:1] in ('!', '%'):
            lines.append('Shell commands (!) and notebook magics (%) do not exist in the local sandbox.\n')
    _emit(_REPLY, json.dumps({'id': n, 'error': {'ename': type(e).__name__, 'evalue': said, 'traceback': lines}}).encode())


# ---- copies ------------------------------------------------------------------------------------------------------------------

def _after_fork():
    random.seed()                   # from the host; secrets, uuid4 and os.urandom ask the host anyway
    tempfile._name_sequence = None  # renews its random names only when the process id changes, and ours never does
    uuid._node = None


# ---- what most cells use, so that the snapshot holds it ------------------------------------------------------------------------

import _aio
import asyncio
import base64
import bisect
import collections
import contextlib
import copy
import csv
import dataclasses
import datetime
import decimal
import enum
import errno
import fractions
import functools
import hashlib
import heapq
import inspect
import itertools
import math
import operator
import pathlib
import pprint
import random
import re
import shutil
import socket
import statistics
import string
import struct
import tempfile
import textwrap
import time
import typing
import urllib.request
import uuid

import _sitebuiltins

builtins.help = _sitebuiltins._Helper()


# ---- no network: say so where code meets it --------------------------------------------------------------------------------------

def _no_network(*args, **kwargs):
    raise OSError(errno.ENETUNREACH, 'the local sandbox has no network')


for _name in ('getaddrinfo', 'gethostbyname', 'gethostbyname_ex', 'gethostbyaddr', 'create_connection', 'create_server', 'socketpair'):
    setattr(socket, _name, _no_network)
socket.socket.__init__ = _no_network
socket.socket.__del__ = lambda self: None


def _no_url(self, request):
    raise urllib.request.URLError('the local sandbox has no network')


urllib.request.HTTPHandler.http_open = _no_url
urllib.request.HTTPHandler.https_open = _no_url
urllib.request.FTPHandler.ftp_open = _no_url


# ---- ready -------------------------------------------------------------------------------------------------------------------

def _warm_up():
    """Run a few cells unheard: imports that CPython puts off happen now, and the bytecode of this file specialises."""
    global _emit
    emit, _emit = _emit, lambda kind, data: None
    usual = ['print("hi")', 'a = 1\na + 1', 'def f():\n  return [1]\nf()']
    rare = ['1 +', 'def f(): raise ValueError("x")\nf()', 'import numpy', 'await asyncio.sleep(0)']
    for cell in usual * 12 + rare * 2:
        try:
            _run(cell, 0)
        except Exception as e:
            _report(e, 0)
    _emit = emit
    _cell.clear()
    _cell.update(_fresh)
    builtins.__dict__.pop('_', None)
    linecache.cache.pop('<cell 0>', None)


tempfile.tempdir = '/scratch'
os.chdir('/scratch')
_fresh = dict(_cell)
_cell['asyncio'] = asyncio
_warm_up()
del _name
gc.collect()
gc.freeze()  # the collector of a copy need not visit, and so not touch, what all copies share
