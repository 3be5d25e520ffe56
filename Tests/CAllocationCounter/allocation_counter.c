#define _GNU_SOURCE
#include "include/allocation_counter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

// Threads that ever were: a run of all tests makes some ten thousand.
#define THREADS 131072

static struct {
    _Atomic int32_t thread;
    _Atomic uint64_t count;
} counters[THREADS];

static _Thread_local int32_t own = -1;

int32_t allocation_thread(void) { return (int32_t)syscall(SYS_gettid); }

// The place of `thread` in the table; -1 where it has none and, unless `insert`, is given none.
static int32_t place(int32_t thread, int insert) {
    for (int32_t step = 0; step < THREADS; step++) {
        int32_t index = (thread + step) % THREADS, found = 0;
        if (atomic_load(&counters[index].thread) == thread) return index;
        if (atomic_load(&counters[index].thread) != 0) continue;
        if (!insert) return -1;
        if (atomic_compare_exchange_strong(&counters[index].thread, &found, thread) || found == thread) return index;
    }
    return -1;
}

uint64_t allocation_count(int32_t thread) {
    int32_t index = place(thread, 0);
    return index < 0 ? 0 : atomic_load(&counters[index].count);
}

static void count(void) {
    if (own < 0) own = place(allocation_thread(), 1);
    if (own >= 0) atomic_fetch_add(&counters[own].count, 1);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if SANITIZED
int allocation_is_sanitized(void) { return 1; }

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *pointer, size_t size) {
    (void)pointer;
    (void)size;
    count();
}

static void on_free(const volatile void *pointer) { (void)pointer; }

__attribute__((constructor)) static void install(void) {
    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}
#else
int allocation_is_sanitized(void) { return 0; }
#endif

#if !SANITIZED && defined(__GLIBC__)
// glibc's own entry points: memory of either may be freed by either.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t number, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *pointer, size_t size) {
    count();
    return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
    count();
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *pointer = memory;
    return 0;
}
#endif
