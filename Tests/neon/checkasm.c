// Every kernel of the highest instruction set here against its scalar definition, as KernelsTests does it in Swift:
// this small one runs where there is no Swift, under qemu.
#include <CKernels.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define MOST (1 << 16)

static struct ck_kernels tested, defined;
static struct memory input, second, weights_memory, output, scratch, bytes_in, bytes_out;
static float a[MOST], b[MOST], c[MOST], taps[MOST], expected[MOST], magnitude[MOST], sizes_a[MOST], sizes_b[MOST], room[MOST];

static int slack(void) { return (int)random_between(-1, 3); }

static void absolute(const float *from, float *to, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] = fabsf(from[i]);
}

// Compares what lies in `output` with `expected` (laid out alike), allowing for the rounding of `terms` terms.
static void compare(struct layout layout, ptrdiff_t terms) {
    const float *found = (const float *)output.bytes + output.start;
    for (ptrdiff_t row = 0; row < layout.rows; row++)
        for (ptrdiff_t x = 0; x < layout.width; x++) {
            size_t at = layout_index(layout, row, x);
            float value = found[at], wanted = expected[at];
            float allowed = (float)(terms + 3) * (magnitude[at] * 0x1p-23f + 0x1p-149f);
            if (value == wanted || (isnan(value) && isnan(wanted)) || fabsf(value - wanted) <= allowed) continue;
            call_fail("row %td column %td is %g, expected %g", row, x, (double)value, (double)wanted);
            return;
        }
    if (memory_intruded(&output, layout)) call_fail("wrote outside its output");
    struct layout nothing = {0, 0, 0, 0};
    if (memory_intruded(&input, nothing) || memory_intruded(&weights_memory, nothing)) call_fail("wrote to its input");
}

static void depthwise(ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride, ptrdiff_t dilation, int split, int apart) {
    ptrdiff_t rows = random_between(1, 6), in_width = (width - 1) * stride + (k - 1) * dilation + 1;
    ptrdiff_t in_rows = (rows - 1) * stride + (k - 1) * dilation + 1, in_row = in_width + random_between(0, 3);
    int relu = !apart && random_between(0, 1), s = slack();
    ptrdiff_t height = apart ? rows + random_between(0, 40) : 0, first = apart ? random_between(0, height - rows) : 0;
    struct layout layout = layout_any(rows, width);
    size_t count = apart ? (size_t)(height * width) : (size_t)((in_rows - 1) * in_row + in_width);
    random_values(a, count);
    random_values(taps, (size_t)(k * k));
    absolute(a, sizes_a, count);
    absolute(taps, sizes_b, (size_t)(k * k));
    float bias = (float)random_between(-2, 2);
    call_begin("depthwise%s rows %td width %td k %td stride %td dilation %td relu %d out row %td block %td slack %d",
               split ? " split" : apart ? " apart" : "", rows, width, k, stride, dilation, relu, layout.row, layout.block, s);
    const float *in = memory_place(&input, a, count, s), *w = memory_place(&weights_memory, taps, (size_t)(k * k), s);
    float *out = memory_place(&output, NULL, layout_count(layout), s);
    if (apart) {
        defined.depthwise_apart(a, height, width, first, rows, dilation, expected, layout.row, layout.block, taps, bias,
                                NULL);
        defined.depthwise_apart(sizes_a, height, width, first, rows, dilation, magnitude, layout.row, layout.block, sizes_b,
                                fabsf(bias), NULL);
        tested.depthwise_apart(in, height, width, first, rows, dilation, out, layout.row, layout.block, w, bias, in);
    } else if (split) {
        ptrdiff_t odd = (in_width + 1) / 2;
        defined.depthwise_split(a, in_row, odd, expected, layout.row, layout.block, rows, width, k, taps, bias, relu);
        defined.depthwise_split(sizes_a, in_row, odd, magnitude, layout.row, layout.block, rows, width, k, sizes_b,
                                fabsf(bias), 0);
        tested.depthwise_split(in, in_row, odd, out, layout.row, layout.block, rows, width, k, w, bias, relu);
    } else {
        ptrdiff_t advance = in_row * stride, tap_row = in_row * dilation;
        defined.depthwise(a, advance, tap_row, expected, layout.row, layout.block, rows, width, k, stride, dilation, taps,
                          bias, relu);
        defined.depthwise(sizes_a, advance, tap_row, magnitude, layout.row, layout.block, rows, width, k, stride, dilation,
                          sizes_b, fabsf(bias), 0);
        tested.depthwise(in, advance, tap_row, out, layout.row, layout.block, rows, width, k, stride, dilation, w, bias,
                         relu);
    }
    compare(layout, k * k);
}

