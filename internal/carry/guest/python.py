# Runs in a Python context, as one expression of a cell, and packs the variables of its user into files or unpacks them elsewhere.
# It leaves nothing behind but what it unpacks: no name, no value, no module.
#
# Variables are pickled one after the other by one pickler, so that what they share stays shared, each into a piece of its own that
# can be taken back when the variable turns out not to pickle, or skipped when it turns out not to unpickle. That works because
# protocol 3 numbers what it remembers in plain sight: later protocols count along while they read. Functions and classes of the
# user are taken apart, since there is no module to import them from.
#
# `asked` is what to do, as JSON. The answer is a file.

import abc
import dataclasses
import enum
import functools
import importlib
import importlib.util
import io
import json
import linecache
import marshal
import os
import pickle
import re
import shutil
import sys
import time
import types
import typing
import warnings

_ours = globals()
_cell = sys._getframe(1).f_globals  # the variables of whoever runs this
_asked = json.loads(asked)
_machinery = re.compile(r'_{1,3}|_i{1,3}|_i?\d+|__annotations__|__warningregistry__')  # what notebooks and Python itself keep of cells
_from_cells = re.compile(r'<.*>')


class _Late(BaseException):
    """The time for one variable is over. Not an Exception, which code would catch more easily."""


class _TooLarge(Exception):
    pass


# ---- where ---------------------------------------------------------------------------------------------------------------------

def _find_home():
    """The working folder, wherever the code has gone since: the one that holds the host's mark."""
    places = []
    try:
        here = os.getcwd()
        while here not in places:
            places.append(here)
            here = os.path.dirname(here)
    except OSError:
        pass  # the folder is gone
    places += [p for p in list(sys.path) + list(_cell.get('_dh', ())) if isinstance(p, str)]
    for place in places:
        if os.path.isfile(os.path.join(place, _asked['folder'], 'mark')):
            return os.path.abspath(place)
    raise FileNotFoundError('the working folder was not found')


def _path(name):
    return os.path.join(_home, _asked['folder'], name)


def _answer(name, value):
    with open(_path(name), 'w', encoding='utf-8') as f:
        json.dump(value, f)


# ---- one variable at a time ----------------------------------------------------------------------------------------------------

class _Guard:
    """Lets the user's code that copies one variable run, and cuts it off. What it prints, the host throws away."""

    def __init__(self, name, until):
        self.name = name
        self.until = until

    def __enter__(self):
        with open(_path('trying'), 'w', encoding='utf-8') as f:
            f.write(self.name)  # for the host, should nothing come back from here
        self.before = sys.gettrace()
        sys.settrace(self.look)

    def __exit__(self, *failure):
        sys.settrace(self.before)

    def look(self, frame, event, arg):
        if frame.f_globals is _ours:
            return None
        if event in ('call', 'line') and time.monotonic() > self.until:  # not in place of an exception, which may be the host's
            raise _Late
        return self.look


def _why(e):
    if isinstance(e, _Late):
        return 'it took too long'
    if isinstance(e, MemoryError):
        return 'there is not enough memory to copy it'
    if isinstance(e, RecursionError):
        return 'it is nested too deeply'
    try:
        text = str(e)
    except BaseException:
        text = ''
    return f'{type(e).__name__}: {text}'[:300] if text else type(e).__name__


def _loss(name, value, why, size=0):
    kind = getattr(type(value), '__name__', '')
    return {'name': name, 'type': kind if isinstance(kind, str) else '', 'why': why, 'bytes': size}


# ---- functions and classes -----------------------------------------------------------------------------------------------------

def _is_importable(value):
    """Whether the value can be had by its name from a module that is not the user's cells."""
    module = sys.modules.get(getattr(value, '__module__', None) or '')
    if module is None or getattr(module, '__dict__', None) is _cell:
        return False
    found = module
    for part in value.__qualname__.split('.'):
        found = getattr(found, part, None)
    return found is value


