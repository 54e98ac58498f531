// The JavaScript kernel: QuickJS as a WASI reactor. The host calls the exports k_*, the guest calls the imports emit and tick.
//
// boot.js, handed in at k_init, is an expression that gives (native) => ({step, result, error}): step() runs the timers that are
// due and returns the milliseconds until the next one or -1; result(value, id) and error(exception, id) return a reply as JSON.
// This file runs cells, jobs and timers, and makes sure that each cell ends with exactly one reply.

#include "files.h"
#include "quickjs.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define IMPORTED(name) __attribute__((import_module("kernel"), import_name(name)))
#define EXPORTED(name) __attribute__((export_name(name)))

IMPORTED("emit") void host_emit(int kind, const void *data, int length);
IMPORTED("tick") void host_tick(void);

enum { TO_STDOUT = 1, TO_STDERR = 2, REPLY = 3, DISPLAY = 4 };

// Of the 4 MiB of stack, JavaScript may use this much; the rest is for C functions that do not ask how much is left.
#define STACK_FOR_JAVASCRIPT (1 << 20)
// Memory lent while an error is reported, so that "out of memory" can be said when there is none.
#define MEMORY_FOR_ERRORS (4 << 20)
// Jobs still run after a cell has settled: enough for every chain of promises it left behind, but not for one without end.
#define JOBS_AFTER_CELL 1000

static JSRuntime *runtime;
static JSContext *cx;
static JSValue step, result_reply, error_reply; // the functions of boot.js
static size_t memory_limit;

// ---- interrupt ---------------------------------------------------------------------------------------------------------------

static volatile uint32_t interrupted; // set by the host, cleared when a cell begins and ends

// k_intr tells the host where to write to interrupt; here three times the same flag.
EXPORTED("k_intr") uint32_t *k_intr(void) {
  static uint32_t where[4];
  where[0] = where[1] = where[2] = (uint32_t)&interrupted;
  where[3] = 1;
  return where;
}

// k_tick is the safepoint, which the rewriter calls from every loop but those of the interpreter's main function.
EXPORTED("k_tick") void k_tick(void) { host_tick(); }

// QuickJS asks at every call and every jump back, counted down by itself. So this is the safepoint of its main function too.
static int on_poll(JSRuntime *rt, void *unused) {
  (void)rt, (void)unused;
  host_tick();
  return interrupted != 0;
}

// interruption is the error that a cell ends with. No code of the cell can catch it.
static JSValue interruption(void) {
  JSValue e = JS_NewError(cx);
  int flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
  JS_DefinePropertyValueStr(cx, e, "name", JS_NewString(cx, "Interrupted"), flags);
  JS_DefinePropertyValueStr(cx, e, "message", JS_NewString(cx, "the run was interrupted"), flags);
  JS_SetUncatchableError(cx, e, 1);
  return e;
}

// ---- what boot.js gets -------------------------------------------------------------------------------------------------------

// Halves of surrogate pairs standing alone have no UTF-8. QuickJS writes them as three bytes ED A0..BF xx; U+FFFD has three too.
static void replace_lone_surrogates(char *text, size_t length) {
  for (size_t i = 0; i + 2 < length; i++) {
    if ((uint8_t)text[i] == 0xED && (uint8_t)text[i + 1] >= 0xA0) {
      memcpy(text + i, "\xEF\xBF\xBD", 3);
      i += 2;
    }
  }
}

static int emit_value(int kind, JSValueConst value) {
  size_t length;
  const char *text = JS_ToCStringLen(cx, &length, value);
  if (!text)
    return -1;
  replace_lone_surrogates((char *)text, length); // our own copy, unless it is ASCII, which has none
  host_emit(kind, text, (int)length);
  JS_FreeCString(cx, text);
  return 0;
}

