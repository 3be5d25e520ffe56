// Depthwise convolution: a tile of four output rows by some vectors of columns reuses each load for several rows, and
// each weight for several vectors.

#define DEPTHWISE_ROWS 4
#define DEPTHWISE_VECTORS (VL == 4 ? 4 : 2)

// K, S (the stride, 1 or 2) and tile_rows are constants at every call; at most DEPTHWISE_VECTORS vectors are written.
// At stride 2 a row holds its even columns first and its odd ones from `odd` on, so that loads are dense.
INLINE void depthwise_tile(ptrdiff_t K, ptrdiff_t S, ptrdiff_t tile_rows, const float *in, ptrdiff_t in_row,
                           ptrdiff_t odd, float *out, ptrdiff_t out_row, ptrdiff_t width, const float *weights,
                           float bias, int relu) {
    vf acc[4][DEPTHWISE_VECTORS];
#pragma clang loop unroll(full)
    for (ptrdiff_t r = 0; r < tile_rows; r++)
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < DEPTHWISE_VECTORS; v++) acc[r][v] = v_set(bias);
#pragma clang loop unroll(full)
    for (ptrdiff_t y = 0; y < (tile_rows - 1) * S + K; y++) {
#pragma clang loop unroll(full)
        for (ptrdiff_t r = 0; r < tile_rows; r++)
#pragma clang loop unroll(full)
            for (ptrdiff_t v = 0; v < DEPTHWISE_VECTORS; v++) IN_ORDER(acc[r][v]);
#pragma clang loop unroll(full)
        for (ptrdiff_t kx = 0; kx < K; kx++) {
            const float *p = in + y * in_row + (S == 1 ? kx : kx % 2 * odd + kx / 2);
            vf data[DEPTHWISE_VECTORS];
            if (width == DEPTHWISE_VECTORS * VL)
#pragma clang loop unroll(full)
                for (ptrdiff_t v = 0; v < DEPTHWISE_VECTORS; v++) data[v] = v_load(p + v * VL);
            else
#pragma clang loop unroll(full)
                for (ptrdiff_t v = 0; v < DEPTHWISE_VECTORS; v++) {
                    ptrdiff_t left = smaller(VL, width - v * VL);
                    data[v] = left > 0 ? v_load_n(p + v * VL, left) : v_set(0);
                }
#pragma clang loop unroll(full)
            for (ptrdiff_t r = 0; r < tile_rows; r++)
                if (y - r * S >= 0 && y - r * S < K) {
                    vf weight = v_set(weights[(y - r * S) * K + kx]);
#pragma clang loop unroll(full)
                    for (ptrdiff_t v = 0; v < DEPTHWISE_VECTORS; v++) acc[r][v] = v_fma(data[v], weight, acc[r][v]);
                }
        }
    }
#pragma clang loop unroll(full)
    for (ptrdiff_t r = 0; r < tile_rows; r++)
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < DEPTHWISE_VECTORS; v++) {
            vf value = relu ? v_at_least(acc[r][v], v_set(0)) : acc[r][v];
            ptrdiff_t left = width - v * VL;
            if (left >= VL)
                v_store(out + r * out_row + v * VL, value);
            else if (left > 0)
                v_store_n(out + r * out_row + v * VL, value, left);
        }
}

// The taps dense.
INLINE void depthwise_dense(ptrdiff_t K, ptrdiff_t S, const float *in, ptrdiff_t in_row, ptrdiff_t odd, float *out,
                            ptrdiff_t out_row, ptrdiff_t out_block, ptrdiff_t rows, ptrdiff_t width,
                            const float *weights, float bias, int relu) {
    const ptrdiff_t step = DEPTHWISE_VECTORS * VL;
    ptrdiff_t y = 0;
    for (; y + DEPTHWISE_ROWS <= rows; y += DEPTHWISE_ROWS)
        for (ptrdiff_t x = 0; x < width; x += step) {
            const float *from = in + y * S * in_row + x;
            float *to = out + y * out_row + x / CK_BLOCK * out_block + x % CK_BLOCK;
            if (x + step <= width)
                depthwise_tile(K, S, DEPTHWISE_ROWS, from, in_row, odd, to, out_row, step, weights, bias, relu);
            else
                depthwise_tile(K, S, DEPTHWISE_ROWS, from, in_row, odd, to, out_row, width - x, weights, bias, relu);
        }
    for (; y < rows; y++)
        for (ptrdiff_t x = 0; x < width; x += step)
            depthwise_tile(K, S, 1, in + y * S * in_row + x, in_row, odd,
                           out + y * out_row + x / CK_BLOCK * out_block + x % CK_BLOCK, out_row,
                           smaller(step, width - x), weights, bias, relu);
}

