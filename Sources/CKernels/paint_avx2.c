// Painting with AVX2: the table lives in registers, sixteen entries a shuffle.
#include "include/paint.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

// table[ids] for ids below 16 * blocks, 0 for all others.
AVX2 static inline __m256i lookup(__m256i ids, const uint8_t *table, uint32_t blocks) {
    __m256i found = _mm256_setzero_si256();
    for (uint32_t block = 0; block < blocks; block++) {
        __m256i entries = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(table + 16 * block)));
        // Ids of this block become 0x70 ... 0x7f, all others have bit 7 set, for which the shuffle gives 0.
        __m256i index = _mm256_adds_epu8(_mm256_sub_epi8(ids, _mm256_set1_epi8((char)(16 * block))),
                                         _mm256_set1_epi8(0x70));
        found = _mm256_or_si256(found, _mm256_shuffle_epi8(entries, index));
    }
    return found;
}

AVX2 void ck_paint_lookup__avx2(uint8_t *restrict out, const uint8_t *restrict ids, size_t n,
                                const uint8_t *restrict table, uint32_t count) {
    const uint32_t blocks = (count + 15) / 16;
    const __m256i last = _mm256_set1_epi8((char)(count - 1)), rest = _mm256_set1_epi8((char)table[255]);
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i id = _mm256_loadu_si256((const __m256i *)(ids + i));
        __m256i painted = _mm256_cmpeq_epi8(_mm256_min_epu8(id, last), id);
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_blendv_epi8(rest, lookup(id, table, blocks), painted));
    }
    ck_paint_lookup__scalar(out + i, ids + i, n - i, table, count);
}

AVX2 void ck_paint_blend__avx2(uint8_t *out, const uint8_t *src, const uint8_t *restrict ids, size_t n,
                               const uint8_t *restrict table, uint32_t count, uint32_t weight) {
    const uint32_t blocks = (count + 15) / 16;
    const __m256i last = _mm256_set1_epi8((char)(count - 1)), zero = _mm256_setzero_si256();
    const __m256i half = _mm256_set1_epi16(128);
    const __m256i over = _mm256_set1_epi16((short)weight), under = _mm256_set1_epi16((short)(256 - weight));
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i id = _mm256_loadu_si256((const __m256i *)(ids + i));
        __m256i pixel = _mm256_loadu_si256((const __m256i *)(src + i));
        __m256i painted = _mm256_cmpeq_epi8(_mm256_min_epu8(id, last), id);
        __m256i color = lookup(id, table, blocks);
        // At most 255 * 256 + 128: sixteen bits hold it.
        __m256i low = _mm256_add_epi16(_mm256_mullo_epi16(_mm256_unpacklo_epi8(pixel, zero), under),
                                       _mm256_mullo_epi16(_mm256_unpacklo_epi8(color, zero), over));
        __m256i high = _mm256_add_epi16(_mm256_mullo_epi16(_mm256_unpackhi_epi8(pixel, zero), under),
                                        _mm256_mullo_epi16(_mm256_unpackhi_epi8(color, zero), over));
        __m256i mixed = _mm256_packus_epi16(_mm256_srli_epi16(_mm256_add_epi16(low, half), 8),
                                            _mm256_srli_epi16(_mm256_add_epi16(high, half), 8));
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_blendv_epi8(pixel, mixed, painted));
    }
    ck_paint_blend__scalar(out + i, src + i, ids + i, n - i, table, count, weight);
}
#endif
