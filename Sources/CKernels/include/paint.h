// Painting class ids over pictures: one row, one plane at a time.
#ifndef CKERNELS_PAINT_H
#define CKERNELS_PAINT_H

#include <stddef.h>
#include <stdint.h>

// ids[i] = row[columns[i]] for i in 0 ..< n.
void ck_paint_expand__scalar(uint8_t *restrict ids, const uint8_t *restrict row, const uint32_t *restrict columns,
                             size_t n);

// out[i] = table[ids[i]]. Entries of `table` from `count` (1 ... 255) up must all equal table[255].
void ck_paint_lookup__scalar(uint8_t *restrict out, const uint8_t *restrict ids, size_t n, const uint8_t *restrict table,
                             uint32_t count);

// Where ids[i] < count: out[i] = (src[i] * (256 - weight) + table[ids[i]] * weight + 128) >> 8; else out[i] = src[i].
// weight is 0 ... 256, count 1 ... 255. `out` may be `src`.
void ck_paint_blend__scalar(uint8_t *out, const uint8_t *src, const uint8_t *restrict ids, size_t n,
                            const uint8_t *restrict table, uint32_t count, uint32_t weight);

// The same on `n` pixels of three bytes each; `table` holds three bytes an id.
void ck_paint_blend_packed__scalar(uint8_t *out, const uint8_t *src, const uint8_t *restrict ids, size_t n,
                                   const uint8_t *restrict table, uint32_t count, uint32_t weight);

#if defined(__x86_64__)
void ck_paint_lookup__avx2(uint8_t *restrict out, const uint8_t *restrict ids, size_t n, const uint8_t *restrict table,
                           uint32_t count);
void ck_paint_blend__avx2(uint8_t *out, const uint8_t *src, const uint8_t *restrict ids, size_t n,
                          const uint8_t *restrict table, uint32_t count, uint32_t weight);
void ck_paint_lookup__avx512(uint8_t *restrict out, const uint8_t *restrict ids, size_t n,
                             const uint8_t *restrict table, uint32_t count);
void ck_paint_blend__avx512(uint8_t *out, const uint8_t *src, const uint8_t *restrict ids, size_t n,
                            const uint8_t *restrict table, uint32_t count, uint32_t weight);
#endif

#endif
