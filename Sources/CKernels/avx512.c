// The kernels for AVX-512 F, BW, DQ and VL.
#if defined(__x86_64__)
#include "scalar.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define SIMD_AVX512
#include "simd.h"

#include "bodies/all.h"
#pragma clang attribute pop

void ck_raise__avx512(struct ck_kernels *kernels) { raise_all(kernels); }
#endif
