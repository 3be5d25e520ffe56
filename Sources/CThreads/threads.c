#define _GNU_SOURCE
#include "CThreads.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

void threads_name_self(const char *name) {
    pthread_setname_np(pthread_self(), name);
}

int threads_set_default_stack(size_t bytes) {
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed) return failed;
    failed = pthread_attr_setstacksize(&attributes, bytes);
    if (!failed) failed = pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
    return failed;
}

int threads_wait_until(sem_t *semaphore, uint64_t nanoseconds) {
    struct timespec end = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
    while (sem_clockwait(semaphore, CLOCK_MONOTONIC, &end) != 0) {
        if (errno != EINTR) return errno;
    }
    return 0;
}