static void pyramid(ptrdiff_t width, ptrdiff_t stride) {
    ptrdiff_t rows = random_between(1, 6), in_width = (width - 1) * stride + 7, in_row = in_width + random_between(0, 3);
    ptrdiff_t odd = stride == 2 ? (in_width + 1) / 2 : 0;
    int s = slack();
    // The three results as one: the rows of each behind those of the one before.
    struct layout layout = layout_plane(3 * rows, width, width + random_between(0, 3));
    ptrdiff_t between = rows * layout.row;
    size_t count = (size_t)(((rows - 1) * stride + 6) * in_row + in_width);
    random_values(a, count);
    random_values(taps, 86);
    absolute(a, sizes_a, count);
    absolute(taps, sizes_b, 86);
    call_begin("depthwise pyramid rows %td width %td stride %td in row %td out row %td slack %d", rows, width, stride, in_row,
               layout.row, s);
    defined.depthwise_pyramid(a, in_row, odd, stride, expected, between, layout.row, CK_BLOCK, rows, width, taps);
    defined.depthwise_pyramid(sizes_a, in_row, odd, stride, magnitude, between, layout.row, CK_BLOCK, rows, width, sizes_b);
    tested.depthwise_pyramid(memory_place(&input, a, count, s), in_row, odd, stride,
                             memory_place(&output, NULL, layout_count(layout), s), between, layout.row, CK_BLOCK, rows, width,
                             memory_place(&weights_memory, taps, 86, s));
    compare(layout, 49);
}

static void pads(ptrdiff_t width, int split) {
    ptrdiff_t height = random_between(1, 9), first = random_between(-9, 9), step = random_between(1, 9);
    ptrdiff_t rows = random_between(1, 7), padding = random_between(0, 4), whole = width + 2 * padding;
    ptrdiff_t odd = split ? (whole + 1) / 2 : 0;
    int s = slack();
    struct layout layout = layout_plane(rows, whole, whole + random_between(0, 3));
    size_t count = (size_t)(height * width);
    random_values(a, count);
    memset(magnitude, 0, sizeof magnitude);
    memory_place(&weights_memory, NULL, 0, 0);
    call_begin("pad rows %td, step %td (%td) of %tdx%td padding %td split %d out row %td slack %d", first, step, rows, height,
               width, padding, split, layout.row, s);
    defined.pad_rows(a, height, width, first, step, rows, padding, 3, expected, layout.row, odd, NULL);
    const float *in = memory_place(&input, a, count, s);
    tested.pad_rows(in, height, width, first, step, rows, padding, 3, memory_place(&output, NULL, layout_count(layout), s),
                    layout.row, odd, in);
    compare(layout, 0);
}

static void product(ptrdiff_t rows, ptrdiff_t columns) {
    ptrdiff_t depth = random_between(1, 200), stride = columns + random_between(0, 40);
    int add = (int)random_between(0, 1), relu = (int)random_between(0, 1), s = slack();
    struct layout layout = layout_plane(rows, columns, stride);
    size_t count = layout_count(layout);
    random_values(taps, (size_t)(depth * rows));
    random_values(a, (size_t)(depth * CK_BLOCK));
    random_values(c, count);
    random_values(b, (size_t)rows);
    memcpy(expected, c, count * sizeof(float));
    absolute(c, magnitude, count);
    absolute(taps, sizes_b, (size_t)(depth * rows));
    absolute(a, sizes_a, (size_t)(depth * CK_BLOCK));
    absolute(b, room, (size_t)rows);
    call_begin("product rows %td columns %td depth %td stride %td add %d relu %d slack %d", rows, columns, depth, stride, add,
               relu, s);
    defined.product(taps, a, depth, rows, expected, stride, columns, b, add, relu);
    defined.product(sizes_b, sizes_a, depth, rows, magnitude, stride, columns, room, add, 0);
    tested.product(memory_place(&weights_memory, taps, (size_t)(depth * rows), s),
                   memory_place(&input, a, (size_t)(depth * CK_BLOCK), s), depth, rows,
                   memory_place(&output, c, count, s), stride, columns, memory_place(&second, b, (size_t)rows, s), add, relu);
    compare(layout, depth);
}

