// Rows with their padding, whole or with even and odd columns apart.

INLINE void pad_fill(float *to, ptrdiff_t count, vf fill) {
    for (; count >= VL; count -= VL, to += VL) v_store(to, fill);
    if (count > 0) v_store_n(to, fill, count);
}

INLINE void pad_copy(const float *from, float *to, ptrdiff_t count) {
    for (; count >= VL; count -= VL, from += VL, to += VL) v_store(to, v_load(from));
    if (count > 0) v_store_n(to, v_load_n(from, count), count);
}

// from[0], from[2] ... to `even`, from[1], from[3] ... to `odd`.
INLINE void pad_split(const float *from, float *even, float *odd, ptrdiff_t count) {
    vf a, b;
    for (; count >= 2 * VL; count -= 2 * VL, from += 2 * VL, even += VL, odd += VL) {
        v_unzip(v_load(from), v_load(from + VL), &a, &b);
        v_store(even, a);
        v_store(odd, b);
    }
    if (count <= 0) return;
    v_unzip(v_load_n(from, smaller(VL, count)), count > VL ? v_load_n(from + VL, count - VL) : v_set(0), &a, &b);
    v_store_n(even, a, (count + 1) / 2);
    if (count > 1) v_store_n(odd, b, count / 2);
}

static void pad_rows(const float *in, ptrdiff_t height, ptrdiff_t width, ptrdiff_t first, ptrdiff_t step,
                     ptrdiff_t rows, ptrdiff_t padding, float fill, float *out, ptrdiff_t out_row, ptrdiff_t odd,
                     const float *next) {
    enum { LINE = 64 / sizeof(float) };
    const ptrdiff_t whole = width + 2 * padding, end = padding + width;
    const vf nothing = v_set(fill);
    for (ptrdiff_t r = 0; r < rows; r++) {
        const ptrdiff_t y = first + r * step;
        float *to = out + r * out_row, *apart = to + odd;
        if (y < 0 || y >= height) {
            pad_fill(to, odd ? (whole + 1) / 2 : whole, nothing);
            if (odd) pad_fill(apart, whole / 2, nothing);
            continue;
        }
        const float *from = in + y * width;
        // Planes lie far apart, so that no processor guesses the next one.
        if (next)
            for (ptrdiff_t x = 0; x < width; x += LINE) __builtin_prefetch(next + y * width + x);
        if (!odd) {
            pad_fill(to, padding, nothing);
            pad_copy(from, to + padding, width);
            pad_fill(to + end, padding, nothing);
            continue;
        }
        pad_fill(to, (padding + 1) / 2, nothing);
        pad_fill(apart, padding / 2, nothing);
        // from[0] is column `padding` of the padded row.
        if (padding % 2 == 0)
            pad_split(from, to + padding / 2, apart + padding / 2, width);
        else
            pad_split(from, apart + padding / 2, to + padding / 2 + 1, width);
        pad_fill(to + (end + 1) / 2, (whole + 1) / 2 - (end + 1) / 2, nothing);
        pad_fill(apart + end / 2, whole / 2 - end / 2, nothing);
    }
}