#define DEPTHWISE_DENSE(K, S)                                                                                         \
    static __attribute__((noinline)) void depthwise_dense_##K##_##S(                                                  \
        const float *in, ptrdiff_t in_row, ptrdiff_t odd, float *out, ptrdiff_t out_row, ptrdiff_t out_block,         \
        ptrdiff_t rows, ptrdiff_t width, const float *weights, float bias, int relu) {                                \
        depthwise_dense(K, S, in, in_row, odd, out, out_row, out_block, rows, width, weights, bias, relu);            \
    }
DEPTHWISE_DENSE(3, 1)
DEPTHWISE_DENSE(5, 1)
DEPTHWISE_DENSE(7, 1)
DEPTHWISE_DENSE(3, 2)
DEPTHWISE_DENSE(5, 2)
DEPTHWISE_DENSE(7, 2)
#undef DEPTHWISE_DENSE

// 3 x 3 at stride 1 with taps any distance apart: `tile_rows` (a constant) rows by DEPTHWISE_VECTORS vectors.
INLINE void depthwise_apart_tile(ptrdiff_t tile_rows, const float *in, ptrdiff_t advance, ptrdiff_t tap_row,
                            ptrdiff_t dilation, float *out, ptrdiff_t out_row, ptrdiff_t width, const float *weights,
                            float bias, int relu) {
    vf acc[4][DEPTHWISE_VECTORS];
#pragma clang loop unroll(full)
    for (ptrdiff_t r = 0; r < tile_rows; r++)
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < DEPTHWISE_VECTORS; v++) acc[r][v] = v_set(bias);
#pragma clang loop unroll(full)
    for (ptrdiff_t tap = 0; tap < 9; tap++) {
        const float *p = in + tap / 3 * tap_row + tap % 3 * dilation;
        vf weight = v_set(weights[tap]);
#pragma clang loop unroll(full)
        for (ptrdiff_t r = 0; r < tile_rows; r++)
#pragma clang loop unroll(full)
            for (ptrdiff_t v = 0; v < DEPTHWISE_VECTORS; v++) {
                ptrdiff_t left = width - v * VL;
                const float *from = p + r * advance + v * VL;
                vf data = left >= VL ? v_load(from) : left > 0 ? v_load_n(from, left) : v_set(0);
                acc[r][v] = v_fma(data, weight, acc[r][v]);
            }
    }
#pragma clang loop unroll(full)
    for (ptrdiff_t r = 0; r < tile_rows; r++)
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < DEPTHWISE_VECTORS; v++) {
            ptrdiff_t left = width - v * VL;
            vf value = relu ? v_at_least(acc[r][v], v_set(0)) : acc[r][v];
            if (left >= VL)
                v_store(out + r * out_row + v * VL, value);
            else if (left > 0)
                v_store_n(out + r * out_row + v * VL, value, left);
        }
}

INLINE void depthwise_three(const float *in, ptrdiff_t advance, ptrdiff_t tap_row, float *out, ptrdiff_t out_row,
                            ptrdiff_t out_block, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t dilation,
                            const float *weights, float bias, int relu) {
    const ptrdiff_t step = DEPTHWISE_VECTORS * VL;
    for (ptrdiff_t x = 0; x < width; x += step) {
        const float *from = in + x;
        float *to = out + x / CK_BLOCK * out_block + x % CK_BLOCK;
        ptrdiff_t y = 0, some = smaller(step, width - x);
        for (; y + DEPTHWISE_ROWS <= rows; y += DEPTHWISE_ROWS)
            depthwise_apart_tile(DEPTHWISE_ROWS, from + y * advance, advance, tap_row, dilation, to + y * out_row, out_row,
                            some, weights, bias, relu);
        for (; y < rows; y++)
            depthwise_apart_tile(1, from + y * advance, advance, tap_row, dilation, to + y * out_row, out_row, some, weights,
                            bias, relu);
    }
}

