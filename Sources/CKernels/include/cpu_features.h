// What the processor and the operating system support, read at run time.
#ifndef CKERNELS_CPU_FEATURES_H
#define CKERNELS_CPU_FEATURES_H

// Instruction sets, lowest to highest; a set contains those below it on the same architecture.
enum ck_instruction_set {
    CK_SCALAR = 0,
    CK_AVX2 = 1,    // AVX2 and FMA
    CK_AVX512 = 2,  // AVX-512 F, BW, DQ and VL
    CK_NEON = 3,
};

// The highest set that processor and system both support.
int ck_detect_instruction_set(void);

// Whether processor and system support `set`.
int ck_supports(int set);

#endif
