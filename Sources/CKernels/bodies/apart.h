// 3 x 3 depthwise convolution from the plane itself: what a load has outside the plane is zero, and rows outside are
// passed over. A tile of four rows keeps its sums in registers, and works out once where each tap's row and columns end.

#define APART_ROWS 4
#define APART_VECTORS (VL == 8 ? 2 : 4)

// A column of taps for one vector of columns. Rows low[ky] ... high[ky] - 1 of the tile see row ky of the taps inside the
// plane; lanes from ... to - 1 at column u lie inside.
INLINE void apart_taps(vf acc[APART_ROWS], const float *plane, const ptrdiff_t *top, const ptrdiff_t *low,
                       const ptrdiff_t *high, ptrdiff_t width, ptrdiff_t u, ptrdiff_t from, ptrdiff_t to,
                       const float *weights) {
#pragma clang loop unroll(full)
    for (ptrdiff_t ky = 0; ky < 3; ky++) {
        if (low[ky] >= high[ky]) continue;
        const float *p = plane + top[ky] * width + u;
        const vf weight = v_set(weights[3 * ky]);
        if (from == 0 && to == VL && low[ky] == 0 && high[ky] == APART_ROWS) {
#pragma clang loop unroll(full)
            for (ptrdiff_t r = 0; r < APART_ROWS; r++) acc[r] = v_fma(v_load(p + r * width), weight, acc[r]);
        } else {
#pragma clang loop unroll(full)
            for (ptrdiff_t r = 0; r < APART_ROWS; r++)
                if (low[ky] <= r && r < high[ky])
                    acc[r] = v_fma(v_load_between(p + r * width, from, to), weight, acc[r]);
        }
    }
}

// Rows y ... y + rows - 1, at most APART_ROWS, of columns x ... x + APART_VECTORS * VL - 1 where they are in the plane.
INLINE void apart_tile(const float *plane, ptrdiff_t height, ptrdiff_t width, ptrdiff_t y, ptrdiff_t rows, ptrdiff_t x,
                       ptrdiff_t dilation, float *out, ptrdiff_t out_row, ptrdiff_t out_block, const float *weights,
                       float bias) {
    vf acc[APART_VECTORS][APART_ROWS];
    ptrdiff_t top[3], low[3], high[3];
    for (ptrdiff_t ky = 0; ky < 3; ky++) {
        top[ky] = y + (ky - 1) * dilation;
        low[ky] = top[ky] < 0 ? -top[ky] : 0;
        high[ky] = smaller(rows, height - top[ky]);
    }
#pragma clang loop unroll(full)
    for (ptrdiff_t v = 0; v < APART_VECTORS; v++)
#pragma clang loop unroll(full)
        for (ptrdiff_t r = 0; r < APART_ROWS; r++) acc[v][r] = v_set(bias);
#pragma clang loop unroll(disable)
    for (ptrdiff_t kx = 0; kx < 3; kx++) {
        ptrdiff_t u = x + (kx - 1) * dilation;
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < APART_VECTORS; v++, u += VL) {
            if (u >= width || u + VL <= 0) continue;
            apart_taps(acc[v], plane, top, low, high, width, u, u < 0 ? -u : 0, smaller(VL, width - u), weights + kx);
        }
    }
#pragma clang loop unroll(full)
    for (ptrdiff_t v = 0; v < APART_VECTORS; v++) {
        const ptrdiff_t at = x + v * VL, left = width - at;
        if (left <= 0) continue;
        float *to = out + at / CK_BLOCK * out_block + at % CK_BLOCK;
#pragma clang loop unroll(full)
        for (ptrdiff_t r = 0; r < APART_ROWS; r++) {
            if (r >= rows) continue;
            if (left >= VL)
                v_store(to + r * out_row, acc[v][r]);
            else
                v_store_n(to + r * out_row, acc[v][r], left);
        }
    }
}

// Planes lie far apart, so that no processor guesses the next one.
INLINE void apart_fetch(const float *plane, ptrdiff_t height, ptrdiff_t width, ptrdiff_t first, ptrdiff_t last) {
    enum { LINE = 64 / sizeof(float) };
    const float *end = plane + smaller(height, last) * width;
    for (const float *p = plane + (first < 0 ? 0 : first) * width; p < end; p += LINE) __builtin_prefetch(p);
}

static void depthwise_apart(const float *plane, ptrdiff_t height, ptrdiff_t width, ptrdiff_t first, ptrdiff_t rows,
                            ptrdiff_t dilation, float *out, ptrdiff_t out_row, ptrdiff_t out_block,
                            const float *weights, float bias, const float *next) {
    if (next && dilation < rows) {
        apart_fetch(next, height, width, first - dilation, first + rows + dilation);
    } else if (next) {
        for (ptrdiff_t ky = -1; ky <= 1; ky++)
            apart_fetch(next, height, width, first + ky * dilation, first + ky * dilation + rows);
    }
    for (ptrdiff_t y = 0; y < rows; y += APART_ROWS)
        for (ptrdiff_t x = 0; x < width; x += APART_VECTORS * VL)
            apart_tile(plane, height, width, first + y, smaller(APART_ROWS, rows - y), x, dilation, out + y * out_row,
                       out_row, out_block, weights, bias);
}
