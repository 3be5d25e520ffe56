// The sum of 3 x 3 taps over a x4 bilinear resize. A column of the result lies in one of four phases between two columns
// of the input, and so does each of its neighbours: three columns of the input and fixed weights give all four.

static void resized_taps(const float *in, ptrdiff_t tap_stride, const ptrdiff_t *low, const ptrdiff_t *high,
                         const float *weights, ptrdiff_t width, float bias, int relu, float *out, ptrdiff_t out_phase,
                         ptrdiff_t out_block, float *scratch) {
    // Down: each tap column's three rows blended into one, its ends repeated.
    for (ptrdiff_t tx = 0; tx < 3; tx++) {
        float *row = scratch + tx * (width + 2);
        for (ptrdiff_t x = 0; x < width; x += VL) {
            ptrdiff_t n = smaller(VL, width - x);
            vf sum = v_set(0);
            for (ptrdiff_t ty = 0; ty < 3; ty++) {
                const float *tap = in + (3 * ty + tx) * tap_stride + x;
                sum = v_fma(v_load_n(tap + low[ty], n), v_set(weights[2 * ty]), sum);
                sum = v_fma(v_load_n(tap + high[ty], n), v_set(weights[2 * ty + 1]), sum);
            }
            v_store_n(row + 1 + x, sum, n);
        }
        row[0] = row[1];
        row[width + 1] = row[width];
    }
    // Across.
    const float *r0 = scratch, *r1 = r0 + width + 2, *r2 = r1 + width + 2;
    const vf w1 = v_set(0.125f), w3 = v_set(0.375f), w5 = v_set(0.625f), w7 = v_set(0.875f), start = v_set(bias);
    const vf floor = v_set(relu ? 0 : -__builtin_inff());
    for (ptrdiff_t x = 0; x < width; x += VL) {
        ptrdiff_t n = smaller(VL, width - x);
        float *to = out + x / CK_BLOCK * out_block + x % CK_BLOCK;
        vf a0 = v_load_n(r0 + x, n), b0 = v_load_n(r0 + x + 1, n), c0 = v_load_n(r0 + x + 2, n);
        vf a1 = v_load_n(r1 + x, n), b1 = v_load_n(r1 + x + 1, n), c1 = v_load_n(r1 + x + 2, n);
        vf a2 = v_load_n(r2 + x, n), b2 = v_load_n(r2 + x + 1, n), c2 = v_load_n(r2 + x + 2, n);
        vf p0 = v_fma(a0, w5, v_fma(b0, w3, v_fma(a1, w3, v_fma(b1, w5, v_fma(a2, w1, v_fma(b2, w7, start))))));
        vf p1 = v_fma(a0, w3, v_fma(b0, w5, v_fma(a1, w1, v_fma(b1, w7, v_fma(b2, w7, v_fma(c2, w1, start))))));
        vf p2 = v_fma(a0, w1, v_fma(b0, w7, v_fma(b1, w7, v_fma(c1, w1, v_fma(b2, w5, v_fma(c2, w3, start))))));
        vf p3 = v_fma(b0, w7, v_fma(c0, w1, v_fma(b1, w5, v_fma(c1, w3, v_fma(b2, w3, v_fma(c2, w5, start))))));
        v_store_n(to, v_at_least(p0, floor), n);
        v_store_n(to + out_phase, v_at_least(p1, floor), n);
        v_store_n(to + 2 * out_phase, v_at_least(p2, floor), n);
        v_store_n(to + 3 * out_phase, v_at_least(p3, floor), n);
    }
    // The first and the last column have no neighbour: their outer tap lies outside.
    const ptrdiff_t e = width - 1;
    float first = bias + (0.375f * r1[0] + 0.625f * r1[1]) + (0.125f * r2[0] + 0.875f * r2[1]);
    float last = bias + (0.875f * r0[e + 1] + 0.125f * r0[e + 2]) + (0.625f * r1[e + 1] + 0.375f * r1[e + 2]);
    out[0] = relu && first < 0 ? 0 : first;
    out[3 * out_phase + e / CK_BLOCK * out_block + e % CK_BLOCK] = relu && last < 0 ? 0 : last;
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
