// The Python kernel: CPython as a WASI reactor. The host calls the exports k_*, the guest calls the imports emit and tick.
//
// boot.py, handed in at k_init, decides what a cell, a result and an error look like; this file starts CPython, carries bytes
// between the two, and keeps what only C can keep: the interrupt flags, SQLite's locks, and the name of a full disk.

#define Py_BUILD_CORE 1
#include <Python.h>
#include "internal/pycore_ceval.h"
#include "internal/pycore_pystate.h"
#include "internal/pycore_runtime.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wasi/api.h>

#define IMPORTED(name) __attribute__((import_module("kernel"), import_name(name)))
#define EXPORTED(name) __attribute__((export_name(name)))

IMPORTED("emit") void host_emit(int kind, const void *data, int length);
IMPORTED("tick") void host_tick(void);

enum { TO_STDERR = 2 }; // the other kinds are sent by boot.py

#define INTERRUPT 2 // SIGINT's place in CPython's table of signals

static PyObject *run_cell, *report_error, *refresh_copy; // boot.py's _run, _report, _after_fork

// ---- interrupt ---------------------------------------------------------------------------------------------------------------

static volatile uint32_t interrupt_asked; // set by the host, last of its writes
static PyThreadState *thread;             // the only one; CPython has no current one while it sleeps

// k_intr tells the host where to write to interrupt: 1 to the first two addresses, then OR the fourth value into the word at
// the third. That word is ours and not CPython's eval_breaker, which the running interpreter changes without an atomic
// operation: a write from outside could get lost, or undo one of its own. The next safepoint passes the request on.
EXPORTED("k_intr") uint32_t *k_intr(void) {
  static uint32_t where[4];
  where[0] = (uint32_t)&_PyRuntime.signals.handlers[INTERRUPT].tripped;
  where[1] = (uint32_t)&_PyRuntime.signals.is_tripped;
  where[2] = (uint32_t)&interrupt_asked;
  where[3] = 1;
  return where;
}

static void pass_interrupt_on(void) {
  if (interrupt_asked && thread) {
    interrupt_asked = 0;
    _Py_set_eval_breaker_bit(thread, _PY_SIGNALS_PENDING_BIT);
  }
}

static void forget_interrupt(void) {
  interrupt_asked = 0;
  _PyRuntime.signals.handlers[INTERRUPT].tripped = 0;
  _PyRuntime.signals.is_tripped = 0;
}

// k_tick is the safepoint. The rewriter calls it from every loop; see safepoints.patch for the one function it leaves alone.
EXPORTED("k_tick") void k_tick(void) {
  pass_interrupt_on();
  host_tick();
}

// A sleep that the host ended early must see the interrupt at once, not only after many more loop turns. Linked with --wrap.
__wasi_errno_t __real___wasi_poll_oneoff(const __wasi_subscription_t *, __wasi_event_t *, __wasi_size_t, __wasi_size_t *);
__wasi_errno_t __wrap___wasi_poll_oneoff(const __wasi_subscription_t *in, __wasi_event_t *out, __wasi_size_t n,
                                         __wasi_size_t *events) {
  __wasi_errno_t result = __real___wasi_poll_oneoff(in, out, n, events);
  pass_interrupt_on();
  return result;
}

// ---- full disk ---------------------------------------------------------------------------------------------------------------

// The host's file layer reports "limit reached" as ERANGE, as the runtime's table of errors has no ENOSPC. Here it gets its
// proper name. Each of these is linked with --wrap.

static int proper_name(int error) { return error == ERANGE ? ENOSPC : error; }
#define NAMED(result)                  \
  do {                                 \
    if ((result) < 0)                  \
      errno = proper_name(errno);      \
    return result;                     \
  } while (0)

ssize_t __real_write(int, const void *, size_t);
ssize_t __wrap_write(int fd, const void *data, size_t n) {
  ssize_t result = __real_write(fd, data, n);
  NAMED(result);
}

