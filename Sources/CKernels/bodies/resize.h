// Bilinear resize by rows, and the argmax over classes.

static void resize_row(const float *top, const float *bottom, float y_weight, ptrdiff_t in_width, float *out,
                       ptrdiff_t out_width, const int32_t *left, const int32_t *right, const float *x_weight,
                       float *scratch) {
    const vf weight = v_set(y_weight);
    for (ptrdiff_t x = 0; x < in_width; x += VL) {
        ptrdiff_t n = smaller(VL, in_width - x);
        vf a = v_load_n(top + x, n), b = v_load_n(bottom + x, n);
        v_store_n(scratch + x, v_fma(v_sub(b, a), weight, a), n);
    }
    ptrdiff_t x = 0;
    for (; x + VL <= out_width; x += VL) {
        vf a = v_gather(scratch, left + x), b = v_gather(scratch, right + x);
        v_store(out + x, v_fma(v_sub(b, a), v_load(x_weight + x), a));
    }
    for (; x < out_width; x++) {
        float a = scratch[left[x]], b = scratch[right[x]];
        out[x] = a + (b - a) * x_weight[x];
    }
}

static void argmax_update(const float *row, ptrdiff_t width, uint8_t id, float *best, uint8_t *ids) {
    ptrdiff_t x = 0;
    for (; x + VL <= width; x += VL) v_raise(v_load(row + x), id, best + x, ids + x);
    for (; x < width; x++)
        if (row[x] > best[x]) {
            best[x] = row[x];
            ids[x] = id;
        }
}
