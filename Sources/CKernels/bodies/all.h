// All kernels written in the words of simd.h, and the table that points to them.

#include "apart.h"
#include "depthwise.h"
#include "elementwise.h"
#include "pad.h"
#include "pool.h"
#include "product.h"
#include "pyramid.h"
#include "resize.h"
#include "taps.h"

static void raise_all(struct ck_kernels *kernels) {
    kernels->depthwise = depthwise;
    kernels->depthwise_split = depthwise_split;
    kernels->depthwise_apart = depthwise_apart;
    kernels->depthwise_pyramid = depthwise_pyramid;
    kernels->pad_rows = pad_rows;
    kernels->product = product;
    kernels->product_rows = PRODUCT_ROWS;
    kernels->product_depth = PRODUCT_DEPTH;
    kernels->product_of_rows = product_of_rows;
    kernels->max_pool = max_pool;
    kernels->average_pool = average_pool;
    kernels->sum = sum;
    kernels->scale_shift = scale_shift;
    kernels->add = add;
    kernels->normalize = normalize;
    kernels->normalize_split = normalize_split;
    kernels->resize_row = resize_row;
    kernels->argmax_update = argmax_update;
    kernels->resized_taps = resized_taps;
    kernels->interleave = interleave;
    kernels->resized_argmax = resized_argmax;
}
