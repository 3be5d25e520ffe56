// The kernels: one function pointer per operation. Planes are row-major float; strides are in elements.
// The scalar function is the definition of each; the others compute the same, but for rounding.
#ifndef CKERNELS_KERNELS_H
#define CKERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// Columns of a block: what `depthwise` writes at a stretch and `product` multiplies at a time. A multiple of 16.
#define CK_BLOCK 32

// Writes rows x width outputs of a k x k depthwise convolution. `in` is the plane with its padding, at the first tap of
// the first output: the taps of one output are `tap_row` (down) and `dilation` (right) elements apart, outputs `advance`
// (down) and `stride` (right). Output rows are `out_row` apart, blocks of CK_BLOCK columns `out_block` apart (CK_BLOCK
// for a plane). `weights` holds k*k values.
typedef void ck_depthwise_fn(const float *in, ptrdiff_t advance, ptrdiff_t tap_row, float *out, ptrdiff_t out_row,
                             ptrdiff_t out_block, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride,
                             ptrdiff_t dilation, const float *weights, float bias, int relu);

// The same at stride 2 and dilation 1, for rows that hold their even columns first and their odd ones from `odd` on.
typedef void ck_depthwise_split_fn(const float *in, ptrdiff_t in_row, ptrdiff_t odd, float *out, ptrdiff_t out_row,
                                   ptrdiff_t out_block, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t k,
                                   const float *weights, float bias, int relu);

// 3 x 3 at stride 1 straight from the plane, its padding (= dilation) understood: output rows first ... first + rows - 1.
// `next`, where there is one, is the plane that is asked for next: its rows come nearer meanwhile.
typedef void ck_depthwise_apart_fn(const float *plane, ptrdiff_t height, ptrdiff_t width, ptrdiff_t first,
                                   ptrdiff_t rows, ptrdiff_t dilation, float *out, ptrdiff_t out_row,
                                   ptrdiff_t out_block, const float *weights, float bias,
                                   const float *_Nullable next);

// The pyramid: 3 x 3, 5 x 5 and 7 x 7 at dilation 1 and `stride` 1 or 2 of one plane with three columns and rows of
// padding, at the first tap of the 7 x 7; at stride 2 even and odd columns apart, as above. The three results lie
// `out_between` apart. `weights` holds 9, 25, 49 weights and three biases.
typedef void ck_depthwise_pyramid_fn(const float *in, ptrdiff_t in_row, ptrdiff_t odd, ptrdiff_t stride, float *out,
                                     ptrdiff_t out_between, ptrdiff_t out_row, ptrdiff_t out_block, ptrdiff_t rows,
                                     ptrdiff_t width, const float *weights);

// Copies rows first, first + step, ... (`rows` of them) of a plane, `padding` times `fill` on both sides; rows outside
// the plane are all `fill`. Where `odd` is not 0, the padded row's even columns go to out, its odd ones to out + odd.
// `next`, where there is one, is the plane that is asked for next: its rows come nearer meanwhile.
typedef void ck_pad_rows_fn(const float *in, ptrdiff_t height, ptrdiff_t width, ptrdiff_t first, ptrdiff_t step,
                            ptrdiff_t rows, ptrdiff_t padding, float fill, float *out, ptrdiff_t out_row, ptrdiff_t odd,
                            const float *_Nullable next);

// One tile of a matrix product: `rows` output channels (at most `product_rows` of the table) by up to CK_BLOCK columns.
// a is depth x rows, b depth x CK_BLOCK, both packed; c's channels are `c_stride` apart, and `columns` are written.
// Where `add`, c is added to, else the sum starts from bias[channel]. Then max(c, 0) where `relu`.
typedef void ck_product_fn(const float *a, const float *b, ptrdiff_t depth, ptrdiff_t rows, float *c,
                           ptrdiff_t c_stride, ptrdiff_t columns, const float *bias, int add, int relu);

