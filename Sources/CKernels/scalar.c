// Scalar definitions of the kernels in include/kernels.h.
#include "scalar.h"

#include <math.h>

void ck_depthwise__scalar(const float *in, ptrdiff_t advance, ptrdiff_t tap_row, float *out, ptrdiff_t out_row,
                          ptrdiff_t out_block, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride,
                          ptrdiff_t dilation, const float *weights, float bias, int relu) {
    for (ptrdiff_t y = 0; y < rows; y++)
        for (ptrdiff_t x = 0; x < width; x++) {
            float sum = bias;
            for (ptrdiff_t ky = 0; ky < k; ky++)
                for (ptrdiff_t kx = 0; kx < k; kx++)
                    sum += weights[ky * k + kx] * in[y * advance + ky * tap_row + x * stride + kx * dilation];
            out[y * out_row + x / CK_BLOCK * out_block + x % CK_BLOCK] = relu && sum < 0 ? 0 : sum;
        }
}

void ck_depthwise_split__scalar(const float *in, ptrdiff_t in_row, ptrdiff_t odd, float *out, ptrdiff_t out_row,
                                ptrdiff_t out_block, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t k,
                                const float *weights, float bias, int relu) {
    for (ptrdiff_t y = 0; y < rows; y++)
        for (ptrdiff_t x = 0; x < width; x++) {
            float sum = bias;
            for (ptrdiff_t ky = 0; ky < k; ky++)
                for (ptrdiff_t kx = 0; kx < k; kx++)
                    sum += weights[ky * k + kx] * in[(2 * y + ky) * in_row + kx % 2 * odd + x + kx / 2];
            out[y * out_row + x / CK_BLOCK * out_block + x % CK_BLOCK] = relu && sum < 0 ? 0 : sum;
        }
}

void ck_depthwise_apart__scalar(const float *plane, ptrdiff_t height, ptrdiff_t width, ptrdiff_t first, ptrdiff_t rows,
                                ptrdiff_t dilation, float *out, ptrdiff_t out_row, ptrdiff_t out_block,
                                const float *weights, float bias, const float *next) {
    (void)next;
    for (ptrdiff_t y = 0; y < rows; y++)
        for (ptrdiff_t x = 0; x < width; x++) {
            float sum = bias;
            for (ptrdiff_t tap = 0; tap < 9; tap++) {
                ptrdiff_t v = first + y + (tap / 3 - 1) * dilation, u = x + (tap % 3 - 1) * dilation;
                if (v >= 0 && v < height && u >= 0 && u < width) sum += weights[tap] * plane[v * width + u];
            }
            out[y * out_row + x / CK_BLOCK * out_block + x % CK_BLOCK] = sum;
        }
}

void ck_depthwise_pyramid__scalar(const float *in, ptrdiff_t in_row, ptrdiff_t odd, ptrdiff_t stride, float *out,
                                  ptrdiff_t out_between, ptrdiff_t out_row, ptrdiff_t out_block, ptrdiff_t rows,
                                  ptrdiff_t width, const float *weights) {
    const float *biases = weights + 9 + 25 + 49;
    for (ptrdiff_t k = 3; k <= 7; weights += k * k, k += 2, out += out_between)
        for (ptrdiff_t y = 0; y < rows; y++)
            for (ptrdiff_t x = 0; x < width; x++) {
                float sum = biases[(k - 3) / 2];
                for (ptrdiff_t tap = 0; tap < k * k; tap++) {
                    ptrdiff_t row = y * stride + tap / k + (7 - k) / 2, column = x * stride + tap % k + (7 - k) / 2;
                    ptrdiff_t place = stride == 1 ? column : column % 2 * odd + column / 2;
                    sum += weights[tap] * in[row * in_row + place];
                }
                out[y * out_row + x / CK_BLOCK * out_block + x % CK_BLOCK] = sum;
            }
}

void ck_pad_rows__scalar(const float *in, ptrdiff_t height, ptrdiff_t width, ptrdiff_t first, ptrdiff_t step,
                         ptrdiff_t rows, ptrdiff_t padding, float fill, float *out, ptrdiff_t out_row, ptrdiff_t odd,
                         const float *next) {
    (void)next;
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t x = 0; x < width + 2 * padding; x++) {
            ptrdiff_t y = first + r * step, u = x - padding;
            float value = y >= 0 && y < height && u >= 0 && u < width ? in[y * width + u] : fill;
            out[r * out_row + (odd ? x % 2 * odd + x / 2 : x)] = value;
        }
}

