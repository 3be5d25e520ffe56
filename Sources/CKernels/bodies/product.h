// The matrix product's tile: PRODUCT_ROWS output channels by PRODUCT_VECTORS vectors stay in registers while the depth
// goes by. A block of CK_BLOCK columns falls into one or more tiles.

#if defined(SIMD_AVX512)
#define PRODUCT_ROWS 14
#define PRODUCT_DEPTH 512
#elif defined(SIMD_AVX2)
#define PRODUCT_ROWS 6
#define PRODUCT_DEPTH 256
#else
#define PRODUCT_ROWS 6
#define PRODUCT_DEPTH 512
#endif
#if PRODUCT_ROWS > 6
#define PRODUCT_MORE_CASES                                                                                        \
    PRODUCT_CASE(7) PRODUCT_CASE(8) PRODUCT_CASE(9) PRODUCT_CASE(10) PRODUCT_CASE(11) PRODUCT_CASE(12)            \
        PRODUCT_CASE(13) PRODUCT_CASE(14)
#else
#define PRODUCT_MORE_CASES
#endif
#define PRODUCT_EACH_CASE                                                                                          \
    PRODUCT_CASE(1) PRODUCT_CASE(2) PRODUCT_CASE(3) PRODUCT_CASE(4) PRODUCT_CASE(5) PRODUCT_CASE(6) PRODUCT_MORE_CASES
#define PRODUCT_VECTORS (VL == 16 ? 2 : VL == 8 ? 2 : 4)

// R is a constant at every call.
INLINE void product_tile(ptrdiff_t R, const float *a, const float *b, ptrdiff_t depth, float *c, ptrdiff_t c_stride,
                         ptrdiff_t columns, const float *bias, int add, int relu) {
    vf acc[PRODUCT_ROWS][PRODUCT_VECTORS];
    if (!add) {
#pragma clang loop unroll(full)
        for (ptrdiff_t r = 0; r < R; r++)
#pragma clang loop unroll(full)
            for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) acc[r][v] = v_set(bias[r]);
    } else if (columns >= PRODUCT_VECTORS * VL) {
#pragma clang loop unroll(full)
        for (ptrdiff_t r = 0; r < R; r++)
#pragma clang loop unroll(full)
            for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) acc[r][v] = v_load(c + r * c_stride + v * VL);
    } else {
#pragma clang loop unroll(full)
        for (ptrdiff_t r = 0; r < R; r++)
#pragma clang loop unroll(full)
            for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) {
                ptrdiff_t left = smaller(VL, columns - v * VL);
                acc[r][v] = left > 0 ? v_load_n(c + r * c_stride + v * VL, left) : v_set(0);
            }
    }
    // What is written is far away in memory: it comes nearer while the depth goes by.
#pragma clang loop unroll(full)
    for (ptrdiff_t r = 0; r < R; r++)
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) __builtin_prefetch(c + r * c_stride + v * VL, 1);
    for (ptrdiff_t k = 0; k < depth; k++) {
        vf data[PRODUCT_VECTORS];
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) data[v] = v_load(b + k * CK_BLOCK + v * VL);
#pragma clang loop unroll(full)
        for (ptrdiff_t r = 0; r < R; r++) {
            vf weight = v_set(a[k * R + r]);
#pragma clang loop unroll(full)
            for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) acc[r][v] = v_fma(weight, data[v], acc[r][v]);
        }
    }
    const vf floor = v_set(relu ? 0 : -__builtin_inff());
#pragma clang loop unroll(full)
    for (ptrdiff_t r = 0; r < R; r++)
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) {
            ptrdiff_t left = columns - v * VL;
            vf value = v_max(floor, acc[r][v]);  // in this order NaN stays NaN
            if (left >= VL)
                v_store(c + r * c_stride + v * VL, value);
            else if (left > 0)
                v_store_n(c + r * c_stride + v * VL, value, left);
        }
}

static void product(const float *a, const float *b, ptrdiff_t depth, ptrdiff_t rows, float *c, ptrdiff_t c_stride,
                    ptrdiff_t columns, const float *bias, int add, int relu) {
    for (ptrdiff_t x = 0; x < columns; x += PRODUCT_VECTORS * VL) {
        const float *from = b + x;
        float *to = c + x;
        ptrdiff_t left = columns - x;
        switch (rows) {
#define PRODUCT_CASE(R)                                                              \
    case R:                                                                          \
        product_tile(R, a, from, depth, to, c_stride, left, bias, add, relu);        \
        break;
            PRODUCT_EACH_CASE
#undef PRODUCT_CASE
            default:
                ck_product__scalar(a, from, depth, rows, to, c_stride, smaller(left, PRODUCT_VECTORS * VL), bias, add,
                                   relu);
        }
    }
}

// The same with rows of b anywhere.
INLINE void product_of_rows_tile(ptrdiff_t R, const float *a, const float *const *b, ptrdiff_t first, ptrdiff_t depth,
                                 float *c, ptrdiff_t c_stride, ptrdiff_t columns, const float *bias, int relu) {
    vf acc[PRODUCT_ROWS][PRODUCT_VECTORS];
#pragma clang loop unroll(full)
    for (ptrdiff_t r = 0; r < R; r++)
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) acc[r][v] = v_set(bias[r]);
    const int whole = columns >= PRODUCT_VECTORS * VL;
    for (ptrdiff_t k = 0; k < depth; k++) {
        const float *from = b[k] + first;
        vf data[PRODUCT_VECTORS];
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) {
            ptrdiff_t left = columns - v * VL;
            data[v] = whole ? v_load(from + v * VL) : left > 0 ? v_load_n(from + v * VL, smaller(VL, left)) : v_set(0);
        }
#pragma clang loop unroll(full)
        for (ptrdiff_t r = 0; r < R; r++) {
            vf weight = v_set(a[k * R + r]);
#pragma clang loop unroll(full)
            for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) acc[r][v] = v_fma(weight, data[v], acc[r][v]);
        }
    }
    const vf floor = v_set(relu ? 0 : -__builtin_inff());
#pragma clang loop unroll(full)
    for (ptrdiff_t r = 0; r < R; r++)
#pragma clang loop unroll(full)
        for (ptrdiff_t v = 0; v < PRODUCT_VECTORS; v++) {
            ptrdiff_t left = columns - v * VL;
            vf value = v_max(floor, acc[r][v]);
            if (left >= VL)
                v_store(c + r * c_stride + v * VL, value);
            else if (left > 0)
                v_store_n(c + r * c_stride + v * VL, value, left);
        }
}

static void product_of_rows(const float *a, const float *const *b, ptrdiff_t first, ptrdiff_t depth, ptrdiff_t rows,
                            float *c, ptrdiff_t c_stride, ptrdiff_t columns, const float *bias, int relu) {
    for (ptrdiff_t x = 0; x < columns; x += PRODUCT_VECTORS * VL) {
        switch (rows) {
#define PRODUCT_CASE(R)                                                                             \
    case R:                                                                                         \
        product_of_rows_tile(R, a, b, first + x, depth, c + x, c_stride, columns - x, bias, relu); \
        break;
            PRODUCT_EACH_CASE
#undef PRODUCT_CASE
            default:
                ck_product_of_rows__scalar(a, b, first + x, depth, rows, c + x, c_stride,
                                           smaller(columns - x, PRODUCT_VECTORS * VL), bias, relu);
        }
    }
}
