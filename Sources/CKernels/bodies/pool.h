// Pooling.

// Stride 2: the largest of each column first, some columns at a time, then across.
INLINE void max_pool_halving(const float *in, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride, ptrdiff_t rows,
                             ptrdiff_t width, ptrdiff_t k) {
    enum { PIECE = 64, REACH = 2 * PIECE + 32 };
    float columns[REACH];
    for (ptrdiff_t y = 0; y < rows; y++)
        for (ptrdiff_t x = 0; x < width; x += PIECE) {
            const ptrdiff_t some = smaller(PIECE, width - x), need = 2 * (some - 1) + k;
            const float *top = in + 2 * y * in_stride + 2 * x;
            float *to = out + y * out_stride + x;
            if (need > REACH) {
                ck_max_pool__scalar(top, in_stride, to, out_stride, 1, some, k, 2);
                continue;
            }
            for (ptrdiff_t i = 0; i < need; i += VL) {
                ptrdiff_t n = smaller(VL, need - i);
                vf best = v_load_n(top + i, n);
                for (ptrdiff_t ky = 1; ky < k; ky++) best = v_max(best, v_load_n(top + ky * in_stride + i, n));
                v_store_n(columns + i, best, n);
            }
            ptrdiff_t i = 0;
            for (; i + VL <= some; i += VL) {
                vf best = v_load_even(columns + 2 * i);
                for (ptrdiff_t kx = 1; kx < k; kx++) best = v_max(best, v_load_even(columns + 2 * i + kx));
                v_store(to + i, best);
            }
            for (; i < some; i++) {
                float best = columns[2 * i];
                for (ptrdiff_t kx = 1; kx < k; kx++) best = columns[2 * i + kx] > best ? columns[2 * i + kx] : best;
                to[i] = best;
            }
        }
}

static void max_pool(const float *in, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride, ptrdiff_t rows,
                     ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride) {
    if (stride != 1 && stride != 2) {
        ck_max_pool__scalar(in, in_stride, out, out_stride, rows, width, k, stride);
        return;
    }
    if (stride == 2) {
        max_pool_halving(in, in_stride, out, out_stride, rows, width, k);
        return;
    }
    for (ptrdiff_t y = 0; y < rows; y++) {
        const float *top = in + y * stride * in_stride;
        ptrdiff_t x = 0;
        for (; x + VL <= width; x += VL) {
            vf best = v_set(-__builtin_inff());
            for (ptrdiff_t ky = 0; ky < k; ky++)
                for (ptrdiff_t kx = 0; kx < k; kx++) best = v_max(best, v_load(top + ky * in_stride + x + kx));
            v_store(out + y * out_stride + x, best);
        }
        if (x < width)
            ck_max_pool__scalar(top + x * stride, in_stride, out + y * out_stride + x, out_stride, 1, width - x, k,
                                stride);
    }
}

// window_sum for powers of three, three sums at a time.
INLINE void window_sum_by_three(const float *in, ptrdiff_t step, ptrdiff_t k, ptrdiff_t count, float *sums, float *out) {
    ptrdiff_t all = count + (k - 1) * step;
    for (ptrdiff_t size = 1; size < k; size *= 3) {
        const ptrdiff_t apart = size * step;
        float *to = 3 * size == k ? out : sums;
        all -= 2 * apart;
        ptrdiff_t i = 0;
        for (; i + VL <= all; i += VL)
            v_store(to + i, v_add(v_add(v_load(in + i), v_load(in + i + apart)), v_load(in + i + 2 * apart)));
        if (i < all) {
            ptrdiff_t n = all - i;
            vf sum = v_add(v_load_n(in + i, n), v_load_n(in + i + apart, n));
            v_store_n(to + i, v_add(sum, v_load_n(in + i + 2 * apart, n)), n);
        }
        in = sums;
    }
}

// Turns the `count` values at x into sums of k neighbours: x[i] = x[i] + ... + x[i + (k-1) * step], by doubling.
// `count` values are wanted; count + (k-1) * step are read.
INLINE void window_sum(const float *in, ptrdiff_t step, ptrdiff_t k, ptrdiff_t count, float *doubled, float *out) {
    ptrdiff_t size = 1, done = 0;
    ptrdiff_t all = count + (k - 1) * step;
    if (k == 3 || k == 9 || k == 27) {
        window_sum_by_three(in, step, k, count, doubled, out);
        return;
    }
    memcpy(doubled, in, (size_t)all * sizeof(float));
    for (;;) {
        if (k & size) {
            const float *part = doubled + done * step;
            ptrdiff_t i = 0;
            for (; i + VL <= count; i += VL)
                v_store(out + i, done ? v_add(v_load(out + i), v_load(part + i)) : v_load(part + i));
            if (i < count) {
                ptrdiff_t n = count - i;
                vf add = v_load_n(part + i, n);
                v_store_n(out + i, done ? v_add(v_load_n(out + i, n), add) : add, n);
            }
            done += size;
        }
        if (done == k) return;
        all -= size * step;
        ptrdiff_t i = 0;
        for (; i + VL <= all; i += VL) v_store(doubled + i, v_add(v_load(doubled + i), v_load(doubled + i + size * step)));
        if (i < all)
            v_store_n(doubled + i,
                      v_add(v_load_n(doubled + i, all - i), v_load_n(doubled + i + size * step, all - i)), all - i);
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