void ck_product__scalar(const float *a, const float *b, ptrdiff_t depth, ptrdiff_t rows, float *c, ptrdiff_t c_stride,
                        ptrdiff_t columns, const float *bias, int add, int relu) {
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t x = 0; x < columns; x++) {
            float sum = add ? c[r * c_stride + x] : bias[r];
            for (ptrdiff_t k = 0; k < depth; k++) sum += a[k * rows + r] * b[k * CK_BLOCK + x];
            c[r * c_stride + x] = relu && sum < 0 ? 0 : sum;
        }
}

void ck_product_of_rows__scalar(const float *a, const float *const *b, ptrdiff_t first, ptrdiff_t depth, ptrdiff_t rows,
                                float *c, ptrdiff_t c_stride, ptrdiff_t columns, const float *bias, int relu) {
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t x = 0; x < columns; x++) {
            float sum = bias[r];
            for (ptrdiff_t k = 0; k < depth; k++) sum += a[k * rows + r] * b[k][first + x];
            c[r * c_stride + x] = relu && sum < 0 ? 0 : sum;
        }
}

void ck_max_pool__scalar(const float *in, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride, ptrdiff_t rows,
                         ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride) {
    for (ptrdiff_t y = 0; y < rows; y++)
        for (ptrdiff_t x = 0; x < width; x++) {
            float best = -INFINITY;
            for (ptrdiff_t ky = 0; ky < k; ky++)
                for (ptrdiff_t kx = 0; kx < k; kx++) {
                    float value = in[(y * stride + ky) * in_stride + x * stride + kx];
                    if (value > best) best = value;
                }
            out[y * out_stride + x] = best;
        }
}

void ck_average_pool__scalar(const float *in, ptrdiff_t in_stride, ptrdiff_t height, ptrdiff_t width, ptrdiff_t k,
                             float *out, ptrdiff_t out_stride, float *scratch) {
    (void)scratch;
    ptrdiff_t radius = k / 2;
    for (ptrdiff_t y = 0; y < height; y++)
        for (ptrdiff_t x = 0; x < width; x++) {
            double sum = 0;
            ptrdiff_t count = 0;
            for (ptrdiff_t v = y - radius; v <= y + radius; v++)
                for (ptrdiff_t u = x - radius; u <= x + radius; u++)
                    if (v >= 0 && v < height && u >= 0 && u < width) {
                        sum += in[v * in_stride + u];
                        count++;
                    }
            out[y * out_stride + x] = (float)(sum / (double)count);
        }
}

double ck_sum__scalar(const float *in, ptrdiff_t count) {
    double sum = 0;
    for (ptrdiff_t i = 0; i < count; i++) sum += in[i];
    return sum;
}

void ck_scale_shift__scalar(float *x, ptrdiff_t count, float scale, float shift, int relu) {
    for (ptrdiff_t i = 0; i < count; i++) {
        float value = x[i] * scale + shift;
        x[i] = relu && value < 0 ? 0 : value;
    }
}

void ck_add__scalar(const float *a, const float *b, float *out, ptrdiff_t count, int relu) {
    for (ptrdiff_t i = 0; i < count; i++) {
        float value = a[i] + b[i];
        out[i] = relu && value < 0 ? 0 : value;
    }
}

void ck_normalize__scalar(const uint8_t *in, float *out, ptrdiff_t count, float scale, float offset) {
    for (ptrdiff_t i = 0; i < count; i++) out[i] = (float)in[i] * scale + offset;
}

void ck_normalize_split__scalar(const uint8_t *in, ptrdiff_t pairs, float scale, float offset, float *even, float *odd) {
    for (ptrdiff_t i = 0; i < pairs; i++) {
        even[i] = (float)in[2 * i] * scale + offset;
        odd[i] = (float)in[2 * i + 1] * scale + offset;
    }
}

void ck_resize_row__scalar(const float *top, const float *bottom, float y_weight, ptrdiff_t in_width, float *out,
                           ptrdiff_t out_width, const int32_t *left, const int32_t *right, const float *x_weight,
                           float *scratch) {
    for (ptrdiff_t x = 0; x < in_width; x++) scratch[x] = top[x] + (bottom[x] - top[x]) * y_weight;
    for (ptrdiff_t x = 0; x < out_width; x++) {
        float a = scratch[left[x]], b = scratch[right[x]];
        out[x] = a + (b - a) * x_weight[x];
    }
}

void ck_argmax_update__scalar(const float *row, ptrdiff_t width, uint8_t id, float *best, uint8_t *ids) {
    for (ptrdiff_t x = 0; x < width; x++)
        if (row[x] > best[x]) {
            best[x] = row[x];
            ids[x] = id;
        }
}

