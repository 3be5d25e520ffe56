// The scalar kernels: the definitions.
#ifndef CKERNELS_SCALAR_H
#define CKERNELS_SCALAR_H

#include "include/cpu_features.h"
#include "include/kernels.h"

ck_depthwise_fn ck_depthwise__scalar;
ck_depthwise_split_fn ck_depthwise_split__scalar;
ck_depthwise_apart_fn ck_depthwise_apart__scalar;
ck_depthwise_pyramid_fn ck_depthwise_pyramid__scalar;
ck_pad_rows_fn ck_pad_rows__scalar;
ck_product_fn ck_product__scalar;
ck_product_of_rows_fn ck_product_of_rows__scalar;
ck_max_pool_fn ck_max_pool__scalar;
ck_average_pool_fn ck_average_pool__scalar;
ck_sum_fn ck_sum__scalar;
ck_scale_shift_fn ck_scale_shift__scalar;
ck_add_fn ck_add__scalar;
ck_normalize_fn ck_normalize__scalar;
ck_normalize_split_fn ck_normalize_split__scalar;
ck_resize_row_fn ck_resize_row__scalar;
ck_argmax_update_fn ck_argmax_update__scalar;
ck_resized_taps_fn ck_resized_taps__scalar;
ck_interleave_fn ck_interleave__scalar;
ck_resized_argmax_fn ck_resized_argmax__scalar;

void ck_raise__avx2(struct ck_kernels *kernels);
void ck_raise__avx512(struct ck_kernels *kernels);
void ck_raise__neon(struct ck_kernels *kernels);

#endif
