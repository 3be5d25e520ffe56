// What a computing thread asks of the system and of its processor: to sleep until a word changes, and how to treat
// numbers that are too small to be normal.
#ifndef CKERNELS_THREAD_CONTROL_H
#define CKERNELS_THREAD_CONTROL_H

#include <stdint.h>

#pragma clang assume_nonnull begin

// Sleeps while *word is `expected`. May return early: the caller looks again. `word` is 4-byte aligned.
void ck_futex_wait(const uint32_t *word, uint32_t expected);

// Wakes at most `count` threads of this process that sleep on `word`.
void ck_futex_wake(const uint32_t *word, int count);

// Makes the calling thread read denormal numbers as zero and write zero for them (x86 MXCSR.DAZ and .FTZ, arm64
// FPCR.FZ); returns its mode before, for `ck_restore_float_mode`.
uint64_t ck_flush_denormals(void);

// Sets the calling thread's mode.
void ck_restore_float_mode(uint64_t mode);

#pragma clang assume_nonnull end

#endif