static void pools(ptrdiff_t width) {
    static const ptrdiff_t kernels[][2] = {{3, 2}, {3, 1}, {2, 2}, {5, 3}, {1, 1}};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        ptrdiff_t k = kernels[i][0], stride = kernels[i][1], rows = random_between(1, 4);
        ptrdiff_t in_width = (width - 1) * stride + k, in_row = in_width + random_between(0, 3);
        size_t count = (size_t)(((rows - 1) * stride + k - 1) * in_row + in_width);
        int s = slack();
        struct layout layout = layout_plane(rows, width, width + random_between(0, 3));
        random_values(a, count);
        memset(magnitude, 0, sizeof magnitude);
        call_begin("max pool k %td stride %td rows %td width %td slack %d", k, stride, rows, width, s);
        defined.max_pool(a, in_row, expected, layout.row, rows, width, k, stride);
        tested.max_pool(memory_place(&input, a, count, s), in_row, memory_place(&output, NULL, layout_count(layout), s),
                        layout.row, rows, width, k, stride);
        compare(layout, 0);
    }
    for (ptrdiff_t k = 1; k <= 27; k *= 3) {
        ptrdiff_t height = random_between(1, 9), in_row = width + random_between(0, 3);
        size_t count = (size_t)((height - 1) * in_row + width), needed = (size_t)(3 * (height + k) * (width + k));
        int s = slack();
        struct layout layout = layout_plane(height, width, width + random_between(0, 3));
        random_values(a, count);
        absolute(a, sizes_a, count);
        call_begin("average pool k %td height %td width %td slack %d", k, height, width, s);
        defined.average_pool(a, in_row, height, width, k, expected, layout.row, room);
        defined.average_pool(sizes_a, in_row, height, width, k, magnitude, layout.row, room);
        tested.average_pool(memory_place(&input, a, count, s), in_row, height, width, k,
                            memory_place(&output, NULL, layout_count(layout), s), layout.row,
                            memory_place(&scratch, NULL, needed, s));
        compare(layout, 2 * k);
        if (memory_intruded(&scratch, layout_plane(1, (ptrdiff_t)needed, (ptrdiff_t)needed)))
            call_fail("wrote outside its scratch");
    }
}

