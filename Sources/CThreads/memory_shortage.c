#define _GNU_SOURCE
#include "CThreads.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *told;
static int ending;
// What was to be done before ours, by signal: the backtrace of Swift's runtime, if it is on.
static struct sigaction before[NSIG];

bool memory_is_short(size_t bytes) {
    void *found = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED) return true;
    munmap(found, bytes);
    return false;
}

static void end_if_short(void) {
    // A new heap of glibc's takes 128 MiB for a moment (HEAP_MAX_SIZE twice), in which others get nothing.
    if (!memory_is_short((size_t)256 << 20)) return;
    ssize_t written = write(STDERR_FILENO, told, strlen(told));
    (void)written;
    _exit(ending);
}

static void crashed(int signal, siginfo_t *info, void *context) {
    (void)context;
    // Swift's runtime traps where it gets no memory for its types. Linux maps nothing in the first 64 KiB
    // (vm.mmap_min_addr): there, an access is one by a null pointer with an offset.
    if (signal != SIGSEGV || (uintptr_t)info->si_addr < 65536) end_if_short();
    // The instruction runs again, and crashes as it would have; what was sent (an abort, kill) is sent again.
    sigaction(signal, &before[signal], NULL);
    if (info->si_code <= 0) raise(signal);
}

void memory_shortage_tell(const char *message, int status) {
    told = message;
    ending = status;
    struct sigaction fault = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO};
    const int faults[] = {SIGABRT, SIGSEGV, SIGILL, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigaction(faults[i], &fault, &before[faults[i]]);
}
