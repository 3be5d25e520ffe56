// The kernels for NEON (every 64-bit Arm has it).
#if defined(__aarch64__)
#include "scalar.h"

#define SIMD_NEON
#include "simd.h"

#include "bodies/all.h"

void ck_raise__neon(struct ck_kernels *kernels) { raise_all(kernels); }
#endif
