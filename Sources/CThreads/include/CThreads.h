// What glibc offers of threads and Swift does not import.
#pragma once

#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>

/// Names the calling thread; the kernel keeps 15 bytes of `name`, longer ones are refused.
void threads_name_self(const char *name);

/// Bytes of stack that every thread of the process gets from now on whose maker does not ask for a size. Answers 0 or an
/// error number.
int threads_set_default_stack(size_t bytes);

/// Waits for `semaphore`, until `nanoseconds` of CLOCK_MONOTONIC at most. Answers 0, or ETIMEDOUT.
int threads_wait_until(sem_t *semaphore, uint64_t nanoseconds);