// Any kernel, stride 1 or 2, any dilation: a vector of outputs at a time.
INLINE void depthwise_any(const float *in, ptrdiff_t advance, ptrdiff_t tap_row, float *out, ptrdiff_t out_row,
                          ptrdiff_t out_block, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride,
                          ptrdiff_t dilation, const float *weights, float bias, int relu) {
    for (ptrdiff_t y = 0; y < rows; y++) {
        ptrdiff_t x = 0;
        for (; x + VL <= width; x += VL) {
            vf acc = v_set(bias);
            for (ptrdiff_t ky = 0; ky < k; ky++) {
                const float *p = in + y * advance + ky * tap_row + x * stride;
                for (ptrdiff_t kx = 0; kx < k; kx++) {
                    vf data = stride == 1 ? v_load(p + kx * dilation) : v_load_even(p + kx * dilation);
                    acc = v_fma(data, v_set(weights[ky * k + kx]), acc);
                }
            }
            v_store(out + y * out_row + x / CK_BLOCK * out_block + x % CK_BLOCK, relu ? v_at_least(acc, v_set(0)) : acc);
        }
        for (; x < width; x++)
            ck_depthwise__scalar(in + y * advance + x * stride, advance, tap_row,
                                 out + y * out_row + x / CK_BLOCK * out_block + x % CK_BLOCK, out_row, out_block, 1, 1, k,
                                 stride, dilation, weights, bias, relu);
    }
}

static void depthwise(const float *in, ptrdiff_t advance, ptrdiff_t tap_row, float *out, ptrdiff_t out_row,
                      ptrdiff_t out_block, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride,
                      ptrdiff_t dilation, const float *weights, float bias, int relu) {
    const int dense = stride == 1 && dilation == 1 && advance == tap_row;
    if (dense && k == 3)
        depthwise_dense_3_1(in, advance, 0, out, out_row, out_block, rows, width, weights, bias, relu);
    else if (dense && k == 5)
        depthwise_dense_5_1(in, advance, 0, out, out_row, out_block, rows, width, weights, bias, relu);
    else if (dense && k == 7)
        depthwise_dense_7_1(in, advance, 0, out, out_row, out_block, rows, width, weights, bias, relu);
    else if (stride == 1 && k == 3)
        depthwise_three(in, advance, tap_row, out, out_row, out_block, rows, width, dilation, weights, bias, relu);
    else if (stride == 1)
        depthwise_any(in, advance, tap_row, out, out_row, out_block, rows, width, k, 1, dilation, weights, bias, relu);
    else if (stride == 2)
        depthwise_any(in, advance, tap_row, out, out_row, out_block, rows, width, k, 2, dilation, weights, bias, relu);
    else
        ck_depthwise__scalar(in, advance, tap_row, out, out_row, out_block, rows, width, k, stride, dilation, weights,
                             bias, relu);
}

static void depthwise_split(const float *in, ptrdiff_t in_row, ptrdiff_t odd, float *out, ptrdiff_t out_row,
                            ptrdiff_t out_block, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t k, const float *weights,
                            float bias, int relu) {
    if (k == 3)
        depthwise_dense_3_2(in, in_row, odd, out, out_row, out_block, rows, width, weights, bias, relu);
    else if (k == 5)
        depthwise_dense_5_2(in, in_row, odd, out, out_row, out_block, rows, width, weights, bias, relu);
    else if (k == 7)
        depthwise_dense_7_2(in, in_row, odd, out, out_row, out_block, rows, width, weights, bias, relu);
    else
        ck_depthwise_split__scalar(in, in_row, odd, out, out_row, out_block, rows, width, k, weights, bias, relu);
}
