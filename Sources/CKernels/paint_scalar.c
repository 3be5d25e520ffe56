// The definitions of the painting kernels.
#include "include/paint.h"

void ck_paint_expand__scalar(uint8_t *restrict ids, const uint8_t *restrict row, const uint32_t *restrict columns,
                             size_t n) {
    for (size_t i = 0; i < n; i++) ids[i] = row[columns[i]];
}

void ck_paint_lookup__scalar(uint8_t *restrict out, const uint8_t *restrict ids, size_t n, const uint8_t *restrict table,
                             uint32_t count) {
    (void)count;
    for (size_t i = 0; i < n; i++) out[i] = table[ids[i]];
}

static inline uint8_t blend(uint8_t src, uint8_t color, uint32_t weight) {
    return (uint8_t)((src * (256 - weight) + color * weight + 128) >> 8);
}

void ck_paint_blend__scalar(uint8_t *out, const uint8_t *src, const uint8_t *restrict ids, size_t n,
                            const uint8_t *restrict table, uint32_t count, uint32_t weight) {
    for (size_t i = 0; i < n; i++) out[i] = ids[i] < count ? blend(src[i], table[ids[i]], weight) : src[i];
}

void ck_paint_blend_packed__scalar(uint8_t *out, const uint8_t *src, const uint8_t *restrict ids, size_t n,
                                   const uint8_t *restrict table, uint32_t count, uint32_t weight) {
    for (size_t i = 0; i < n; i++) {
        const uint8_t *color = table + 3 * (size_t)ids[i];
        for (size_t c = 3 * i; c < 3 * i + 3; c++)
            out[c] = ids[i] < count ? blend(src[c], color[c - 3 * i], weight) : src[c];
    }
}
