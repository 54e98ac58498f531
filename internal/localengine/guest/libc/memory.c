// memcpy, memmove, memset, memcmp and memchr in the place of libc's, for both kernels.
//
// wasi-libc is built for machines without WebAssembly's instructions for blocks of memory and goes a few bytes a turn. Here a large
// block is one instruction, which the runtime does at the speed of the machine; a small one, and most are, is a few moves of
// words that may overlap, without a loop. Comparing and searching go eight bytes a turn.

#include <stddef.h>
#include <stdint.h>

typedef uint64_t __attribute__((aligned(1), may_alias)) word;
typedef uint32_t __attribute__((aligned(1), may_alias)) half;
typedef uint16_t __attribute__((aligned(1), may_alias)) quarter;

// From this size on, a call of the runtime is worth its price.
#define LARGE 192
// The instructions cannot be stopped, so a very large block is done in pieces with a safepoint after each.
#define PIECE (4 << 20)

void k_tick(void);

static inline void copy(void *to, const void *from, size_t n) {
  __asm__ volatile("local.get %0\n\tlocal.get %1\n\tlocal.get %2\n\tmemory.copy 0, 0" : : "r"(to), "r"(from), "r"(n) : "memory");
}

static inline void fill(void *to, int byte, size_t n) {
  __asm__ volatile("local.get %0\n\tlocal.get %1\n\tlocal.get %2\n\tmemory.fill 0" : : "r"(to), "r"(byte), "r"(n) : "memory");
}

static __attribute__((noinline)) void copy_pieces(char *to, const char *from, size_t n) {
  int forward = to <= from || to >= from + n; // otherwise the blocks overlap such that the end has to be moved first
  for (size_t left = n; left > 0; k_tick()) {
    size_t piece = left < PIECE ? left : PIECE;
    size_t at = forward ? n - left : left - piece;
    copy(to + at, from + at, piece);
    left -= piece;
  }
}

static __attribute__((noinline)) void fill_pieces(char *to, int byte, size_t n) {
  for (size_t left = n; left > 0; k_tick()) {
    size_t piece = left < PIECE ? left : PIECE;
    fill(to + n - left, byte, piece);
    left -= piece;
  }
}

static inline void copy_large(char *to, const char *from, size_t n) {
  if (n > PIECE)
    copy_pieces(to, from, n);
  else
    copy(to, from, n);
}

static inline void fill_large(char *to, int byte, size_t n) {
  if (n > PIECE)
    fill_pieces(to, byte, n);
  else
    fill(to, byte, n);
}

// Reads all before it writes, so that the blocks may overlap. n <= 32.
static inline void move_small(char *to, const char *from, size_t n) {
  if (n > 16) {
    word a = *(const word *)from, b = *(const word *)(from + 8);
    word y = *(const word *)(from + n - 16), z = *(const word *)(from + n - 8);
    *(word *)to = a, *(word *)(to + 8) = b;
    *(word *)(to + n - 16) = y, *(word *)(to + n - 8) = z;
  } else if (n >= 8) {
    word a = *(const word *)from, z = *(const word *)(from + n - 8);
    *(word *)to = a, *(word *)(to + n - 8) = z;
  } else if (n >= 4) {
    half a = *(const half *)from, z = *(const half *)(from + n - 4);
    *(half *)to = a, *(half *)(to + n - 4) = z;
  } else if (n >= 2) {
    quarter a = *(const quarter *)from, z = *(const quarter *)(from + n - 2);
    *(quarter *)to = a, *(quarter *)(to + n - 2) = z;
  } else if (n == 1) {
    *to = *from;
  }
}

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
  if (n <= 32) {
    move_small(to, from, n);
  } else if (n >= LARGE) {
    copy_large(to, from, n);
  } else {
    size_t at = 0;
    for (; at < n - 16; at += 16) {
      word a = *(const word *)((const char *)from + at), b = *(const word *)((const char *)from + at + 8);
      *(word *)((char *)to + at) = a, *(word *)((char *)to + at + 8) = b;
    }
    move_small((char *)to + n - 16, (const char *)from + n - 16, 16);
  }
  return to;
}

void *memmove(void *to, const void *from, size_t n) {
  if (n <= 32)
    move_small(to, from, n);
  else
    copy_large(to, from, n);
  return to;
}

void *memset(void *to, int byte, size_t n) {
  char *p = to;
  word w = (uint8_t)byte * 0x0101010101010101u;
  if (n >= LARGE) {
    fill_large(p, byte, n);
  } else if (n >= 8) {
    for (size_t at = 0; at < n - 8; at += 8)
      *(word *)(p + at) = w;
    *(word *)(p + n - 8) = w;
  } else if (n >= 4) {
    *(half *)p = (half)w;
    *(half *)(p + n - 4) = (half)w;
  } else if (n >= 2) {
    *(quarter *)p = (quarter)w;
    *(quarter *)(p + n - 2) = (quarter)w;
  } else if (n == 1) {
    *p = (char)byte;
  }
  return to;
}

int memcmp(const void *a, const void *b, size_t n) {
  const uint8_t *p = a, *q = b;
  for (; n >= 8; p += 8, q += 8, n -= 8) {
    word x = *(const word *)p, y = *(const word *)q;
    if (x != y) // the first byte decides, and memory holds it lowest
      return __builtin_bswap64(x) < __builtin_bswap64(y) ? -1 : 1;
  }
  for (; n > 0; p++, q++, n--) {
    if (*p != *q)
      return *p - *q;
  }
  return 0;
}

void *memchr(const void *block, int byte, size_t n) {
  const uint8_t *p = block;
  word ones = 0x0101010101010101u, wanted = (uint8_t)byte * ones;
  for (; n >= 8; p += 8, n -= 8) {
    word x = *(const word *)p ^ wanted; // a zero byte where it is found
    word found = (x - ones) & ~x & (ones << 7);
    if (found)
      return (void *)(p + __builtin_ctzll(found) / 8);
  }
  for (; n > 0; p++, n--) {
    if (*p == (uint8_t)byte)
      return (void *)p;
  }
  return NULL;
}
