// Counts what this process asks of the heap, thread by thread. For tests only: linking it replaces malloc and its kin
// by wrappers around glibc's own (or hooks into a sanitizer's).
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdint.h>

// How many allocations the thread with this kernel id has made so far; 0 for one that is not known.
uint64_t allocation_count(int32_t thread);

// The kernel id of the calling thread.
int32_t allocation_thread(void);

// Whether a sanitizer watches: it ends the process where malloc would say that there is no more.
int allocation_is_sanitized(void);

#endif
