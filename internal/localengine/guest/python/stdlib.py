"""Packs the library that the Python kernel mounts: stdlib.py LIB ZONEINFO OUT NAME=FILE...

LIB is CPython's Lib folder, ZONEINFO a compiled time-zone database, NAME=FILE a module of ours. Run it with the native CPython
of the same version. The same inputs give the same bytes: names are sorted, dates fixed, and the compiled files are of the kind
that nobody compares with a source. Nothing is compressed inside, as the archive is compressed as a whole.
"""

import importlib.util
import marshal
import os
import sys
import zipfile
from importlib._bootstrap_external import _code_to_hash_pyc

MOUNT = '/usr/local/lib/python3.13/'

# Cannot work in the sandbox, or is no part of running code. Paths relative to Lib; a folder goes with all in it.
LEFT_OUT = {
    # a screen, a terminal, other processes, native libraries
    'tkinter', 'turtle.py', 'turtledemo', 'idlelib', 'curses', 'pty.py', 'webbrowser.py', 'antigravity.py', 'multiprocessing',
    'concurrent/futures/process.py', 'ctypes',
    # the network
    'ssl.py', 'imaplib.py', 'poplib.py', 'smtplib.py', 'ftplib.py', 'netrc.py', 'mailbox.py', 'xmlrpc', 'wsgiref',
    # installing and building
    'ensurepip', 'venv', 'zipapp.py', 'compileall.py', 'py_compile.py', 'tabnanny.py', 'lib2to3', 'sysconfig/__main__.py',
    # start-up for a real installation
    'site.py', 'sitecustomize.py', '__phello__', '__hello__.py',
    # other systems
    'asyncio/windows_events.py', 'asyncio/windows_utils.py', 'asyncio/proactor_events.py', '_aix_support.py', '_apple_support.py',
    '_osx_support.py', '_ios_support.py', '_android_support.py', 'msilib',
    # Python twins of modules that are built in
    '_pydecimal.py', '_pyio.py',
    # large, and only of use in a terminal
    'pydoc_data', 'unittest/__main__.py',
}
TESTS = {'test', 'tests', '__pycache__'}


def sources(lib):
    """Every module kept, as (path in the archive, file)."""
    for folder, folders, names in os.walk(lib):
        inside = os.path.relpath(folder, lib).replace(os.sep, '/')
        prefix = '' if inside == '.' else inside + '/'
        folders[:] = [f for f in folders if f not in TESTS and prefix + f not in LEFT_OUT]
        for name in names:
            if name.endswith('.py') and prefix + name not in LEFT_OUT:
                yield prefix + name, os.path.join(folder, name)


def compiled(path, source):
    code = compile(source, MOUNT + path, 'exec', dont_inherit=True, optimize=0)
    # Through marshal and back: what it writes depends on who else holds a constant, and after a round trip nobody does.
    code = marshal.loads(marshal.dumps(code))
    return bytes(_code_to_hash_pyc(code, importlib.util.source_hash(source), checked=False))


def zones(database):
    """The time zones in the layout of the tzdata package, which is where zoneinfo looks when the system has none."""
    files, names = {}, []
    packages = ['tzdata', 'tzdata/zoneinfo']
    for folder, folders, entries in os.walk(database):
        folders[:] = [f for f in folders if f not in ('posix', 'right')]
        inside = os.path.relpath(folder, database).replace(os.sep, '/')
        prefix = '' if inside == '.' else inside + '/'
        if prefix:
            packages.append(f'tzdata/zoneinfo/{inside}')
        for entry in entries:
            with open(os.path.join(folder, entry), 'rb') as f:
                data = f.read()
            if data[:4] == b'TZif':
                files[f'tzdata/zoneinfo/{prefix}{entry}'] = data
                names.append(prefix + entry)
    if len(names) < 400:
        sys.exit(f'{database} has only {len(names)} time zones')
    for package in packages:
        files[f'{package}/__init__.pyc'] = compiled(f'{package}/__init__.py', b'')
    files['tzdata/zones'] = '\n'.join(sorted(names)).encode()
    return files


def main(lib, database, out, *modules):
    files = zones(database)
    ours = (module.split('=', 1) for module in modules)
    for path, file in [*sources(lib), *((name + '.py', file) for name, file in ours)]:
        with open(file, 'rb') as f:
            files[path + 'c'] = compiled(path, f.read())
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # a Unix file, whoever packs it
            archive.writestr(entry, files[path])
    print(f'{len(files)} files, {os.path.getsize(out)} bytes')


main(*sys.argv[1:])