// The same for rows of b that lie anywhere: c[r][x] = bias[r] + sum over k of a[k * rows + r] *
// b[k][first + x] for x < columns (at most CK_BLOCK), then max(c, 0) where `relu`.
typedef void ck_product_of_rows_fn(const float *a, const float *_Nonnull const *_Nonnull b, ptrdiff_t first,
                                   ptrdiff_t depth, ptrdiff_t rows, float *c, ptrdiff_t c_stride, ptrdiff_t columns,
                                   const float *bias, int relu);

// Writes rows x width maxima over k x k windows, `stride` apart. `in` is the plane with its padding.
typedef void ck_max_pool_fn(const float *in, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride, ptrdiff_t rows,
                            ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride);

// Mean over the k x k window around each pixel (k odd), pixels outside the plane left out of the mean.
// `scratch` holds 3 * (height + k) * (width + k) floats.
typedef void ck_average_pool_fn(const float *in, ptrdiff_t in_stride, ptrdiff_t height, ptrdiff_t width, ptrdiff_t k,
                                float *out, ptrdiff_t out_stride, float *scratch);

// Sum of `count` values, added in double precision.
typedef double ck_sum_fn(const float *in, ptrdiff_t count);

// x = x * scale + shift, then max(x, 0) where `relu`.
typedef void ck_scale_shift_fn(float *x, ptrdiff_t count, float scale, float shift, int relu);

// out = a + b, then max(out, 0) where `relu`.
typedef void ck_add_fn(const float *a, const float *b, float *out, ptrdiff_t count, int relu);

// out = in * scale + offset for 8-bit samples.
typedef void ck_normalize_fn(const uint8_t *in, float *out, ptrdiff_t count, float scale, float offset);

// even[i] = in[2 * i] * scale + offset, odd[i] = in[2 * i + 1] * scale + offset, for `pairs` pairs of 8-bit samples.
typedef void ck_normalize_split_fn(const uint8_t *in, ptrdiff_t pairs, float scale, float offset, float *even,
                                   float *odd);

// One row of a bilinear resize: top and bottom are blended by `y_weight` (of the bottom row), then output x is
// blended from columns left[x] and right[x] by x_weight[x] (of the right one). `scratch` holds in_width floats.
typedef void ck_resize_row_fn(const float *top, const float *bottom, float y_weight, ptrdiff_t in_width, float *out,
                              ptrdiff_t out_width, const int32_t *left, const int32_t *right, const float *x_weight,
                              float *scratch);

// Four rows of the sum of 3 x 3 taps over a x4 bilinear resize, those that lie around row `row` of its input, for one
// channel: the taps' planes, height x width, at in + (3 * ty + tx) * tap_stride; a tap outside the resized plane is zero.
// Column 4 * x + phase of row 4 * row + r goes to out[(4 * r + phase) * out_phase + x / CK_BLOCK * out_block + x %
// CK_BLOCK]. `scratch` holds 12 * (width + 2) floats.
typedef void ck_resized_taps_fn(const float *in, ptrdiff_t tap_stride, ptrdiff_t height, ptrdiff_t width, ptrdiff_t row,
                                float bias, int relu, float *out, ptrdiff_t out_phase, ptrdiff_t out_block,
                                float *scratch);

// out[4 * x + phase] = in[phase * in_phase + x].
typedef void ck_interleave_fn(const float *in, ptrdiff_t in_phase, ptrdiff_t width, float *out);

// One row of the argmax over `classes` planes after a x4 bilinear resize: planes at in + c * plane, their rows low and
// high (element offsets) blended by `weight` (of high). Writes 4 * width ids, the first of equals.
// `scratch` holds classes * (width + 2) floats.
typedef void ck_resized_argmax_fn(const float *in, ptrdiff_t plane, ptrdiff_t classes, ptrdiff_t low, ptrdiff_t high,
                                  float weight, ptrdiff_t width, uint8_t *ids, float *scratch);

// Raises best[x] to row[x] and sets ids[x] = id wherever row[x] > best[x].
typedef void ck_argmax_update_fn(const float *row, ptrdiff_t width, uint8_t id, float *best, uint8_t *ids);

