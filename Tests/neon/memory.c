#define _GNU_SOURCE
#include "memory.h"

#include <kernels.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MARGIN 64

static const uint32_t canary = 0x7fc5a5a5;  // a NaN

struct memory memory_new(size_t capacity, size_t element) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = ((capacity + 2 * MARGIN) * element + page - 1) / page * page;
    uint8_t *map = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + page, size, PROT_READ | PROT_WRITE)) {
        perror("checkasm: mmap");
        exit(2);
    }
    return (struct memory){.bytes = map + page, .shadow = malloc(size), .size = size, .element = element};
}

void *memory_place(struct memory *memory, const void *values, size_t count, int slack) {
    size_t element = memory->element, all = memory->size / element;
    memory->count = count;
    memory->start = slack < 0 ? 0 : all - count - (size_t)slack;
    for (size_t i = 0; i < memory->size; i += 4) memcpy(memory->shadow + i, &canary, 4);
    if (values) memcpy(memory->shadow + memory->start * element, values, count * element);
    memcpy(memory->bytes, memory->shadow, memory->size);
    return memory->bytes + memory->start * element;
}

struct layout layout_plane(ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride) {
    return (struct layout){rows, width, stride, CK_BLOCK};
}

struct layout layout_any(ptrdiff_t rows, ptrdiff_t width) {
    ptrdiff_t more = random_between(0, 3) * random_between(0, 5), blocks = (width + CK_BLOCK - 1) / CK_BLOCK;
    switch (random_between(0, 2)) {
        case 0: return (struct layout){rows, width, CK_BLOCK + more, rows * (CK_BLOCK + more)};
        case 1: return (struct layout){rows, width, blocks * (CK_BLOCK + more), CK_BLOCK + more};
        default: return layout_plane(rows, width, width + more);
    }
}

size_t layout_index(struct layout layout, ptrdiff_t row, ptrdiff_t column) {
    return (size_t)(row * layout.row + column / CK_BLOCK * layout.block + column % CK_BLOCK);
}

size_t layout_count(struct layout layout) {
    size_t count = 0;
    for (ptrdiff_t row = 0; row < layout.rows; row++)
        for (ptrdiff_t column = 0; column < layout.width; column++) {
            size_t end = layout_index(layout, row, column) + 1;
            if (end > count) count = end;
        }
    return count;
}

int memory_intruded(struct memory *memory, struct layout written) {
    size_t element = memory->element;
    for (ptrdiff_t row = 0; row < written.rows; row++)
        for (ptrdiff_t column = 0; column < written.width; column++) {
            size_t at = (memory->start + layout_index(written, row, column)) * element;
            memcpy(memory->shadow + at, memory->bytes + at, element);
        }
    return memcmp(memory->shadow, memory->bytes, memory->size) != 0;
}

static uint64_t state;

void random_seed(uint64_t seed) { state = seed; }

uint64_t random_next(void) {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

ptrdiff_t random_between(ptrdiff_t low, ptrdiff_t high) {
    return low + (ptrdiff_t)(random_next() % (uint64_t)(high - low + 1));
}

void random_values(float *values, size_t count) {
    ptrdiff_t all = random_between(0, 6);
    for (size_t i = 0; i < count; i++) {
        float unit = (float)(random_next() >> 40) * 0x1p-23f - 1;
        uint32_t bits = (uint32_t)random_next() & 0x807fffffu;
        switch (all == 6 ? random_between(0, 5) : all) {
            case 1: values[i] = unit * 1e18f; break;
            case 2: values[i] = unit * 1e-30f; break;
            case 3: memcpy(&values[i], &bits, 4); break;
            case 4: values[i] = unit < 0 ? -0.0f : 0.0f; break;
            case 5: values[i] = (unit - 1) * 50; break;
            default: values[i] = unit;
        }
    }
}

static char call[512];
static int failures;

static void report(int signal_number) {
    static const char text[] = "checkasm: a kernel touched memory it must not: ";
    (void)!write(2, text, sizeof text - 1);
    (void)!write(2, call, strlen(call));
    (void)!write(2, "\n", 1);
    _exit(128 + signal_number);
}

void call_begin(const char *format, ...) {
    signal(SIGSEGV, report);
    signal(SIGBUS, report);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(call, sizeof call, format, arguments);
    va_end(arguments);
}

void call_fail(const char *format, ...) {
    failures++;
    if (failures > 20) return;
    fprintf(stderr, "checkasm: %s: ", call);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

int call_failures(void) { return failures; }