static void rows_of_values(ptrdiff_t count) {
    size_t n = (size_t)count;
    struct layout layout = layout_plane(count ? 1 : 0, count, count);
    int relu = (int)random_between(0, 1), s = slack();
    float scale = (float)random_between(-3, 3) * 0.7f, shift = (float)random_between(-3, 3);
    random_values(a, n);
    random_values(b, n);
    memory_place(&weights_memory, NULL, 0, 0);

    call_begin("sum count %td slack %d", count, s);
    absolute(a, sizes_a, n);
    double sum = tested.sum(memory_place(&input, a, n, s), count), exact = defined.sum(a, count);
    if (fabs(sum - exact) > (double)(count + 1) * 0x1p-52 * defined.sum(sizes_a, count)) call_fail("%g, expected %g", sum, exact);

    call_begin("scale and shift count %td scale %g shift %g relu %d slack %d", count, (double)scale, (double)shift, relu, s);
    memcpy(expected, a, n * sizeof(float));
    defined.scale_shift(expected, count, scale, shift, relu);
    for (size_t i = 0; i < n; i++) magnitude[i] = fabsf(a[i] * scale) + fabsf(shift);
    tested.scale_shift(memory_place(&output, a, n, s), count, scale, shift, relu);
    compare(layout, 1);

    call_begin("add count %td relu %d slack %d", count, relu, s);
    memset(magnitude, 0, sizeof magnitude);
    defined.add(a, b, expected, count, relu);
    tested.add(memory_place(&input, a, n, s), memory_place(&second, b, n, 3 - s), memory_place(&output, NULL, n, s), count,
               relu);
    compare(layout, 0);

    uint8_t samples[8192], ids[8192], expected_ids[8192];
    for (size_t i = 0; i < n; i++) samples[i] = (uint8_t)random_next();
    call_begin("normalize count %td slack %d", count, s);
    defined.normalize(samples, expected, count, scale, shift);
    for (size_t i = 0; i < n; i++) magnitude[i] = fabsf((float)samples[i] * scale) + fabsf(shift);
    tested.normalize(memory_place(&bytes_in, samples, n, s), memory_place(&output, NULL, n, s), count, scale, shift);
    compare(layout, 1);

    call_begin("argmax count %td slack %d", count, s);
    for (size_t i = 0; i < n; i += 3) b[i] = i % 2 ? a[i] : i % 4 ? NAN : -INFINITY;
    memcpy(expected, b, n * sizeof(float));
    memcpy(expected_ids, samples, n);
    memset(magnitude, 0, sizeof magnitude);
    defined.argmax_update(a, count, 7, expected, expected_ids);
    uint8_t *kept = memory_place(&bytes_out, samples, n, s);
    tested.argmax_update(memory_place(&input, a, n, s), count, 7, memory_place(&output, b, n, s), kept);
    memcpy(ids, kept, n);
    compare(layout, 0);
    if (memcmp(ids, expected_ids, n) || memory_intruded(&bytes_out, layout)) call_fail("the ids differ");
}

static void resizes(ptrdiff_t width) {
    ptrdiff_t in_width = random_between(1, 70);
    int32_t left[512], right[512];
    int s = slack();
    for (ptrdiff_t x = 0; x < width; x++) {
        left[x] = (int32_t)random_between(0, in_width - 1);
        right[x] = left[x] + 1 < in_width ? left[x] + 1 : left[x];
        c[x] = (float)random_between(0, 7) / 8;
    }
    random_values(a, (size_t)in_width);
    random_values(b, (size_t)in_width);
    float largest = 0, y_weight = (float)random_between(0, 7) / 8;
    for (ptrdiff_t x = 0; x < in_width; x++) largest = fmaxf(largest, fmaxf(fabsf(a[x]), fabsf(b[x])));
    for (ptrdiff_t x = 0; x < 4 * MOST / 8; x++) magnitude[x] = 2 * largest;
    struct layout layout = layout_plane(1, width, width);
    call_begin("resize row from %td to %td weight %g slack %d", in_width, width, (double)y_weight, s);
    defined.resize_row(a, b, y_weight, in_width, expected, width, left, right, c, room);
    tested.resize_row(memory_place(&input, a, (size_t)in_width, s), memory_place(&second, b, (size_t)in_width, s), y_weight,
                      in_width, memory_place(&output, NULL, (size_t)width, s), width, left, right,
                      memory_place(&weights_memory, c, (size_t)width, s), memory_place(&scratch, NULL, (size_t)in_width, s));
    compare(layout, 4);

    // Taps: nine planes.
    ptrdiff_t height = random_between(1, 4), tap_stride = height * width + random_between(0, 3);
    size_t count = (size_t)(8 * tap_stride + height * width);
    random_values(a, count);
    largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmaxf(largest, fabsf(a[i]));
    for (size_t i = 0; i < MOST; i++) magnitude[i] = 9 * largest + 1;
    layout = layout_any(16, width);
    int relu = (int)random_between(0, 1);
    ptrdiff_t row = random_between(0, (int)height - 1), blended = 12 * (width + 2);
    call_begin("resized taps %tdx%td row %td relu %d out phase %td block %td slack %d", height, width, row, relu, layout.row,
               layout.block, s);
    defined.resized_taps(a, tap_stride, height, width, row, 0.5f, relu, expected, layout.row, layout.block, room);
    tested.resized_taps(memory_place(&input, a, count, s), tap_stride, height, width, row, 0.5f, relu,
                        memory_place(&output, NULL, layout_count(layout), s), layout.row, layout.block,
                        memory_place(&scratch, NULL, (size_t)blended, s));
    compare(layout, 12);
    if (memory_intruded(&scratch, layout_plane(1, blended, blended))) call_fail("wrote outside its scratch");

    ptrdiff_t phase = width + random_between(0, 3);
    call_begin("interleave width %td phase %td slack %d", width, phase, s);
    memset(magnitude, 0, sizeof magnitude);
    defined.interleave(a, phase, width, expected);
    tested.interleave(memory_place(&input, a, (size_t)(3 * phase + width), s), phase, width,
                      memory_place(&output, NULL, (size_t)(4 * width), s));
    compare(layout_plane(1, 4 * width, 4 * width), 0);

    // Integers, so that no rounding decides between classes.
    static uint8_t expected_ids[4096];
    ptrdiff_t classes = random_between(1, 19), plane = 2 * width + random_between(0, 3);
    count = (size_t)((classes - 1) * plane + 2 * width);
    for (size_t i = 0; i < count; i++) a[i] = (float)random_between(-9, 9);
    call_begin("resized argmax classes %td width %td slack %d", classes, width, s);
    defined.resized_argmax(a, plane, classes, 0, width, 0.375f, width, expected_ids, room);
    uint8_t *ids = memory_place(&bytes_out, NULL, (size_t)(4 * width), s);
    tested.resized_argmax(memory_place(&input, a, count, s), plane, classes, 0, width, 0.375f, width, ids,
                          memory_place(&scratch, NULL, (size_t)(classes * (width + 2)), s));
    if (memcmp(ids, expected_ids, (size_t)(4 * width))) call_fail("the ids differ");
    if (memory_intruded(&bytes_out, layout_plane(1, 4 * width, 4 * width))) call_fail("wrote outside its output");
}