struct ck_kernels {
    ck_depthwise_fn *depthwise;
    ck_depthwise_split_fn *depthwise_split;
    ck_depthwise_apart_fn *depthwise_apart;
    ck_depthwise_pyramid_fn *depthwise_pyramid;
    ck_pad_rows_fn *pad_rows;
    ck_product_fn *product;
    ptrdiff_t product_rows;
    // The depth from which on a product is faster in several blocks: a tile of few rows reads b so often that it has to
    // stay in the first-level cache.
    ptrdiff_t product_depth;
    ck_product_of_rows_fn *product_of_rows;
    ck_max_pool_fn *max_pool;
    ck_average_pool_fn *average_pool;
    ck_sum_fn *sum;
    ck_scale_shift_fn *scale_shift;
    ck_add_fn *add;
    ck_normalize_fn *normalize;
    ck_normalize_split_fn *normalize_split;
    ck_resize_row_fn *resize_row;
    ck_argmax_update_fn *argmax_update;
    ck_resized_taps_fn *resized_taps;
    ck_interleave_fn *interleave;
    ck_resized_argmax_fn *resized_argmax;
};

// The scalar kernels, each pointer raised set by set up to `instruction_set` (cpu_features.h).
// The caller makes sure that the processor has it.
struct ck_kernels ck_kernels_for(int instruction_set);

// The definition of a convolution, for the specification graph: group by group, tap by tap.
// `planes` points to each input channel's plane, weights are (out_channels, channels / groups, k, k), bias may be null;
// writes output channels first ... last-1, all out_height x out_width pixels of each.
void ck_convolution(const float *_Nonnull const *_Nonnull planes, ptrdiff_t channels, ptrdiff_t height, ptrdiff_t width,
                    const float *weights, const float *_Nullable bias, float *out, ptrdiff_t out_channels,
                    ptrdiff_t out_height, ptrdiff_t out_width, ptrdiff_t k, ptrdiff_t stride, ptrdiff_t padding,
                    ptrdiff_t dilation, ptrdiff_t groups, ptrdiff_t first, ptrdiff_t last, int relu);

// Copies `rows` rows of `channels` planes, from element `offset` of each, into blocks of CK_BLOCK columns: row r,
// column x of channel k goes to out[k * out_depth + r * out_row + x / CK_BLOCK * out_block + x % CK_BLOCK].
void ck_pack_planes(const float *_Nonnull const *_Nonnull planes, ptrdiff_t channels, ptrdiff_t offset, ptrdiff_t in_row,
                    ptrdiff_t rows, ptrdiff_t width, float *out, ptrdiff_t out_depth, ptrdiff_t out_row,
                    ptrdiff_t out_block);

// Copies a plane into the middle of a larger one, `fill` all around: above, left, below, right elements wide.
void ck_pad_plane(const float *in, ptrdiff_t in_stride, ptrdiff_t height, ptrdiff_t width, float *out,
                  ptrdiff_t out_stride, ptrdiff_t above, ptrdiff_t left, ptrdiff_t below, ptrdiff_t right, float fill);

// One tap of the windows of a convolution for `rows` output rows, packed as ck_pack_rows does:
// in(row * stride + ky * dilation - padding, x * stride + kx * dilation - padding), 0 outside.
void ck_pack_windows(const float *plane, ptrdiff_t height, ptrdiff_t width, ptrdiff_t first, ptrdiff_t rows,
                     ptrdiff_t out_width, ptrdiff_t ky, ptrdiff_t kx, ptrdiff_t stride, ptrdiff_t padding,
                     ptrdiff_t dilation, float *out, ptrdiff_t out_row, ptrdiff_t out_block);

// IEEE half precision to single.
void ck_half_to_float(const uint16_t *in, float *out, ptrdiff_t count);

// Tells the processor that this is a waiting loop.
void ck_pause(void);

#pragma clang assume_nonnull end

#endif
