// The kernels for NEON (every 64-bit Arm has it).
#if defined(__aarch64__)
#include "scalar.h"

#define SIMD_NEON
#include "simd.h"

#include "bodies/depthwise.h"
#include "bodies/elementwise.h"
#include "bodies/pool.h"
#include "bodies/product.h"
#include "bodies/resize.h"
#include "bodies/taps.h"

void ck_raise__neon(struct ck_kernels *kernels) {
    kernels->depthwise = depthwise;
    kernels->depthwise_split = depthwise_split;
    kernels->depthwise_apart = depthwise_apart;
    kernels->product = product;
    kernels->product_rows = PRODUCT_ROWS;
    kernels->max_pool = max_pool;
    kernels->average_pool = average_pool;
    kernels->sum = sum;
    kernels->scale_shift = scale_shift;
    kernels->add = add;
    kernels->normalize = normalize;
    kernels->resize_row = resize_row;
    kernels->argmax_update = argmax_update;
    kernels->resized_taps = resized_taps;
    kernels->interleave = interleave;
    kernels->resized_argmax = resized_argmax;
}
#endif
