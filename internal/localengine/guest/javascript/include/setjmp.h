#pragma once
// QuickJS includes this header and uses nothing of it, and wasi-libc's refuses to be read without wasm's exception handling.