def _moved(filename):
    """Cells are numbered anew after the move, so that those from before need names of their own."""
    return filename[:-1] + ', moved>' if _from_cells.fullmatch(filename) else filename


def _move_code(code, sources):
    name = _moved(code.co_filename)
    lines = linecache.cache.get(code.co_filename)
    if lines and len(lines) == 4 and lines[2] and (lines[1] is None or name == code.co_filename):
        sources[name] = lines[2]
    inner = tuple(_move_code(c, sources) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    return code.replace(co_filename=name, co_consts=inner)


def _make_function(version, code, scope, name, closure):
    _check_version(version)
    return types.FunctionType(marshal.loads(code), scope, name, None, closure)


def _check_version(version):
    if version != _version():
        raise ImportError(f'it was made by Python {version[0]}, and this is Python {_version()[0]}')


def _version():
    return '%d.%d' % sys.version_info[:2], importlib.util.MAGIC_NUMBER


def _fill_function(function, state):
    slots, attributes = state
    for name, value in slots.items():
        setattr(function, name, value)
    function.__dict__.update(attributes)


def _make_cell():
    return types.CellType()


def _fill_cell(cell, content):
    cell.cell_contents = content[0]


class _Scope:
    """Stands for the globals of a function, which are not copied as a dictionary if they are somebody's variables."""

    def __init__(self, scope):
        self.scope = scope

    def __reduce__(self):
        name = self.scope.get('__name__')
        if self.scope is _cell:
            return _main_scope, ()
        if isinstance(name, str) and getattr(sys.modules.get(name), '__dict__', None) is self.scope:
            return _module_scope, (name,)
        items = [(k, v) for k, v in self.scope.items() if k != '__builtins__']
        return _new_scope, (), None, None, iter(items)


def _main_scope():
    return _cell


def _module_scope(name):
    return importlib.import_module(name).__dict__


def _new_scope():
    return {}


def _make_class(version, meta, name, bases, body):
    _check_version(version)
    new = abc.ABCMeta.__new__ if issubclass(meta, abc.ABCMeta) else type.__new__
    return new(meta, name, bases, body)


def _fill_class(kind, state):
    for name, value in state.items():
        type.__setattr__(kind, name, value)


def _make_enum(meta, name, bases, body):
    space = meta.__prepare__(name, bases)
    for key, value in body:
        space[key] = value
    return meta(name, bases, space)


def _make_cached(function, maxsize, typed):
    return functools.lru_cache(maxsize, typed)(function)


def _make_typevar(name, constraints, options):
    return typing.TypeVar(name, *constraints, **options)


_FUNCTION_SLOTS = ('__defaults__', '__kwdefaults__', '__doc__', '__module__', '__qualname__', '__annotations__', '__type_params__')
_NOT_OF_A_CLASS = frozenset(('__dict__', '__weakref__', '__slots__', '__orig_bases__', '__module__', '__qualname__', '_abc_impl'))
_TYPES = {value: name for name, value in vars(types).items() if isinstance(value, type)}
_SENTINELS = {id(value): name for name, value in vars(dataclasses).items() if not isinstance(value, (type, types.FunctionType, types.ModuleType))}


class _Packer(pickle.Pickler):
    """Pickles what the standard one does, and what is defined in cells."""

    def __init__(self, out):
        super().__init__(out, 3)
        self.scopes = {}   # by id, with what they stand for
        self.codes = {}    # by code
        self.sources = {}  # lines by file name
        self.version = _version()
        self.ways = {
            types.FunctionType: self.function,
            types.CellType: self.cell,
            types.ModuleType: self.module,
            types.MappingProxyType: lambda value: (types.MappingProxyType, (dict(value),)),
            property: lambda value: (property, (value.fget, value.fset, value.fdel, value.__doc__)),
            classmethod: lambda value: (classmethod, (value.__func__,)),
            staticmethod: lambda value: (staticmethod, (value.__func__,)),
            type(functools.lru_cache(lambda: None)): self.cached,
            typing.TypeVar: self.typevar,
        }
        for kind in ('_FIELD_BASE', '_MISSING_TYPE', '_HAS_DEFAULT_FACTORY_CLASS', '_KW_ONLY_TYPE'):
            if hasattr(dataclasses, kind):
                self.ways[getattr(dataclasses, kind)] = self.sentinel

    def reducer_override(self, value):
        kind = type(value)
        way = self.ways.get(kind)
        if way is not None:
            return way(value)
        if issubclass(kind, type):
            return self.type(value)
        return NotImplemented

    def module(self, value):
        if sys.modules.get(value.__name__) is not value:
            raise pickle.PicklingError('a module that was not imported')
        return importlib.import_module, (value.__name__,)

    def sentinel(self, value):
        name = _SENTINELS.get(id(value))
        return (getattr, (dataclasses, name)) if name else NotImplemented

    def cached(self, value):
        if _is_importable(value):
            return NotImplemented
        how = value.cache_parameters()
        return _make_cached, (value.__wrapped__, how['maxsize'], how['typed'])

    def typevar(self, value):
        if _is_importable_typevar(value):
            return NotImplemented
        options = {'covariant': value.__covariant__, 'contravariant': value.__contravariant__}
        if value.__bound__ is not None:
            options['bound'] = value.__bound__
        if getattr(value, '__infer_variance__', False):
            options['infer_variance'] = True
        return _make_typevar, (value.__name__, value.__constraints__, options)

    def function(self, value):
        if _is_importable(value):
            return NotImplemented
        code = self.codes.get(value.__code__)
        if code is None:
            code = self.codes[value.__code__] = marshal.dumps(_move_code(value.__code__, self.sources))
        scope = self.scopes.setdefault(id(value.__globals__), _Scope(value.__globals__))
        slots = {}
        for name in _FUNCTION_SLOTS:
            held = getattr(value, name, None)
            if held:
                slots[name] = held
        made = self.version, code, scope, value.__name__, value.__closure__
        return _make_function, made, (slots, value.__dict__), None, None, _fill_function

    def cell(self, value):
        try:
            content = value.cell_contents,
        except ValueError:
            return _make_cell, ()
        return _make_cell, (), content, None, None, _fill_cell

    def type(self, value):
        if value in (type(None), type(...), type(NotImplemented)) or _is_importable(value):
            return NotImplemented
        if value in _TYPES:
            return getattr, (types, _TYPES[value])
        if value.__module__ != _cell.get('__name__', '__main__') and '<locals>' not in value.__qualname__:
            return NotImplemented
        if isinstance(value, enum.EnumMeta):
            return self.enum(value)
        body, state = {'__module__': value.__module__, '__qualname__': value.__qualname__}, {}
        for name, held in vars(value).items():
            if name in ('__slots__', '__orig_bases__'):
                body[name] = held
            elif name not in _NOT_OF_A_CLASS and not isinstance(held, (types.MemberDescriptorType, types.GetSetDescriptorType)):
                state[name] = held
        made = self.version, type(value), value.__name__, value.__bases__, body
        return _make_class, made, state, None, None, _fill_class

    def enum(self, value):
        meta, own, members = type(value), vars(value), value.__members__
        plain = vars(meta('_', value.__bases__, meta.__prepare__('_', value.__bases__)))
        body = [('__module__', value.__module__), ('__qualname__', value.__qualname__)]
        for name, held in own.items():
            written = getattr(held, '__func__', held)
            if name in members or name in ('__module__', '__qualname__'):
                continue
            if name not in plain or isinstance(written, types.FunctionType) and written.__globals__ is _cell:
                body.append(('__new__' if name in ('__new_member__', '_new_member_') else name, held))
        body += [(name, member._value_) for name, member in members.items()]
        return _make_enum, (meta, value.__name__, value.__bases__, body)


def _is_importable_typevar(value):
    module = sys.modules.get(value.__module__)
    return module is not None and module.__dict__ is not _cell and getattr(module, value.__name__, None) is value


# ---- packing -------------------------------------------------------------------------------------------------------------------

class _Sink:
    """The file of the pieces, with a limit for each."""

    def __init__(self, file, limit):
        self.file = file
        self.limit = limit
        self.last = b''
        self.size = 0        # of the piece
        self.keeps = True    # whether it is written at all

    def write(self, data):
        self.last = data
        self.size += len(data)
        if self.size > self.limit:
            raise _TooLarge
        if self.keeps:
            self.file.write(data)


def _next_index(packer, sink):
    """The number of what the packer remembers next, read from what it says about an empty list."""
    kept, sink.keeps = sink.keeps, False
    packer.dump([])
    sink.keeps = kept
    said = bytes(sink.last)  # ... PUT index, STOP
    return 1 + (said[-2] if said[-3:-2] == b'q' else int.from_bytes(said[-5:-1], 'little'))


def _candidates(lost):
    fresh, skip = set(_asked['fresh']), _asked['skip']
    for name, value in list(_cell.items()):
        if not isinstance(name, str) or name in fresh or _machinery.fullmatch(name):
            continue
        if name in skip:
            lost.append(_loss(name, value, skip[name]))
            continue
        yield name, value


def _write_pieces(file, variables, lost, limit, until):
    """Write what pickles; report the size of each piece, and whether all of them are in the file."""
    sink = _Sink(file, limit)
    packer = _Packer(sink)
    pieces, total = [], 0
    for name, value in variables:
        now = time.monotonic()
        if now > until:
            lost.append(_loss(name, value, 'there was no time left for it'))
            continue
        sink.size = 0
        index, at = _next_index(packer, sink), file.tell()
        sink.size = size = 0
        try:
            with _Guard(name, min(until, now + _asked['patience'])):
                if (size := sys.getsizeof(value)) > 4 * limit:
                    raise _TooLarge
                size = 0
                packer.dump(value)
        except KeyboardInterrupt:
            raise  # most often the host's own: it tries again without this one
        except BaseException as e:
            lost.append(_loss(name, value, 'larger than may be moved' if isinstance(e, _TooLarge) else _why(e), max(size, sink.size)))
            file.seek(at)
            file.truncate()
            packer.memo = {i: entry for i, entry in packer.memo.copy().items() if entry[0] < index}
            continue
        pieces.append({'name': name, 'at': at, 'bytes': sink.size, 'index': index})
        total += sink.size
        if sink.keeps and total > limit:  # from here on only the sizes matter
            sink.keeps = False
    return pieces, packer.sources, sink.keeps


def _pack():
    until = time.monotonic() + _asked['seconds']
    limit, lost = _asked['limit'], []
    variables = list(_candidates(lost))
    while True:
        failed = []
        with open(_path('variables'), 'w+b') as file:
            pieces, sources, all_in = _write_pieces(file, variables, failed, limit, until)
        values = dict(variables)
        out = {loss['name'] for loss in failed}
        lost += failed
        if all_in:
            break
        total = sum(piece['bytes'] for piece in pieces)
        for piece in sorted(pieces, key=lambda piece: -piece['bytes']):
            if total <= limit:
                break
            total -= piece['bytes']
            out.add(piece['name'])
            lost.append(_loss(piece['name'], values[piece['name']], 'larger than may be moved', piece['bytes']))
        variables = [(name, value) for name, value in variables if name not in out]
    packages = tuple(value.__name__ + '.' for value in values.values() if isinstance(value, types.ModuleType) and hasattr(value, '__path__'))
    where = os.path.relpath(os.getcwd(), _home) if os.path.isdir('.') else '.'
    _answer('packed', {
        'pieces': pieces, 'lost': lost, 'home': _home, 'where': where if not where.startswith('..') else '.',
        'sources': sources if sum(map(len, sources.values())) < 100000 else {},
        'path': [p for p in sys.path if isinstance(p, str)],
        'parts': [name for name in sys.modules if name.startswith(packages)],
        'random': sys.modules['random'].getstate() if 'random' in sys.modules else None,
    })


# ---- unpacking -----------------------------------------------------------------------------------------------------------------

def _prepare(packed):
    """What the variables need around them. None of it is worth failing for."""
    for folder in _asked['folders']:
        try:
            os.makedirs(os.path.join(_home, folder), exist_ok=True)
        except OSError:
            pass
    old = packed['home']
    for place in packed['path']:
        if place == old or place.startswith(old + '/'):
            place = _home + place[len(old):]
        if place not in sys.path:
            sys.path.append(place)
    for name in packed['parts']:
        try:
            importlib.import_module(name)
        except Exception:
            pass
    for name, lines in packed['sources'].items():
        linecache.cache[name] = sum(map(len, lines)), None, lines, name
    if packed['random']:
        version, numbers, spare = packed['random']
        importlib.import_module('random').setstate((version, tuple(numbers), spare))
    try:
        os.chdir(os.path.join(_home, packed['where']))
    except OSError:
        pass


class _Unpacker(pickle.Unpickler):
    known = {}  # what it remembers from before it began, by number

    def persistent_load(self, number):
        return self.known[number]


def _forget(unpacker, data, index):
    """An unpacker that remembers what another one does, up to the index. Its memo cannot just be set: CPython empties it then."""
    fresh = _Unpacker(data)
    fresh.known = {i: value for i, value in unpacker.memo.copy().items() if i < index}
    at = data.seek(0, io.SEEK_END)
    for i in fresh.known:
        number = i.to_bytes(4, 'little')
        data.write(pickle.BININT + number + pickle.BINPERSID + pickle.LONG_BINPUT + number + pickle.POP)
    data.write(pickle.NONE + pickle.STOP)
    data.seek(at)
    fresh.load()
    fresh.known = {}
    return fresh


def _unpack():
    until = time.monotonic() + _asked['seconds']
    with open(_path('packed'), encoding='utf-8') as f:
        packed = json.load(f)
    with open(_path('variables'), 'rb') as f:
        data = io.BytesIO(f.read())  # which is not read ahead of what is unpickled
    _prepare(packed)
    unpacker = _Unpacker(data)
    done, lost = [], []
    for piece in packed['pieces']:
        name, now = piece['name'], time.monotonic()
        why = _asked['skip'].get(name)
        if why is None and now > until:
            why = 'there was no time left for it'
        if why is None:
            data.seek(piece['at'])
            try:
                with _Guard(name, min(until, now + _asked['patience'])):
                    _cell[name] = unpacker.load()
                done.append(name)
                continue
            except KeyboardInterrupt:
                raise
            except BaseException as e:
                why = _why(e)
                if 'Memo value not found' in why:
                    why = 'it shares parts with one that was lost'
            # What the failed piece made is perhaps half done: nothing that follows may use it.
            unpacker = _forget(unpacker, data, piece['index'])
        lost.append({'name': name, 'type': '', 'why': why, 'bytes': piece['bytes']})
    _answer('unpacked', {'done': done, 'lost': lost})


# ---- what is asked -------------------------------------------------------------------------------------------------------------

def _main():
    stand_in = types.ModuleType(__name__)  # pickles find the functions of this file in it
    stand_in.__dict__.update(_ours)
    sys.modules[__name__] = stand_in
    warned = '__warningregistry__' in _cell
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            if _asked['do'] == 'name':
                _answer('names', list(_cell))
            elif _asked['do'] == 'pack':
                _pack()
            elif _asked['do'] == 'unpack':
                _unpack()
            else:
                shutil.rmtree(os.path.join(_home, _asked['folder']))
    finally:
        del sys.modules[__name__]
        if not warned:
            _cell.pop('__warningregistry__', None)  # of a warning that copying gave rise to


_home = _find_home()
_main()
