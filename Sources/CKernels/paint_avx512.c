// Painting with AVX-512: as with AVX2, sixty-four pixels at a time, the last ones under a mask.
#include "include/paint.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

AVX512 static inline __m512i lookup(__m512i ids, const uint8_t *table, uint32_t blocks) {
    __m512i found = _mm512_setzero_si512();
    for (uint32_t block = 0; block < blocks; block++) {
        __m512i entries = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(table + 16 * block)));
        __m512i index = _mm512_adds_epu8(_mm512_sub_epi8(ids, _mm512_set1_epi8((char)(16 * block))),
                                         _mm512_set1_epi8(0x70));
        found = _mm512_or_si512(found, _mm512_shuffle_epi8(entries, index));
    }
    return found;
}

static inline __mmask64 first(size_t n) { return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1; }

AVX512 void ck_paint_lookup__avx512(uint8_t *restrict out, const uint8_t *restrict ids, size_t n,
                                    const uint8_t *restrict table, uint32_t count) {
    const uint32_t blocks = (count + 15) / 16;
    const __m512i limit = _mm512_set1_epi8((char)count), rest = _mm512_set1_epi8((char)table[255]);
    for (size_t i = 0; i < n; i += 64) {
        __mmask64 valid = first(n - i);
        __m512i id = _mm512_maskz_loadu_epi8(valid, ids + i);
        __mmask64 painted = _mm512_cmplt_epu8_mask(id, limit);
        _mm512_mask_storeu_epi8(out + i, valid, _mm512_mask_blend_epi8(painted, rest, lookup(id, table, blocks)));
    }
}

AVX512 void ck_paint_blend__avx512(uint8_t *out, const uint8_t *src, const uint8_t *restrict ids, size_t n,
                                   const uint8_t *restrict table, uint32_t count, uint32_t weight) {
    const uint32_t blocks = (count + 15) / 16;
    const __m512i limit = _mm512_set1_epi8((char)count), zero = _mm512_setzero_si512();
    const __m512i half = _mm512_set1_epi16(128);
    const __m512i over = _mm512_set1_epi16((short)weight), under = _mm512_set1_epi16((short)(256 - weight));
    for (size_t i = 0; i < n; i += 64) {
        __mmask64 valid = first(n - i);
        __m512i id = _mm512_maskz_loadu_epi8(valid, ids + i);
        __m512i pixel = _mm512_maskz_loadu_epi8(valid, src + i);
        __mmask64 painted = _mm512_cmplt_epu8_mask(id, limit);
        __m512i color = lookup(id, table, blocks);
        __m512i low = _mm512_add_epi16(_mm512_mullo_epi16(_mm512_unpacklo_epi8(pixel, zero), under),
                                       _mm512_mullo_epi16(_mm512_unpacklo_epi8(color, zero), over));
        __m512i high = _mm512_add_epi16(_mm512_mullo_epi16(_mm512_unpackhi_epi8(pixel, zero), under),
                                        _mm512_mullo_epi16(_mm512_unpackhi_epi8(color, zero), over));
        __m512i mixed = _mm512_packus_epi16(_mm512_srli_epi16(_mm512_add_epi16(low, half), 8),
                                            _mm512_srli_epi16(_mm512_add_epi16(high, half), 8));
        _mm512_mask_storeu_epi8(out + i, valid, _mm512_mask_blend_epi8(painted, pixel, mixed));
    }
}
#endif
