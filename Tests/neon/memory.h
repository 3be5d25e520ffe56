// Memory between unreadable pages, random values, and what else a check of kernels needs.
#ifndef NEON_MEMORY_H
#define NEON_MEMORY_H

#include <stddef.h>
#include <stdint.h>

// Data end where an unreadable page begins, but for `slack` elements; with a slack of -1 they begin behind one.
struct memory {
    uint8_t *bytes, *shadow;  // shadow: what should lie in `bytes`
    size_t size, element;
    size_t start, count;  // of the placed data, in elements
};

struct memory memory_new(size_t capacity, size_t element);

// Puts `count` elements there (canaries where `values` is null), canaries all around them.
void *memory_place(struct memory *memory, const void *values, size_t count, int slack);

// Where `rows` rows of `width` elements lie, blocks of CK_BLOCK columns `block` apart.
struct layout {
    ptrdiff_t rows, width, row, block;
};

// A plane, or packed rows, `count` elements from the first to the last.
struct layout layout_any(ptrdiff_t rows, ptrdiff_t width);
struct layout layout_plane(ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride);
size_t layout_count(struct layout layout);
size_t layout_index(struct layout layout, ptrdiff_t row, ptrdiff_t column);

// Whether something changed that is none of the layout's elements. With a layout of no rows: whether anything did.
int memory_intruded(struct memory *memory, struct layout written);

void random_seed(uint64_t seed);
uint64_t random_next(void);
// low ... high
ptrdiff_t random_between(ptrdiff_t low, ptrdiff_t high);
// `count` values of a kind drawn at random: ordinary, huge, tiny, denormal, zeros, negative or all of them.
void random_values(float *values, size_t count);

// Remembers the call that comes next, for the message of a failure or a crash.
void call_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
void call_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int call_failures(void);

#endif
