// The kernels for AVX2 and FMA.
#if defined(__x86_64__)
#include "scalar.h"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define SIMD_AVX2
#include "simd.h"

#include "bodies/all.h"
#pragma clang attribute pop

void ck_raise__avx2(struct ck_kernels *kernels) { raise_all(kernels); }
#endif