ssize_t __real_writev(int, const struct iovec *, int);
ssize_t __wrap_writev(int fd, const struct iovec *pieces, int n) {
  ssize_t result = __real_writev(fd, pieces, n);
  NAMED(result);
}

ssize_t __real_pwrite(int, const void *, size_t, off_t);
ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t offset) {
  ssize_t result = __real_pwrite(fd, data, n, offset);
  NAMED(result);
}

int __real_ftruncate(int, off_t);
int __wrap_ftruncate(int fd, off_t length) {
  int result = __real_ftruncate(fd, length);
  NAMED(result);
}

int __real_mkdir(const char *, mode_t);
int __wrap_mkdir(const char *path, mode_t mode) {
  int result = __real_mkdir(path, mode);
  NAMED(result);
}

int __real_open(const char *, int, ...);
int __wrap_open(const char *path, int flags, ...) {
  int mode = 0;
  if (flags & O_CREAT) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, int);
    va_end(rest);
  }
  int result = __real_open(path, flags, mode);
  NAMED(result);
}

// ---- SQLite ------------------------------------------------------------------------------------------------------------------

// SQLite's own table of locks covers the connections of one process, and a context is one process with a folder of its own.
// The operating system's lock behind it, which WASI does not have, is granted always.
static int grant_lock(int fd, int command, ...) {
  (void)fd;
  va_list rest;
  va_start(rest, command);
  if (command == 12) { // F_GETLK as SQLite's WASI switch numbers it: answer F_UNLCK, nobody holds it
    struct flock *lock = va_arg(rest, struct flock *);
    lock->l_type = 2;
  }
  va_end(rest);
  return 0;
}

// CPython looks at the interrupt flag only after a statement, so a long one asks now and then by itself.
static int statement_interrupted(void *unused) {
  (void)unused;
  return _PyRuntime.signals.is_tripped;
}

static int connected(sqlite3 *connection, const char **error, const void *api) {
  (void)error, (void)api;
  sqlite3_progress_handler(connection, 20000, statement_interrupted, NULL);
  return 0;
}

static int prepare_sqlite(void) {
  if (sqlite3_initialize() != SQLITE_OK)
    return -1;
  sqlite3_vfs *files = sqlite3_vfs_find("unix");
  if (!files || files->xSetSystemCall(files, "fcntl", (sqlite3_syscall_ptr)grant_lock) != SQLITE_OK)
    return -1;
  return sqlite3_auto_extension((void (*)(void))connected) == SQLITE_OK ? 0 : -1;
}

// ---- the module _kernel ------------------------------------------------------------------------------------------------------

static PyObject *emit(PyObject *self, PyObject *args) {
  (void)self;
  int kind;
  Py_buffer data;
  if (!PyArg_ParseTuple(args, "iy*:emit", &kind, &data))
    return NULL;
  host_emit(kind, data.buf, (int)data.len);
  PyBuffer_Release(&data);
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"emit", emit, METH_VARARGS, "emit(kind, bytes): hand bytes to the host."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_kernel", .m_size = -1, .m_methods = functions,
};

static PyObject *make_module(void) { return PyModule_Create(&module_definition); }

// ---- start -------------------------------------------------------------------------------------------------------------------

static int complain(const char *what) {
  host_emit(TO_STDERR, what, (int)strlen(what));
  return -1;
}

static int complain_with_traceback(const char *what) {
  PyErr_Print();
  return complain(what);
}

