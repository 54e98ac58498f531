// Files for boot.js, straight from libc. Paths that do not begin with a slash start at the working folder, /scratch.

#include "files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- full disk ---------------------------------------------------------------------------------------------------------------

// The host's file layer reports "limit reached" as ERANGE, as the runtime's table of errors has no ENOSPC. Here it gets its
// proper name. Each of these is linked with --wrap.

#define NAMED(result)                    \
  do {                                   \
    if ((result) < 0 && errno == ERANGE) \
      errno = ENOSPC;                    \
    return result;                       \
  } while (0)

ssize_t __real_write(int, const void *, size_t);
ssize_t __wrap_write(int fd, const void *data, size_t n) {
  ssize_t result = __real_write(fd, data, n);
  NAMED(result);
}

int __real_mkdir(const char *, mode_t);
int __wrap_mkdir(const char *path, mode_t mode) {
  int result = __real_mkdir(path, mode);
  NAMED(result);
}

int __real_rename(const char *, const char *);
int __wrap_rename(const char *from, const char *to) {
  int result = __real_rename(from, to);
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

// ---- errors ------------------------------------------------------------------------------------------------------------------

static const char *code_of(int error) {
  switch (error) {
  case EACCES: return "EACCES";
  case EBADF: return "EBADF";
  case EBUSY: return "EBUSY";
  case EEXIST: return "EEXIST";
  case EFBIG: return "EFBIG";
  case EINVAL: return "EINVAL";
  case EIO: return "EIO";
  case EISDIR: return "EISDIR";
  case ELOOP: return "ELOOP";
  case EMFILE: return "EMFILE";
  case ENAMETOOLONG: return "ENAMETOOLONG";
  case ENFILE: return "ENFILE";
  case ENOENT: return "ENOENT";
  case ENOMEM: return "ENOMEM";
  case ENOSPC: return "ENOSPC";
  case ENOSYS: return "ENOSYS";
  case ENOTCAPABLE: return "EACCES"; // what WASI says of a path outside its folders
  case ENOTDIR: return "ENOTDIR";
  case ENOTEMPTY: return "ENOTEMPTY";
  case ENOTSUP: return "ENOTSUP";
  case EPERM: return "EPERM";
  case EROFS: return "EROFS";
  case EXDEV: return "EXDEV";
  default: return "EUNKNOWN";
  }
}

// fault throws an Error for errno, worded as Node words it. The interpreter adds the stack.
static JSValue fault(JSContext *cx, const char *action, const char *path) {
  int error = errno;
  if (error == ENOTCAPABLE)
    error = EACCES;
  const char *code = code_of(error);
  JSValue e = JS_NewError(cx);
  if (JS_IsException(e))
    return e;
  char message[512];
  snprintf(message, sizeof message, "%s: %s, %s '%.300s'", code, strerror(error), action, path);
  int flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
  JS_DefinePropertyValueStr(cx, e, "message", JS_NewString(cx, message), flags);
  JS_DefinePropertyValueStr(cx, e, "code", JS_NewString(cx, code), flags | JS_PROP_ENUMERABLE);
  JS_DefinePropertyValueStr(cx, e, "path", JS_NewString(cx, path), flags | JS_PROP_ENUMERABLE);
  return JS_Throw(cx, e);
}

// ---- functions ---------------------------------------------------------------------------------------------------------------

// Each takes its path from the first argument. A path with a NUL byte would mean another file to libc, so it is refused.
static const char *path_of(JSContext *cx, JSValueConst value) {
  size_t length;
  const char *path = JS_ToCStringLen(cx, &length, value);
  if (path && strlen(path) != length) {
    JS_FreeCString(cx, path);
    JS_ThrowTypeError(cx, "a path must not contain a null byte");
    return NULL;
  }
  return path;
}

static void free_file(JSRuntime *rt, void *opaque, void *data) {
  (void)opaque;
  js_free_rt(rt, data);
}

// read_all reads an open file into a block of the heap that JavaScript's memory limit counts.
static uint8_t *read_all(JSContext *cx, int fd, size_t expected, size_t *length) {
  size_t room = expected + 1, n = 0; // one more, so that the end is seen without growing
  uint8_t *data = js_malloc(cx, room);
  while (data) {
    ssize_t got = read(fd, data + n, room - n);
    if (got == 0) {
      *length = n;
      return data;
    }
    if (got < 0)
      break;
    n += (size_t)got;
    if (n == room) { // it grew while we read
      uint8_t *more = js_realloc(cx, data, room *= 2);
      if (!more)
        break;
      data = more;
    }
  }
  js_free(cx, data);
  return NULL;
}

// readFile(path) -> ArrayBuffer
static JSValue read_file(JSContext *cx, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count;
  const char *path = path_of(cx, args[0]);
  if (!path)
    return JS_EXCEPTION;
  JSValue result = JS_EXCEPTION;
  struct stat about;
  int fd = open(path, O_RDONLY);
  if (fd < 0 || fstat(fd, &about) < 0) {
    fault(cx, "open", path);
  } else if (S_ISDIR(about.st_mode)) {
    errno = EISDIR;
    fault(cx, "read", path);
  } else {
    size_t length;
    uint8_t *data = read_all(cx, fd, (size_t)about.st_size, &length);
    if (data)
      result = JS_NewArrayBuffer(cx, data, length, free_file, NULL, 0);
    else if (!JS_HasException(cx)) // an exception says that memory ran out
      fault(cx, "read", path);
  }
  if (fd >= 0)
    close(fd);
  JS_FreeCString(cx, path);
  return result;
}

static int write_all(int fd, const uint8_t *data, size_t length) {
  while (length > 0) {
    ssize_t n = write(fd, data, length);
    if (n < 0)
      return -1;
    data += n;
    length -= (size_t)n;
  }
  return 0;
}

// writeFile(path, ArrayBuffer | string, append)
static JSValue write_file(JSContext *cx, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count;
  const char *path = path_of(cx, args[0]);
  if (!path)
    return JS_EXCEPTION;
  JSValue result = JS_EXCEPTION;
  const char *text = NULL;
  const uint8_t *data;
  size_t length;
  if (JS_IsString(args[1]))
    data = (const uint8_t *)(text = JS_ToCStringLen(cx, &length, args[1]));
  else
    data = JS_GetArrayBuffer(cx, &length, args[1]);
  if (!JS_HasException(cx)) {
    int fd = open(path, O_WRONLY | O_CREAT | (JS_ToBool(cx, args[2]) ? O_APPEND : O_TRUNC), 0666);
    if (fd < 0) {
      fault(cx, "open", path);
    } else {
      int failed = write_all(fd, data, length) < 0;
      if (failed)
        fault(cx, "write", path);
      if (close(fd) < 0 && !failed)
        fault(cx, "close", path), failed = 1;
      if (!failed)
        result = JS_UNDEFINED;
    }
  }
  if (text)
    JS_FreeCString(cx, text);
  JS_FreeCString(cx, path);
  return result;
}

static int is_folder(int folder, const struct dirent *entry) {
  struct stat about;
  if (entry->d_type != DT_UNKNOWN)
    return entry->d_type == DT_DIR;
  return fstatat(folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(about.st_mode);
}

// list(path) -> [{name, dir}], in the order of the file system
static JSValue list(JSContext *cx, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count;
  const char *path = path_of(cx, args[0]);
  if (!path)
    return JS_EXCEPTION;
  DIR *folder = opendir(path);
  JSValue names = folder ? JS_NewArray(cx) : fault(cx, "list", path);
  uint32_t n = 0;
  for (struct dirent *entry; !JS_IsException(names);) {
    errno = 0;
    if (!(entry = readdir(folder))) {
      if (errno) {
        JS_FreeValue(cx, names);
        names = fault(cx, "list", path);
      }
      break;
    }
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    JSValue item = JS_NewObject(cx);
    if (JS_IsException(item) || JS_SetPropertyStr(cx, item, "name", JS_NewString(cx, entry->d_name)) < 0 ||
        JS_SetPropertyStr(cx, item, "dir", JS_NewBool(cx, is_folder(dirfd(folder), entry))) < 0) {
      JS_FreeValue(cx, item);
      JS_FreeValue(cx, names);
      names = JS_EXCEPTION;
    } else if (JS_SetPropertyUint32(cx, names, n++, item) < 0) {
      JS_FreeValue(cx, names);
      names = JS_EXCEPTION;
    }
  }
  if (folder)
    closedir(folder);
  JS_FreeCString(cx, path);
  return names;
}

// stat(path) -> {size, dir, mtimeMs}, or null when nothing is there
static JSValue stat_file(JSContext *cx, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count;
  const char *path = path_of(cx, args[0]);
  if (!path)
    return JS_EXCEPTION;
  JSValue result;
  struct stat about;
  if (stat(path, &about) < 0) {
    result = errno == ENOENT || errno == ENOTDIR ? JS_NULL : fault(cx, "stat", path);
  } else {
    result = JS_NewObject(cx);
    double changed = (double)about.st_mtim.tv_sec * 1e3 + (double)about.st_mtim.tv_nsec / 1e6;
    if (!JS_IsException(result) && (JS_SetPropertyStr(cx, result, "size", JS_NewInt64(cx, about.st_size)) < 0 ||
                                    JS_SetPropertyStr(cx, result, "dir", JS_NewBool(cx, S_ISDIR(about.st_mode))) < 0 ||
                                    JS_SetPropertyStr(cx, result, "mtimeMs", JS_NewFloat64(cx, changed)) < 0)) {
      JS_FreeValue(cx, result);
      result = JS_EXCEPTION;
    }
  }
  JS_FreeCString(cx, path);
  return result;
}

// mkdir(path)
static JSValue make_folder(JSContext *cx, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count;
  const char *path = path_of(cx, args[0]);
  if (!path)
    return JS_EXCEPTION;
  JSValue result = mkdir(path, 0777) < 0 ? fault(cx, "mkdir", path) : JS_UNDEFINED;
  JS_FreeCString(cx, path);
  return result;
}

// remove(path) removes a file or an empty folder.
static JSValue remove_file(JSContext *cx, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count;
  const char *path = path_of(cx, args[0]);
  if (!path)
    return JS_EXCEPTION;
  struct stat about;
  int failed = lstat(path, &about) < 0 || (S_ISDIR(about.st_mode) ? rmdir(path) : unlink(path)) < 0;
  JSValue result = failed ? fault(cx, "remove", path) : JS_UNDEFINED;
  JS_FreeCString(cx, path);
  return result;
}

// rename(from, to)
static JSValue rename_file(JSContext *cx, JSValueConst self, int count, JSValueConst *args) {
  (void)self, (void)count;
  const char *from = path_of(cx, args[0]);
  const char *to = from ? path_of(cx, args[1]) : NULL;
  JSValue result = JS_EXCEPTION;
  if (to)
    result = rename(from, to) < 0 ? fault(cx, "rename", from) : JS_UNDEFINED;
  if (to)
    JS_FreeCString(cx, to);
  if (from)
    JS_FreeCString(cx, from);
  return result;
}

void add_file_functions(JSContext *cx, JSValueConst native) {
  static const JSCFunctionListEntry functions[] = {
      JS_CFUNC_DEF("readFile", 1, read_file), JS_CFUNC_DEF("writeFile", 3, write_file), JS_CFUNC_DEF("list", 1, list),
      JS_CFUNC_DEF("stat", 1, stat_file),     JS_CFUNC_DEF("mkdir", 1, make_folder),    JS_CFUNC_DEF("remove", 1, remove_file),
      JS_CFUNC_DEF("rename", 2, rename_file),
  };
  JS_SetPropertyFunctionList(cx, native, functions, sizeof functions / sizeof functions[0]);
}
