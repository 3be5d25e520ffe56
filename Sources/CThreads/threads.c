#define _GNU_SOURCE
#include "CThreads.h"

#include <pthread.h>

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