int main(void) {
    int set = ck_detect_instruction_set();
    static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
    tested = ck_kernels_for(set);
    defined = ck_kernels_for(CK_SCALAR);
    input = memory_new(MOST, sizeof(float));
    second = memory_new(MOST, sizeof(float));
    weights_memory = memory_new(MOST, sizeof(float));
    output = memory_new(MOST, sizeof(float));
    scratch = memory_new(MOST, sizeof(float));
    bytes_in = memory_new(8192, 1);
    bytes_out = memory_new(8192, 1);
    random_seed(1);
    for (ptrdiff_t width = 1; width <= 70; width++) {
        static const ptrdiff_t shapes[][3] = {{3, 1, 1}, {5, 1, 1}, {7, 1, 1}, {3, 2, 1}, {5, 2, 1}, {7, 2, 1},
                                              {3, 1, 2}, {3, 1, 9}, {4, 3, 2}, {1, 1, 1}};
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) depthwise(width, shapes[i][0], shapes[i][1], shapes[i][2], 0, 0);
        for (ptrdiff_t k = 1; k <= 7; k++) depthwise(width, k, 2, 1, 1, 0);
        for (ptrdiff_t dilation = 1; dilation <= 27; dilation *= 3) depthwise(width, 3, 1, dilation, 0, 1);
        for (ptrdiff_t stride = 1; stride <= 2; stride++) pyramid(width, stride);
        for (int split = 0; split <= 1; split++) pads(width, split);
        pools(width);
        rows_of_values(width - 1);
        resizes(width);
    }
    for (ptrdiff_t rows = 1; rows <= tested.product_rows; rows++)
        for (ptrdiff_t columns = 1; columns <= CK_BLOCK; columns++) product(rows, columns);
    if (call_failures()) {
        fprintf(stderr, "checkasm: %s: %d failures\n", names[set], call_failures());
        return 1;
    }
    printf("checkasm: %s: all kernels compute their definitions\n", names[set]);
    return 0;
}
