// The sum of 3 x 3 taps over a x4 bilinear resize. A row of the result lies in one of four phases between two rows of the
// input, and so does each of its neighbours: three rows of the input and fixed weights give all four phases. Columns alike.

// The taps of one direction for its four phases: tap t at the input's place before, at and behind (a, b, c).
INLINE void taps_phases(const vf a[3], const vf b[3], const vf c[3], vf start, vf phase[4]) {
    const vf w1 = v_set(0.125f), w3 = v_set(0.375f), w5 = v_set(0.625f), w7 = v_set(0.875f);
    phase[0] = v_fma(a[0], w5, v_fma(b[0], w3, v_fma(a[1], w3, v_fma(b[1], w5, v_fma(a[2], w1, v_fma(b[2], w7, start))))));
    phase[1] = v_fma(a[0], w3, v_fma(b[0], w5, v_fma(a[1], w1, v_fma(b[1], w7, v_fma(b[2], w7, v_fma(c[2], w1, start))))));
    phase[2] = v_fma(a[0], w1, v_fma(b[0], w7, v_fma(b[1], w7, v_fma(c[1], w1, v_fma(b[2], w5, v_fma(c[2], w3, start))))));
    phase[3] = v_fma(b[0], w7, v_fma(c[0], w1, v_fma(b[1], w5, v_fma(c[1], w3, v_fma(b[2], w3, v_fma(c[2], w5, start))))));
}

// At the edges the outer tap of the outer phase lies outside.
INLINE vf taps_first_phase(const vf a[3], const vf b[3]) {
    const vf w1 = v_set(0.125f), w3 = v_set(0.375f), w5 = v_set(0.625f), w7 = v_set(0.875f);
    return v_fma(a[1], w3, v_fma(b[1], w5, v_fma(a[2], w1, v_mul(b[2], w7))));
}

INLINE vf taps_last_phase(const vf b[3], const vf c[3]) {
    const vf w1 = v_set(0.125f), w3 = v_set(0.375f), w5 = v_set(0.625f), w7 = v_set(0.875f);
    return v_fma(b[0], w7, v_fma(c[0], w1, v_fma(b[1], w5, v_mul(c[1], w3))));
}

// Down: n columns of one tap column, their three taps' rows into four phases.
INLINE void taps_down(const float *in, ptrdiff_t tap_row, const ptrdiff_t *place, int is_first, int is_last, float *to,
                      ptrdiff_t to_row, ptrdiff_t n) {
    vf at[3][3], phase[4];
    for (int row = 0; row < 3; row++)
        for (int ty = 0; ty < 3; ty++) {
            const float *from = in + ty * tap_row + place[row];
            at[row][ty] = n == VL ? v_load(from) : v_load_n(from, n);
        }
    taps_phases(at[0], at[1], at[2], v_set(0), phase);
    if (is_first) phase[0] = taps_first_phase(at[0], at[1]);
    if (is_last) phase[3] = taps_last_phase(at[1], at[2]);
    for (int r = 0; r < 4; r++) {
        if (n == VL)
            v_store(to + r * to_row, phase[r]);
        else
            v_store_n(to + r * to_row, phase[r], n);
    }
}

// Across: n columns of one row, each tap column's row at in + tx * in_tap and one more on either side.
INLINE void taps_across(const float *in, ptrdiff_t in_tap, vf start, vf floor, float *out, ptrdiff_t out_phase, ptrdiff_t n) {
    vf at[3][3], phase[4];
    for (int column = 0; column < 3; column++)
        for (int tx = 0; tx < 3; tx++) {
            const float *from = in + tx * in_tap + column;
            at[column][tx] = n == VL ? v_load(from) : v_load_n(from, n);
        }
    taps_phases(at[0], at[1], at[2], start, phase);
    for (int p = 0; p < 4; p++) {
        vf value = v_at_least(phase[p], floor);
        if (n == VL)
            v_store(out + p * out_phase, value);
        else
            v_store_n(out + p * out_phase, value, n);
    }
}

