#pragma once
#include "quickjs.h"

// add_file_functions gives the object native the functions on files: readFile, writeFile, list, stat, mkdir, remove, rename.
// Their errors carry the system's name of the fault in "code", as "ENOENT".
void add_file_functions(JSContext *cx, JSValueConst native);
