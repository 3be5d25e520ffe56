// Operations that exist once: data movement, conversions, and the specification's convolution.
#include <string.h>

#include "include/kernels.h"

void ck_convolution(const float *const *planes, ptrdiff_t channels, ptrdiff_t height, ptrdiff_t width,
                    const float *weights, const float *bias, float *out, ptrdiff_t out_channels, ptrdiff_t out_height,
                    ptrdiff_t out_width, ptrdiff_t k, ptrdiff_t stride, ptrdiff_t padding, ptrdiff_t dilation,
                    ptrdiff_t groups, ptrdiff_t first, ptrdiff_t last, int relu) {
    ptrdiff_t group_in = channels / groups, group_out = out_channels / groups;
    for (ptrdiff_t o = first; o < last; o++)
        for (ptrdiff_t y = 0; y < out_height; y++) {
            float *row = out + (o * out_height + y) * out_width;
            for (ptrdiff_t x = 0; x < out_width; x++) row[x] = bias ? bias[o] : 0;
            for (ptrdiff_t i = 0; i < group_in; i++)
                for (ptrdiff_t ky = 0; ky < k; ky++) {
                    ptrdiff_t v = y * stride + ky * dilation - padding;
                    if (v < 0 || v >= height) continue;
                    const float *source = planes[o / group_out * group_in + i] + v * width;
                    for (ptrdiff_t kx = 0; kx < k; kx++) {
                        float weight = weights[((o * group_in + i) * k + ky) * k + kx];
                        for (ptrdiff_t x = 0; x < out_width; x++) {
                            ptrdiff_t u = x * stride + kx * dilation - padding;
                            if (u >= 0 && u < width) row[x] += weight * source[u];
                        }
                    }
                }
            if (relu)
                for (ptrdiff_t x = 0; x < out_width; x++) row[x] = row[x] > 0 ? row[x] : 0;
        }
}

void ck_pad_plane(const float *in, ptrdiff_t in_stride, ptrdiff_t height, ptrdiff_t width, float *out,
                  ptrdiff_t out_stride, ptrdiff_t above, ptrdiff_t left, ptrdiff_t below, ptrdiff_t right, float fill) {
    ptrdiff_t whole = left + width + right;
    for (ptrdiff_t y = 0; y < above + height + below; y++) {
        float *row = out + y * out_stride;
        if (y < above || y >= above + height) {
            for (ptrdiff_t x = 0; x < whole; x++) row[x] = fill;
            continue;
        }
        for (ptrdiff_t x = 0; x < left; x++) row[x] = fill;
        memcpy(row + left, in + (y - above) * in_stride, (size_t)width * sizeof(float));
        for (ptrdiff_t x = left + width; x < whole; x++) row[x] = fill;
    }
}

void ck_pack_planes(const float *const *planes, ptrdiff_t channels, ptrdiff_t offset, ptrdiff_t in_row, ptrdiff_t rows,
                    ptrdiff_t width, float *out, ptrdiff_t out_depth, ptrdiff_t out_row, ptrdiff_t out_block) {
    // Planes lie far apart, so that no processor guesses the next one.
    enum { AHEAD = 3, LINE = 64 / sizeof(float) };
    for (ptrdiff_t channel = 0; channel < channels; channel++) {
        const float *next = channel + AHEAD < channels ? planes[channel + AHEAD] + offset : 0;
        for (ptrdiff_t r = 0; r < rows; r++) {
            if (next)
                for (ptrdiff_t x = 0; x < width; x += LINE) __builtin_prefetch(next + r * in_row + x);
            const float *from = planes[channel] + offset + r * in_row;
            float *to = out + channel * out_depth + r * out_row;
            ptrdiff_t x = 0;
            for (; x + CK_BLOCK <= width; x += CK_BLOCK, to += out_block) memcpy(to, from + x, CK_BLOCK * sizeof(float));
            if (x < width) memcpy(to, from + x, (size_t)(width - x) * sizeof(float));
        }
    }
}

void ck_pack_windows(const float *plane, ptrdiff_t height, ptrdiff_t width, ptrdiff_t first, ptrdiff_t rows,
                     ptrdiff_t out_width, ptrdiff_t ky, ptrdiff_t kx, ptrdiff_t stride, ptrdiff_t padding,
                     ptrdiff_t dilation, float *out, ptrdiff_t out_row, ptrdiff_t out_block) {
    ptrdiff_t shift = kx * dilation - padding;
    for (ptrdiff_t r = 0; r < rows; r++) {
        ptrdiff_t v = (first + r) * stride + ky * dilation - padding;
        const float *source = v >= 0 && v < height ? plane + v * width : 0;
        for (ptrdiff_t block = 0; block < out_width; block += CK_BLOCK) {
            float *to = out + r * out_row + block / CK_BLOCK * out_block;
            ptrdiff_t count = out_width - block < CK_BLOCK ? out_width - block : CK_BLOCK;
            ptrdiff_t u = block * stride + shift;
            if (!source)
                memset(to, 0, (size_t)count * sizeof(float));
            else if (stride == 1 && u >= 0 && u + count <= width)
                memcpy(to, source + u, (size_t)count * sizeof(float));
            else if (stride == 2 && u >= 0 && u + 2 * count - 1 <= width)
                for (ptrdiff_t x = 0; x < count; x++) to[x] = source[u + 2 * x];
            else
                for (ptrdiff_t x = 0; x < count; x++, u += stride) to[x] = u >= 0 && u < width ? source[u] : 0;
        }
    }
}

void ck_half_to_float(const uint16_t *in, float *out, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) {
        uint32_t sign = (uint32_t)(in[i] & 0x8000u) << 16, magnitude = in[i] & 0x7fffu, bits;
        if (magnitude >= 0x7c00u) {  // infinity, NaN
            bits = 0x7f800000u | (magnitude & 0x3ffu) << 13;
        } else if (magnitude >= 0x400u) {  // normal
            bits = (magnitude << 13) + 0x38000000u;
        } else {  // zero, subnormal: exact as an integer times 2^-24
            float value = (float)magnitude * 0x1p-24f;
            memcpy(&bits, &value, sizeof bits);
        }
        bits |= sign;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

void ck_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
