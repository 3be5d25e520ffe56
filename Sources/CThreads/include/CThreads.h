// What glibc offers of threads and Swift does not import, and a signal handler, which must not be Swift: its runtime
// may make metadata anywhere, with memory.
#pragma once

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Names the calling thread; the kernel keeps 15 bytes of `name`, longer ones are refused.
void threads_name_self(const char *name);

/// Bytes of stack that every thread of the process gets from now on whose maker does not ask for a size. Answers 0 or an
/// error number.
int threads_set_default_stack(size_t bytes);

/// Waits for `semaphore`, until `nanoseconds` of CLOCK_MONOTONIC at most. Answers 0, or ETIMEDOUT.
int threads_wait_until(sem_t *semaphore, uint64_t nanoseconds);

/// Whether the system would not give the process `bytes` of memory.
bool memory_is_short(size_t bytes);

/// Takes SIGABRT, SIGILL, SIGTRAP, and SIGSEGV at a null pointer: where memory is short then, writes `message`, which
/// must stay valid, to standard error and ends the process with `status`. Else the process ends as it would have.
void memory_shortage_tell(const char *message, int status);
