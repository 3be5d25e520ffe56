#define _GNU_SOURCE
#include "CThreads.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *told;
static int ending;
static struct sigaction at_crash;

bool memory_is_short(void) {
    const size_t probe = (size_t)64 << 20;
    void *found = mmap(NULL, probe, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED) return true;
    munmap(found, probe);
    return false;
}

static void end_if_short(void) {
    if (!memory_is_short()) return;
    ssize_t written = write(STDERR_FILENO, told, strlen(told));
    (void)written;
    _exit(ending);
}

static void aborted(int signal) {
    end_if_short();
    raise(signal);
}

static void crashed(int signal, siginfo_t *info, void *context) {
    (void)context;
    // Linux maps nothing in the first 64 KiB (vm.mmap_min_addr): this is a null pointer with an offset.
    if ((uintptr_t)info->si_addr < 65536) end_if_short();
    // The instruction runs again, and crashes as it would have.
    sigaction(signal, &at_crash, NULL);
}

void memory_shortage_tell(const char *message, int status) {
    told = message;
    ending = status;
    struct sigaction action = {.sa_handler = aborted, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    sigaction(SIGABRT, &action, NULL);
    struct sigaction fault = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &fault, &at_crash);
}