// emit(kind, string)
static JSValue native_emit(JSContext *c, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count;
  int kind;
  if (JS_ToInt32(c, &kind, args[0]) < 0)
    return JS_EXCEPTION;
  if (kind != TO_STDOUT && kind != TO_STDERR && kind != DISPLAY)
    return JS_ThrowRangeError(c, "emit: no such kind %d", kind);
  return emit_value(kind, args[1]) < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

// now() -> milliseconds of a clock that never goes back
static JSValue native_now(JSContext *c, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count, (void)args;
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return JS_NewFloat64(c, (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6);
}

static void sleep_for(double ms) {
  if (!(ms > 0))
    return;
  if (ms > 1e9)
    ms = 1e9;
  struct timespec t = {.tv_sec = (time_t)(ms / 1e3)};
  t.tv_nsec = (long)((ms - (double)t.tv_sec * 1e3) * 1e6);
  nanosleep(&t, NULL); // the host ends it early on an interrupt
}

// sleep(ms)
static JSValue native_sleep(JSContext *c, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count;
  double ms;
  if (JS_ToFloat64(c, &ms, args[0]) < 0)
    return JS_EXCEPTION;
  sleep_for(ms);
  return interrupted ? JS_Throw(c, interruption()) : JS_UNDEFINED;
}

static JSValue make_native(void) {
  static const JSCFunctionListEntry functions[] = {
      JS_CFUNC_DEF("emit", 2, native_emit),
      JS_CFUNC_DEF("now", 0, native_now),
      JS_CFUNC_DEF("sleep", 1, native_sleep),
  };
  JSValue native = JS_NewObject(cx);
  JS_SetPropertyFunctionList(cx, native, functions, sizeof functions / sizeof functions[0]);
  add_file_functions(cx, native);
  return native;
}

// ---- Math.random -------------------------------------------------------------------------------------------------------------

// QuickJS seeds its own from the clock, once; copies of a snapshot would all go on with the same numbers. This one is xorshift128+.
static uint64_t random_state[2];

static int seed_random(void) {
  do {
    if (getentropy(random_state, sizeof random_state) != 0)
      return -1;
  } while (random_state[0] == 0 && random_state[1] == 0);
  return 0;
}

static JSValue math_random(JSContext *c, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count, (void)args;
  uint64_t a = random_state[0], b = random_state[1];
  random_state[0] = b;
  a ^= a << 23;
  random_state[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
  return JS_NewFloat64(c, (double)((random_state[1] + b) >> 11) * 0x1p-53);
}

static int replace_math_random(void) {
  JSValue global = JS_GetGlobalObject(cx);
  JSValue math = JS_GetPropertyStr(cx, global, "Math");
  int flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
  int done = JS_DefinePropertyValueStr(cx, math, "random", JS_NewCFunction(cx, math_random, "random", 0), flags);
  JS_FreeValue(cx, math);
  JS_FreeValue(cx, global);
  return done < 0 ? -1 : 0;
}

// ---- rejections nobody handles -----------------------------------------------------------------------------------------------

// Promises rejected without a handler so far. One may still get it, so they are reported when no job is left.
static struct rejection {
  JSValue promise, reason;
} rejections[64];
static int rejection_count;

static void drop_rejection(int i) {
  JS_FreeValue(cx, rejections[i].promise);
  JS_FreeValue(cx, rejections[i].reason);
  rejections[i] = rejections[--rejection_count];
}

static void forget_rejection(JSValueConst promise) {
  for (int i = 0; i < rejection_count; i++) {
    if (JS_VALUE_GET_PTR(rejections[i].promise) == JS_VALUE_GET_PTR(promise)) {
      drop_rejection(i);
      return;
    }
  }
}

static void on_rejection(JSContext *c, JSValueConst promise, JSValueConst reason, JS_BOOL handled, void *unused) {
  (void)unused;
  if (handled)
    forget_rejection(promise);
  else if (rejection_count < (int)(sizeof rejections / sizeof rejections[0]))
    rejections[rejection_count++] = (struct rejection){JS_DupValue(c, promise), JS_DupValue(c, reason)};
}

static void swallow_exception(void) { JS_FreeValue(cx, JS_GetException(cx)); }

// tell_error writes a line about an error, and its stack, to stderr.
static void tell_error(const char *introduction, JSValueConst e) {
  host_emit(TO_STDERR, introduction, (int)strlen(introduction));
  if (emit_value(TO_STDERR, e) < 0)
    swallow_exception();
  host_emit(TO_STDERR, "\n", 1);
  if (!JS_IsError(cx, e))
    return;
  JSValue stack = JS_GetPropertyStr(cx, e, "stack");
  if (JS_IsException(stack) || (JS_IsString(stack) && emit_value(TO_STDERR, stack) < 0))
    swallow_exception();
  JS_FreeValue(cx, stack);
}

static void report_rejections(void) {
  while (rejection_count > 0) {
    struct rejection one = rejections[0];
    rejection_count--;
    memmove(rejections, rejections + 1, (size_t)rejection_count * sizeof one);
    tell_error("Uncaught (in promise) ", one.reason);
    JS_FreeValue(cx, one.promise);
    JS_FreeValue(cx, one.reason);
  }
}

// ---- replies -----------------------------------------------------------------------------------------------------------------

// reply lets boot.js word the reply and sends it. Returns -1, with the exception pending, when boot.js could not.
static int reply(JSValue function, JSValueConst value, int id) {
  JSValueConst args[] = {value, JS_NewInt32(cx, id)};
  JSValue text = JS_Call(cx, function, JS_UNDEFINED, 2, args);
  if (JS_IsException(text))
    return -1;
  int sent = emit_value(REPLY, text);
  JS_FreeValue(cx, text);
  return sent;
}

// reply_error frees the error. When even the report fails, because the error's own code throws or memory is gone, a fixed one goes.
static void reply_error(JSValue e, int id) {
  JS_SetMemoryLimit(runtime, memory_limit + MEMORY_FOR_ERRORS);
  interrupted = 0;
  JS_SetUncatchableError(cx, e, 0);
  if (reply(error_reply, e, id) < 0) {
    swallow_exception();
    char fixed[160];
    int n = snprintf(fixed, sizeof fixed,
                     "{\"id\":%d,\"error\":{\"ename\":\"Error\",\"evalue\":\"the error of this cell could not be shown\",\"traceback\":[]}}", id);
    host_emit(REPLY, fixed, n);
  }
  JS_FreeValue(cx, e);
  JS_SetMemoryLimit(runtime, memory_limit);
}

// reply_exception answers with the pending exception, or with the interruption if that is what it comes from.
static void reply_exception(int id) {
  JSValue e = JS_GetException(cx);
  if (interrupted) {
    JS_FreeValue(cx, e);
    e = interruption();
  }
  reply_error(e, id);
}

static void reply_result(JSValueConst value, int id) {
  if (reply(result_reply, value, id) < 0)
    reply_exception(id); // a getter or toString of the value threw
}

// ---- running -----------------------------------------------------------------------------------------------------------------

// run_job runs one job. Returns 0 when there was none. What a job throws has nobody to catch it.
static int run_job(void) {
  JSContext *its;
  int outcome = JS_ExecutePendingJob(runtime, &its);
  if (outcome < 0) {
    JSValue e = JS_GetException(its);
    if (!interrupted)
      tell_error("Uncaught ", e);
    JS_FreeValue(its, e);
  }
  return outcome != 0;
}

// run_timers runs what is due. Returns the milliseconds until the next timer, or -1 when there is none.
static double run_timers(void) {
  double ms = 0;
  JSValue next = JS_Call(cx, step, JS_UNDEFINED, 0, NULL);
  if (JS_IsException(next) || JS_ToFloat64(cx, &ms, next) < 0) {
    JSValue e = JS_GetException(cx);
    if (!interrupted)
      tell_error("Uncaught ", e);
    JS_FreeValue(cx, e);
  }
  JS_FreeValue(cx, next);
  return ms;
}

enum settling { SETTLED, INTERRUPTED, STUCK };

// settle runs jobs and timers until the promise is no longer pending.
static enum settling settle(JSValueConst promise) {
  for (;;) {
    while (JS_PromiseState(cx, promise) == JS_PROMISE_PENDING && !interrupted && run_job()) {
    }
    if (interrupted)
      return INTERRUPTED;
    if (JS_PromiseState(cx, promise) != JS_PROMISE_PENDING)
      return SETTLED;
    report_rejections();
    double ms = run_timers();
    if (interrupted)
      return INTERRUPTED;
    if (ms > 0 && !JS_IsJobPending(runtime))
      sleep_for(ms);
    else if (ms < 0 && !JS_IsJobPending(runtime))
      return STUCK;
  }
}

static void reply_settled(JSValueConst promise, int id) {
  JSValue outcome = JS_PromiseResult(cx, promise);
  if (JS_PromiseState(cx, promise) == JS_PROMISE_REJECTED) {
    reply_error(outcome, id);
    return;
  }
  JSValue value = JS_GetPropertyStr(cx, outcome, "value"); // an async script wraps its value, so that a promise is not awaited
  reply_result(value, id);
  JS_FreeValue(cx, value);
  JS_FreeValue(cx, outcome);
}

static void reply_stuck(int id) {
  JSValue e = JS_NewError(cx);
  JS_DefinePropertyValueStr(cx, e, "message", JS_NewString(cx, "the awaited promise never settles: nothing is left to run"),
                            JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
  reply_error(e, id);
}

// finish_jobs lets promises that the cell started and did not await go on as far as they can without waiting.
static void finish_jobs(void) {
  for (int i = 0; i < JOBS_AFTER_CELL && !interrupted && run_job(); i++) {
  }
  if (!interrupted)
    report_rejections();
}

static void run_cell(const char *code, size_t length, int id) {
  char name[32];
  snprintf(name, sizeof name, "<cell %d>", id);
  JSValue promise = JS_Eval(cx, code, length, name, JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_ASYNC | JS_EVAL_FLAG_BACKTRACE_BARRIER);
  if (JS_IsException(promise)) {
    reply_exception(id);
    return;
  }
  enum settling how = settle(promise);
  forget_rejection(promise); // the reply says it
  if (how == SETTLED)
    finish_jobs();
  if (how == INTERRUPTED || interrupted)
    reply_error(interruption(), id);
  else if (how == STUCK)
    reply_stuck(id);
  else
    reply_settled(promise, id);
  JS_FreeValue(cx, promise);
}

// ---- exports -----------------------------------------------------------------------------------------------------------------

EXPORTED("k_alloc") void *k_alloc(int n) { return malloc((size_t)n); }
EXPORTED("k_free") void k_free(void *block) { free(block); }

static int complain(const char *what) {
  host_emit(TO_STDERR, what, (int)strlen(what));
  return -1;
}

// run_boot evaluates boot.js and keeps its three functions.
static int run_boot(const char *boot, size_t length) {
  JSValue start = JS_Eval(cx, boot, length, "<kernel>", JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_STRICT);
  JSValue native = make_native();
  JSValue functions = JS_IsException(start) ? JS_EXCEPTION : JS_Call(cx, start, JS_UNDEFINED, 1, (JSValueConst *)&native);
  JS_FreeValue(cx, native);
  JS_FreeValue(cx, start);
  if (JS_IsException(functions)) {
    JSValue e = JS_GetException(cx);
    tell_error("the start-up code failed: ", e);
    JS_FreeValue(cx, e);
    return -1;
  }
  step = JS_GetPropertyStr(cx, functions, "step");
  result_reply = JS_GetPropertyStr(cx, functions, "result");
  error_reply = JS_GetPropertyStr(cx, functions, "error");
  JS_FreeValue(cx, functions);
  if (!JS_IsFunction(cx, step) || !JS_IsFunction(cx, result_reply) || !JS_IsFunction(cx, error_reply))
    return complain("the start-up code lacks step, result or error");
  return 0;
}

EXPORTED("k_init") int k_init(const char *boot, int length, int limit) {
  runtime = JS_NewRuntime();
  cx = runtime ? JS_NewContext(runtime) : NULL;
  if (!cx)
    return complain("QuickJS did not start");
  if (chdir("/scratch") != 0)
    return complain("there is no folder /scratch");
  memory_limit = (size_t)(uint32_t)limit;
  JS_SetMemoryLimit(runtime, memory_limit);
  JS_SetMaxStackSize(runtime, STACK_FOR_JAVASCRIPT);
  JS_SetInterruptHandler(runtime, on_poll, NULL);
  JS_SetHostPromiseRejectionTracker(runtime, on_rejection, NULL);
  if (seed_random() < 0 || replace_math_random() < 0)
    return complain("Math.random could not be prepared");
  // QuickJS wants a zero byte after the text, which a (pointer, length) pair need not have.
  char *text = malloc((size_t)length + 1);
  if (!text)
    return complain("no memory for the start-up code");
  memcpy(text, boot, (size_t)length);
  text[length] = 0;
  int started = run_boot(text, (size_t)length);
  free(text);
  return started;
}

// k_fork is to be called once in every copy of a snapshot.
EXPORTED("k_fork") int k_fork(void) { return seed_random() < 0 ? complain("no random numbers from the host") : 0; }

// k_run runs a cell and sends one reply.
EXPORTED("k_run") int k_run(const char *code, int length, int id) {
  char *text = malloc((size_t)length + 1); // see k_init
  interrupted = 0;
  JS_UpdateStackTop(runtime);
  if (!text) {
    JS_ThrowOutOfMemory(cx);
    reply_exception(id);
    return 0;
  }
  memcpy(text, code, (size_t)length);
  text[length] = 0;
  run_cell(text, (size_t)length, id);
  free(text);
  interrupted = 0;
  return 0;
}