static int start_python(void) {
  PyImport_AppendInittab("_kernel", make_module);
  PyPreConfig preconfig;
  PyPreConfig_InitIsolatedConfig(&preconfig);
  preconfig.utf8_mode = 1; // WASI has no locale but C, in which file names and text would be ASCII
  PyStatus status = Py_PreInitialize(&preconfig);
  if (PyStatus_Exception(status))
    return complain(status.err_msg ? status.err_msg : "CPython did not pre-initialize");
  PyConfig config;
  PyConfig_InitIsolatedConfig(&config);
  config.write_bytecode = 0;
  config.site_import = 0;
  config.install_signal_handlers = 1; // makes KeyboardInterrupt of the interrupt flag
  config.use_hash_seed = 1;           // every context is a copy of one snapshot and shares the seed anyway; a fixed one
  config.hash_seed = 0;               // gives sets the same order in every run of the app
  config.module_search_paths_set = 1;
  status = PyConfig_SetString(&config, &config.home, L"/usr/local");
  if (!PyStatus_Exception(status))
    status = PyWideStringList_Append(&config.module_search_paths, L"/usr/local/lib/python3.13");
  if (!PyStatus_Exception(status))
    status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status))
    return complain(status.err_msg ? status.err_msg : "CPython did not start");
  thread = PyThreadState_Get();
  return 0;
}

// run_boot evaluates boot.py in __main__, where it leaves the three functions.
static int run_boot(const char *source, int length) {
  char *text = malloc((size_t)length + 1);
  if (!text)
    return complain("no memory for the start-up code");
  memcpy(text, source, (size_t)length);
  text[length] = 0;
  PyObject *code = Py_CompileString(text, "<kernel>", Py_file_input);
  free(text);
  if (!code)
    return complain_with_traceback("the start-up code does not compile\n");
  PyObject *main_module = PyImport_AddModuleRef("__main__");
  PyObject *names = PyModule_GetDict(main_module);
  PyObject *done = PyEval_EvalCode(code, names, names);
  Py_DECREF(code);
  if (!done)
    return complain_with_traceback("the start-up code failed\n");
  Py_DECREF(done);
  run_cell = PyObject_GetAttrString(main_module, "_run");
  report_error = PyObject_GetAttrString(main_module, "_report");
  refresh_copy = PyObject_GetAttrString(main_module, "_after_fork");
  if (!run_cell || !report_error || !refresh_copy)
    return complain_with_traceback("the start-up code lacks _run, _report or _after_fork\n");
  return 0;
}

// ---- exports -----------------------------------------------------------------------------------------------------------------

EXPORTED("k_alloc") void *k_alloc(int n) { return malloc((size_t)n); }
EXPORTED("k_free") void k_free(void *block) { free(block); }

// k_init ignores the memory limit: the host bounds the pages of the module, and CPython turns a refused page into MemoryError.
EXPORTED("k_init") int k_init(const char *boot, int length, int memory_limit) {
  (void)memory_limit;
  if (prepare_sqlite() < 0)
    return complain("SQLite did not start");
  if (start_python() < 0)
    return -1;
  return run_boot(boot, length);
}

// k_fork is to be called once in every copy of the snapshot.
EXPORTED("k_fork") int k_fork(void) {
  PyObject *done = PyObject_CallNoArgs(refresh_copy);
  if (!done)
    return complain_with_traceback("a copy of the snapshot could not be refreshed\n");
  Py_DECREF(done);
  return 0;
}

// k_run executes a cell; boot.py emits the reply. An error is reported from here and not from an "except" in Python, because
// an interrupt that comes late would go off inside that "except". One that goes off in the report is reported instead.
EXPORTED("k_run") int k_run(const char *code, int length, int id) {
  forget_interrupt();
  PyObject *done = PyObject_CallFunction(run_cell, "s#i", code, (Py_ssize_t)length, id);
  for (int attempt = 0; !done && attempt < 3; attempt++) {
    PyObject *error = PyErr_GetRaisedException();
    forget_interrupt();
    done = PyObject_CallFunction(report_error, "Ni", error, id);
  }
  forget_interrupt();
  if (!done) {
    PyErr_Clear();
    return complain("the error of this cell could not be reported");
  }
  Py_DECREF(done);
  return 0;
}
