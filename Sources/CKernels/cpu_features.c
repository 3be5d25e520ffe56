#include "include/cpu_features.h"

int ck_detect_instruction_set(void) {
#if defined(__x86_64__)
    // The builtin checks XGETBV too: a set the system does not save is not reported.
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
        return CK_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CK_AVX2;
    return CK_SCALAR;
#elif defined(__aarch64__)
    return CK_NEON;
#else
    return CK_SCALAR;
#endif
}

int ck_supports(int set) {
    int highest = ck_detect_instruction_set();
    if (set == CK_SCALAR || set == highest) return 1;
    return set == CK_AVX2 && highest == CK_AVX512;
}