static void resized_taps(const float *in, ptrdiff_t tap_stride, ptrdiff_t height, ptrdiff_t width, ptrdiff_t row,
                         float bias, int relu, float *out, ptrdiff_t out_phase, ptrdiff_t out_block,
                         float *scratch) {
    const int is_first = row == 0, is_last = row + 1 == height;
    const ptrdiff_t place[3] = {(is_first ? row : row - 1) * width, row * width, (is_last ? row : row + 1) * width};
    const ptrdiff_t padded = width + 2, tap = 4 * padded;
    for (ptrdiff_t tx = 0; tx < 3; tx++) {
        const float *from = in + tx * tap_stride;
        float *to = scratch + tx * tap + 1;
        ptrdiff_t x = 0;
        for (; x + VL <= width; x += VL)
            taps_down(from + x, 3 * tap_stride, place, is_first, is_last, to + x, padded, VL);
        if (x < width) taps_down(from + x, 3 * tap_stride, place, is_first, is_last, to + x, padded, width - x);
        // Its ends repeated.
        for (ptrdiff_t r = 0; r < 4; r++) {
            to[r * padded - 1] = to[r * padded];
            to[r * padded + width] = to[r * padded + width - 1];
        }
    }
    const vf start = v_set(bias), floor = v_set(relu ? 0 : -__builtin_inff());
    for (ptrdiff_t r = 0; r < 4; r++) {
        const float *from = scratch + r * padded;
        float *to = out + 4 * r * out_phase;
        ptrdiff_t x = 0;
        for (; x + VL <= width; x += VL)
            taps_across(from + x, tap, start, floor, to + x / CK_BLOCK * out_block + x % CK_BLOCK, out_phase, VL);
        if (x < width)
            taps_across(from + x, tap, start, floor, to + x / CK_BLOCK * out_block + x % CK_BLOCK, out_phase, width - x);
        // The first and the last column have no neighbour: their outer tap lies outside.
        const float *r0 = from, *r1 = from + tap, *r2 = from + 2 * tap;
        const ptrdiff_t e = width - 1;
        float first = bias + (0.375f * r1[0] + 0.625f * r1[1]) + (0.125f * r2[0] + 0.875f * r2[1]);
        float last = bias + (0.875f * r0[e + 1] + 0.125f * r0[e + 2]) + (0.625f * r1[e + 1] + 0.375f * r1[e + 2]);
        to[0] = relu && first < 0 ? 0 : first;
        to[3 * out_phase + e / CK_BLOCK * out_block + e % CK_BLOCK] = relu && last < 0 ? 0 : last;
    }
}

static void interleave(const float *in, ptrdiff_t in_phase, ptrdiff_t width, float *out) {
    ptrdiff_t x = 0;
    for (; x + VL <= width; x += VL)
        v_store_interleaved(out + 4 * x, v_load(in + x), v_load(in + in_phase + x), v_load(in + 2 * in_phase + x),
                            v_load(in + 3 * in_phase + x));
    for (; x < width; x++)
        for (ptrdiff_t phase = 0; phase < 4; phase++) out[4 * x + phase] = in[phase * in_phase + x];
}

static void resized_argmax(const float *in, ptrdiff_t plane, ptrdiff_t classes, ptrdiff_t low, ptrdiff_t high,
                           float weight, ptrdiff_t width, uint8_t *ids, float *scratch) {
    const vf share = v_set(weight);
    for (ptrdiff_t c = 0; c < classes; c++) {
        float *row = scratch + c * (width + 2);
        const float *top = in + c * plane + low, *bottom = in + c * plane + high;
        for (ptrdiff_t x = 0; x < width; x += VL) {
            ptrdiff_t n = smaller(VL, width - x);
            vf a = v_load_n(top + x, n), b = v_load_n(bottom + x, n);
            v_store_n(row + 1 + x, v_fma(v_sub(b, a), share, a), n);
        }
        row[0] = row[1];
        row[width + 1] = row[width];
    }
    const vf w3 = v_set(0.375f), w1 = v_set(0.125f);
    for (ptrdiff_t x = 0; x < width; x += VL) {
        ptrdiff_t n = smaller(VL, width - x);
        vf best[4], id[4];
        for (int p = 0; p < 4; p++) {
            best[p] = v_set(-__builtin_inff());
            id[p] = v_bits(0);
        }
        for (ptrdiff_t c = 0; c < classes; c++) {
            const float *row = scratch + c * (width + 2) + x;
            vf a = v_load_n(row, n), b = v_load_n(row + 1, n), d = v_load_n(row + 2, n);
            vf before = v_sub(a, b), after = v_sub(d, b), this = v_bits((int32_t)c);
            vf value[4] = {v_fma(before, w3, b), v_fma(before, w1, b), v_fma(after, w1, b), v_fma(after, w3, b)};
            for (int p = 0; p < 4; p++) {
                id[p] = v_where_greater(value[p], best[p], this, id[p]);
                best[p] = v_max(value[p], best[p]);
            }
        }
        v_store_ids(ids + 4 * x, id[0], id[1], id[2], id[3], n);
    }
}
