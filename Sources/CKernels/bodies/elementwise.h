// Operations on values one by one.

static double sum(const float *in, ptrdiff_t count) {
    double total = 0;
    ptrdiff_t i = 0;
    for (; i + VL <= count; i += VL) total += v_sum_double(v_load(in + i));
    for (; i < count; i++) total += in[i];
    return total;
}

static void scale_shift(float *x, ptrdiff_t count, float scale, float shift, int relu) {
    const vf a = v_set(scale), b = v_set(shift), floor = v_set(relu ? 0 : -__builtin_inff());
    ptrdiff_t i = 0;
    for (; i + VL <= count; i += VL) v_store(x + i, v_at_least(v_fma(v_load(x + i), a, b), floor));
    if (i < count) v_store_n(x + i, v_at_least(v_fma(v_load_n(x + i, count - i), a, b), floor), count - i);
}

static void add(const float *a, const float *b, float *out, ptrdiff_t count, int relu) {
    const vf floor = v_set(relu ? 0 : -__builtin_inff());
    ptrdiff_t i = 0;
    for (; i + VL <= count; i += VL) v_store(out + i, v_at_least(v_add(v_load(a + i), v_load(b + i)), floor));
    if (i < count)
        v_store_n(out + i, v_at_least(v_add(v_load_n(a + i, count - i), v_load_n(b + i, count - i)), floor), count - i);
}

static void normalize_split(const uint8_t *in, ptrdiff_t pairs, float scale, float offset, float *even, float *odd) {
    const vf a = v_set(scale), b = v_set(offset);
    ptrdiff_t i = 0;
    for (; i + VL <= pairs; i += VL) {
        vf e, o;
        v_from_u8_pairs(in + 2 * i, &e, &o);
        v_store(even + i, v_fma(e, a, b));
        v_store(odd + i, v_fma(o, a, b));
    }
    for (; i < pairs; i++) {
        even[i] = (float)in[2 * i] * scale + offset;
        odd[i] = (float)in[2 * i + 1] * scale + offset;
    }
}

static void normalize(const uint8_t *in, float *out, ptrdiff_t count, float scale, float offset) {
    const vf a = v_set(scale), b = v_set(offset);
    ptrdiff_t i = 0;
    for (; i + VL <= count; i += VL) v_store(out + i, v_fma(v_from_u8(in + i), a, b));
    for (; i < count; i++) out[i] = (float)in[i] * scale + offset;
}
