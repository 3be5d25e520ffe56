// The pyramid: 3 x 3, 5 x 5 and 7 x 7 depthwise convolutions of one plane. Where the registers hold the sums of all three
// for a tile of four rows by CK_BLOCK columns, each load serves all of them.

#if defined(SIMD_AVX512)
// S (the stride, 1 or 2) is a constant at every call.
INLINE void pyramid_tile(ptrdiff_t S, const float *in, ptrdiff_t in_row, ptrdiff_t odd, float *out,
                         ptrdiff_t out_between, ptrdiff_t out_row, const float *weights) {
    vf small[4][2], middle[4][2], large[4][2];
#pragma clang loop unroll(full)
    for (ptrdiff_t r = 0; r < 4; r++)
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < 2; v++) {
            small[r][v] = v_set(weights[83]);
            middle[r][v] = v_set(weights[84]);
            large[r][v] = v_set(weights[85]);
        }
#pragma clang loop unroll(full)
    for (ptrdiff_t y = 0; y < 3 * S + 7; y++) {
#pragma clang loop unroll(full)
        for (ptrdiff_t r = 0; r < 4; r++)
#pragma clang loop unroll(full)
            for (ptrdiff_t v = 0; v < 2; v++) {
                IN_ORDER(small[r][v]);
                IN_ORDER(middle[r][v]);
                IN_ORDER(large[r][v]);
            }
#pragma clang loop unroll(full)
        for (ptrdiff_t kx = 0; kx < 7; kx++) {
            const float *p = in + y * in_row + (S == 1 ? kx : kx % 2 * odd + kx / 2);
            vf data[2] = {v_load(p), v_load(p + VL)};
#pragma clang loop unroll(full)
            for (ptrdiff_t r = 0; r < 4; r++) {
                const ptrdiff_t ky = y - r * S;
                if (ky < 0 || ky >= 7) continue;
                vf weight = v_set(weights[34 + 7 * ky + kx]);
                large[r][0] = v_fma(data[0], weight, large[r][0]);
                large[r][1] = v_fma(data[1], weight, large[r][1]);
                if (ky < 1 || ky >= 6 || kx < 1 || kx >= 6) continue;
                weight = v_set(weights[9 + 5 * (ky - 1) + kx - 1]);
                middle[r][0] = v_fma(data[0], weight, middle[r][0]);
                middle[r][1] = v_fma(data[1], weight, middle[r][1]);
                if (ky < 2 || ky >= 5 || kx < 2 || kx >= 5) continue;
                weight = v_set(weights[3 * (ky - 2) + kx - 2]);
                small[r][0] = v_fma(data[0], weight, small[r][0]);
                small[r][1] = v_fma(data[1], weight, small[r][1]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (ptrdiff_t r = 0; r < 4; r++)
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < 2; v++) {
            float *to = out + r * out_row + v * VL;
            v_store(to, small[r][v]);
            v_store(to + out_between, middle[r][v]);
            v_store(to + 2 * out_between, large[r][v]);
        }
}
#endif

// A kernel after the other. A smaller one begins nearer to the centre; at stride 2, beginning at an odd column, odd and
// even ones change places, the even ones one further.
static void pyramid_parts(const float *in, ptrdiff_t in_row, ptrdiff_t odd, ptrdiff_t stride, float *out,
                          ptrdiff_t out_between, ptrdiff_t out_row, ptrdiff_t out_block, ptrdiff_t rows,
                          ptrdiff_t width, const float *weights) {
    float *middle = out + out_between, *large = middle + out_between;
    const float *inner = in + in_row, *centre = inner + in_row, *five = weights + 9, *seven = weights + 9 + 25;
    const float *bias = seven + 49;
    if (stride == 1) {
        depthwise_dense_3_1(centre + 2, in_row, 0, out, out_row, out_block, rows, width, weights, bias[0], 0);
        depthwise_dense_5_1(inner + 1, in_row, 0, middle, out_row, out_block, rows, width, five, bias[1], 0);
        depthwise_dense_7_1(in, in_row, 0, large, out_row, out_block, rows, width, seven, bias[2], 0);
    } else {
        depthwise_dense_3_2(centre + 1, in_row, odd, out, out_row, out_block, rows, width, weights, bias[0], 0);
        depthwise_dense_5_2(inner + odd, in_row, 1 - odd, middle, out_row, out_block, rows, width, five, bias[1], 0);
        depthwise_dense_7_2(in, in_row, odd, large, out_row, out_block, rows, width, seven, bias[2], 0);
    }
}

INLINE void pyramid_all(ptrdiff_t S, const float *in, ptrdiff_t in_row, ptrdiff_t odd, float *out,
                        ptrdiff_t out_between, ptrdiff_t out_row, ptrdiff_t out_block, ptrdiff_t rows, ptrdiff_t width,
                        const float *weights) {
    ptrdiff_t y = 0;
#if defined(SIMD_AVX512)
    const ptrdiff_t full = width - width % CK_BLOCK;
    for (; y + 4 <= rows; y += 4) {
        const float *from = in + y * S * in_row;
        float *to = out + y * out_row;
        for (ptrdiff_t x = 0; x < full; x += CK_BLOCK)
            pyramid_tile(S, from + x, in_row, odd, to + x / CK_BLOCK * out_block, out_between, out_row, weights);
        if (full < width)
            pyramid_parts(from + full, in_row, odd, S, to + full / CK_BLOCK * out_block, out_between, out_row,
                          out_block, 4, width - full, weights);
    }
#endif
    if (y < rows)
        pyramid_parts(in + y * S * in_row, in_row, odd, S, out + y * out_row, out_between, out_row, out_block,
                      rows - y, width, weights);
}

static void depthwise_pyramid(const float *in, ptrdiff_t in_row, ptrdiff_t odd, ptrdiff_t stride, float *out,
                              ptrdiff_t out_between, ptrdiff_t out_row, ptrdiff_t out_block, ptrdiff_t rows,
                              ptrdiff_t width, const float *weights) {
    if (stride == 1)
        pyramid_all(1, in, in_row, 0, out, out_between, out_row, out_block, rows, width, weights);
    else
        pyramid_all(2, in, in_row, odd, out, out_between, out_row, out_block, rows, width, weights);
}
