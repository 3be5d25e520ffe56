// Pooling.

static void max_pool(const float *in, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride, ptrdiff_t rows,
                     ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride) {
    if (stride != 1 && stride != 2) {
        ck_max_pool__scalar(in, in_stride, out, out_stride, rows, width, k, stride);
        return;
    }
    for (ptrdiff_t y = 0; y < rows; y++) {
        const float *top = in + y * stride * in_stride;
        ptrdiff_t x = 0;
        for (; x + VL <= width; x += VL) {
            vf best = v_set(-__builtin_inff());
            for (ptrdiff_t ky = 0; ky < k; ky++)
                for (ptrdiff_t kx = 0; kx < k; kx++) {
                    const float *p = top + ky * in_stride + x * stride + kx;
                    best = v_max(best, stride == 1 ? v_load(p) : v_load_even(p));
                }
            v_store(out + y * out_stride + x, best);
        }
        if (x < width)
            ck_max_pool__scalar(top + x * stride, in_stride, out + y * out_stride + x, out_stride, 1, width - x, k,
                                stride);
    }
}

// Turns the `count` values at x into sums of k neighbours: x[i] = x[i] + ... + x[i + (k-1) * step], by doubling.
// `count` values are wanted; count + (k-1) * step are read.
INLINE void window_sum(const float *in, ptrdiff_t step, ptrdiff_t k, ptrdiff_t count, float *doubled, float *out) {
    ptrdiff_t size = 1, done = 0;
    ptrdiff_t all = count + (k - 1) * step;
    memcpy(doubled, in, (size_t)all * sizeof(float));
    for (;;) {
        if (k & size) {
            const float *part = doubled + done * step;
            for (ptrdiff_t i = 0; i < count; i += VL) {
                ptrdiff_t n = smaller(VL, count - i);
                vf add = v_load_n(part + i, n);
                v_store_n(out + i, done ? v_add(v_load_n(out + i, n), add) : add, n);
            }
            done += size;
        }
        if (done == k) return;
        all -= size * step;
        for (ptrdiff_t i = 0; i < all; i += VL) {
            ptrdiff_t n = smaller(VL, all - i);
            v_store_n(doubled + i, v_add(v_load_n(doubled + i, n), v_load_n(doubled + i + size * step, n)), n);
        }
        size *= 2;
    }
}

static void average_pool(const float *in, ptrdiff_t in_stride, ptrdiff_t height, ptrdiff_t width, ptrdiff_t k,
                         float *out, ptrdiff_t out_stride, float *scratch) {
    const ptrdiff_t radius = k / 2, area = (height + k) * (width + k);
    float *sums = scratch, *doubled = scratch + area, *window = scratch + 2 * area;
    memset(sums, 0, (size_t)((height + k - 1) * width) * sizeof(float));
    memset(window, 0, (size_t)(width + k - 1) * sizeof(float));
    for (ptrdiff_t y = 0; y < height; y++) {
        memcpy(window + radius, in + y * in_stride, (size_t)width * sizeof(float));
        window_sum(window, 1, k, width, doubled, sums + (y + radius) * width);
    }
    window_sum(sums, width, k, height * width, doubled, window);
    for (ptrdiff_t x = 0; x < width; x++)
        sums[x] = 1.0f / (float)(smaller(width - 1, x + radius) - (x > radius ? x - radius : 0) + 1);
    for (ptrdiff_t y = 0; y < height; y++) {
        float rows = 1.0f / (float)(smaller(height - 1, y + radius) - (y > radius ? y - radius : 0) + 1);
        for (ptrdiff_t x = 0; x < width; x += VL) {
            ptrdiff_t n = smaller(VL, width - x);
            vf mean = v_mul(v_mul(v_load_n(window + y * width + x, n), v_load_n(sums + x, n)), v_set(rows));
            v_store_n(out + y * out_stride + x, mean, n);
        }
    }
}