// Where a place of a x4 resize lies between places of its input.
static void quarter(ptrdiff_t place, ptrdiff_t size, ptrdiff_t *low, ptrdiff_t *high, float *share) {
    float at = ((float)place + 0.5f) / 4 - 0.5f;
    if (at < 0) at = 0;
    if (at > (float)(size - 1)) at = (float)(size - 1);
    *low = (ptrdiff_t)at;
    *high = *low + 1 < size ? *low + 1 : *low;
    *share = at - (float)*low;
}

void ck_resized_taps__scalar(const float *in, ptrdiff_t tap_stride, ptrdiff_t height, ptrdiff_t width, ptrdiff_t row,
                             float bias, int relu, float *out, ptrdiff_t out_phase, ptrdiff_t out_block,
                             float *scratch) {
    (void)scratch;
    for (ptrdiff_t r = 0; r < 4; r++)
        for (ptrdiff_t column = 0; column < 4 * width; column++) {
            float sum = bias;
            for (ptrdiff_t ty = 0; ty < 3; ty++)
                for (ptrdiff_t tx = 0; tx < 3; tx++) {
                    ptrdiff_t y = 4 * row + r + ty - 1, x = column + tx - 1, top, bottom, left, right;
                    if (y < 0 || y >= 4 * height || x < 0 || x >= 4 * width) continue;
                    float down, across;
                    quarter(y, height, &top, &bottom, &down);
                    quarter(x, width, &left, &right, &across);
                    const float *tap = in + (3 * ty + tx) * tap_stride;
                    float a = (1 - down) * tap[top * width + left] + down * tap[bottom * width + left];
                    float b = (1 - down) * tap[top * width + right] + down * tap[bottom * width + right];
                    sum += a + (b - a) * across;
                }
            ptrdiff_t x = column / 4;
            out[(4 * r + column % 4) * out_phase + x / CK_BLOCK * out_block + x % CK_BLOCK] = relu && sum < 0 ? 0 : sum;
        }
}

void ck_interleave__scalar(const float *in, ptrdiff_t in_phase, ptrdiff_t width, float *out) {
    for (ptrdiff_t x = 0; x < width; x++)
        for (ptrdiff_t phase = 0; phase < 4; phase++) out[4 * x + phase] = in[phase * in_phase + x];
}

void ck_resized_argmax__scalar(const float *in, ptrdiff_t plane, ptrdiff_t classes, ptrdiff_t low, ptrdiff_t high,
                               float weight, ptrdiff_t width, uint8_t *ids, float *scratch) {
    (void)scratch;
    for (ptrdiff_t column = 0; column < 4 * width; column++) {
        float x = ((float)column + 0.5f) / 4 - 0.5f, best = -INFINITY;
        if (x < 0) x = 0;
        if (x > (float)(width - 1)) x = (float)(width - 1);
        ptrdiff_t left = (ptrdiff_t)x, right = left + 1 < width ? left + 1 : left;
        ids[column] = 0;
        for (ptrdiff_t c = 0; c < classes; c++) {
            const float *top = in + c * plane + low, *bottom = in + c * plane + high;
            float a = top[left] + (bottom[left] - top[left]) * weight;
            float b = top[right] + (bottom[right] - top[right]) * weight;
            float value = a + (b - a) * (x - (float)left);
            if (value > best) {
                best = value;
                ids[column] = (uint8_t)c;
            }
        }
    }
}

struct ck_kernels ck_kernels_for(int instruction_set) {
    struct ck_kernels kernels = {
        .depthwise = ck_depthwise__scalar,
        .depthwise_split = ck_depthwise_split__scalar,
        .depthwise_apart = ck_depthwise_apart__scalar,
        .depthwise_pyramid = ck_depthwise_pyramid__scalar,
        .pad_rows = ck_pad_rows__scalar,
        .product = ck_product__scalar,
        .product_rows = 8,
        .product_depth = 512,
        .product_of_rows = ck_product_of_rows__scalar,
        .max_pool = ck_max_pool__scalar,
        .average_pool = ck_average_pool__scalar,
        .sum = ck_sum__scalar,
        .scale_shift = ck_scale_shift__scalar,
        .add = ck_add__scalar,
        .normalize = ck_normalize__scalar,
        .normalize_split = ck_normalize_split__scalar,
        .resize_row = ck_resize_row__scalar,
        .argmax_update = ck_argmax_update__scalar,
        .resized_taps = ck_resized_taps__scalar,
        .interleave = ck_interleave__scalar,
        .resized_argmax = ck_resized_argmax__scalar,
    };
#if defined(__x86_64__)
    if (instruction_set == CK_AVX2 || instruction_set == CK_AVX512) ck_raise__avx2(&kernels);
    if (instruction_set == CK_AVX512) ck_raise__avx512(&kernels);
#elif defined(__aarch64__)
    if (instruction_set == CK_NEON) ck_raise__neon(&kernels);
#else
    (void)instruction_set;
#endif
    return kernels;
}
