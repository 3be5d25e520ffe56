// One vocabulary for the vectors of each instruction set. A file of a set (avx2.c, avx512.c, neon.c) names the set,
// includes this and then the kernel bodies, which are written once in these words.
#ifndef CKERNELS_SIMD_H
#define CKERNELS_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline, unused))

#if defined(SIMD_AVX512)
#include <immintrin.h>
typedef __m512 vf;
typedef __m512i vi;
#define VL 16
INLINE vf v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
INLINE vf v_load_n(const float *p, ptrdiff_t n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
INLINE void v_store_n(float *p, vf a, ptrdiff_t n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), a); }
// Lanes first ... last - 1 of the vector at p, the others zero and not touched.
INLINE vf v_load_between(const float *p, ptrdiff_t first, ptrdiff_t last) {
    return _mm512_maskz_loadu_ps((__mmask16)(((1u << last) - 1) & ~((1u << first) - 1)), p);
}
INLINE vf v_set(float x) { return _mm512_set1_ps(x); }
INLINE vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf v_from_u8(const uint8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
// Even and odd ones of 2 * VL samples.
INLINE void v_from_u8_pairs(const uint8_t *p, vf *even, vf *odd) {
    __m256i both = _mm256_loadu_si256((const __m256i *)p);
    *even = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_and_si256(both, _mm256_set1_epi16(0xff))));
    *odd = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_srli_epi16(both, 8)));
}
INLINE vf v_gather(const float *base, const int32_t *index) {
    return _mm512_i32gather_ps(_mm512_loadu_si512(index), base, 4);
}
// Elements 0, 2, 4 ... of the 2 * VL - 1 at p: nothing behind the last one is touched.
INLINE vf v_load_even(const float *p) {
    const vi even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(_mm512_loadu_ps(p), even, _mm512_maskz_loadu_ps(0x7fff, p + 16));
}
// Elements 0, 2, 4 ... and 1, 3, 5 ... of a and b, one after the other.
INLINE void v_unzip(vf a, vf b, vf *even, vf *odd) {
    const vi first = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    *even = _mm512_permutex2var_ps(a, first, b);
    *odd = _mm512_permutex2var_ps(a, _mm512_add_epi32(first, _mm512_set1_epi32(1)), b);
}
INLINE void v_raise(vf value, uint8_t id, float *best, uint8_t *ids) {
    vf old = v_load(best);
    __mmask16 more = _mm512_cmp_ps_mask(value, old, _CMP_GT_OQ);
    v_store(best, _mm512_mask_mov_ps(old, more, value));
    _mm_mask_storeu_epi8(ids, more, _mm_set1_epi8((char)id));
}
// a0 b0 c0 d0 a1 b1 ...
INLINE void v_store_interleaved(float *p, vf a, vf b, vf c, vf d) {
    vf ab0 = _mm512_unpacklo_ps(a, b), ab1 = _mm512_unpackhi_ps(a, b);
    vf cd0 = _mm512_unpacklo_ps(c, d), cd1 = _mm512_unpackhi_ps(c, d);
    // 128-bit lane l of these holds columns 4l, 4l + 1, 4l + 2, 4l + 3.
    vf q0 = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab0), _mm512_castps_pd(cd0)));
    vf q1 = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab0), _mm512_castps_pd(cd0)));
    vf q2 = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab1), _mm512_castps_pd(cd1)));
    vf q3 = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab1), _mm512_castps_pd(cd1)));
    // Transpose the 4 x 4 lanes.
    vf s0 = _mm512_shuffle_f32x4(q0, q1, 0x44), s1 = _mm512_shuffle_f32x4(q2, q3, 0x44);
    vf s2 = _mm512_shuffle_f32x4(q0, q1, 0xee), s3 = _mm512_shuffle_f32x4(q2, q3, 0xee);
    v_store(p, _mm512_shuffle_f32x4(s0, s1, 0x88));
    v_store(p + 16, _mm512_shuffle_f32x4(s0, s1, 0xdd));
    v_store(p + 32, _mm512_shuffle_f32x4(s2, s3, 0x88));
    v_store(p + 48, _mm512_shuffle_f32x4(s2, s3, 0xdd));
}
INLINE vf v_bits(int32_t x) { return _mm512_castsi512_ps(_mm512_set1_epi32(x)); }
INLINE vf v_where_greater(vf a, vf b, vf yes, vf no) {
    return _mm512_mask_mov_ps(no, _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), yes);
}
// The ids of four phases as bytes, n columns: a0 b0 c0 d0 a1 ...
INLINE void v_store_ids(uint8_t *p, vf a, vf b, vf c, vf d, ptrdiff_t n) {
    vi ab = _mm512_or_si512(_mm512_castps_si512(a), _mm512_slli_epi32(_mm512_castps_si512(b), 8));
    vi cd = _mm512_or_si512(_mm512_castps_si512(c), _mm512_slli_epi32(_mm512_castps_si512(d), 8));
    _mm512_mask_storeu_epi32(p, (__mmask16)((1u << n) - 1), _mm512_or_si512(ab, _mm512_slli_epi32(cd, 16)));
}
INLINE double v_sum_double(vf a) {
    return _mm512_reduce_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(a))) +
           _mm512_reduce_add_pd(_mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1))));
}

#elif defined(SIMD_AVX2)
#include <immintrin.h>
typedef __m256 vf;
typedef __m256i vi;
#define VL 8
INLINE vi v_mask(ptrdiff_t n) {
    static const int32_t ramp[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    return _mm256_loadu_si256((const __m256i *)(ramp + 8 - n));
}
INLINE vf v_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
INLINE vf v_load_n(const float *p, ptrdiff_t n) { return _mm256_maskload_ps(p, v_mask(n)); }
// A masked store is many times as slow as a whole one on some processors (AMD's before Zen 4).
INLINE void v_store_n(float *p, vf a, ptrdiff_t n) {
    if (n >= VL)
        _mm256_storeu_ps(p, a);
    else
        _mm256_maskstore_ps(p, v_mask(n), a);
}
INLINE vf v_load_between(const float *p, ptrdiff_t first, ptrdiff_t last) {
    return _mm256_maskload_ps(p, _mm256_andnot_si256(v_mask(first), v_mask(last)));
}
INLINE vf v_set(float x) { return _mm256_set1_ps(x); }
INLINE vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf v_from_u8(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
INLINE void v_from_u8_pairs(const uint8_t *p, vf *even, vf *odd) {
    __m128i both = _mm_loadu_si128((const __m128i *)p);
    *even = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_and_si128(both, _mm_set1_epi16(0xff))));
    *odd = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_srli_epi16(both, 8)));
}
INLINE vf v_gather(const float *base, const int32_t *index) {
    return _mm256_i32gather_ps(base, _mm256_loadu_si256((const __m256i *)index), 4);
}
INLINE vf v_load_even(const float *p) {
    vf low = _mm256_loadu_ps(p), high = _mm256_maskload_ps(p + 8, v_mask(7));
    vf mixed = _mm256_shuffle_ps(low, high, 0x88);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(mixed), 0xd8));
}
INLINE void v_unzip(vf a, vf b, vf *even, vf *odd) {
    vf mixed_even = _mm256_shuffle_ps(a, b, 0x88), mixed_odd = _mm256_shuffle_ps(a, b, 0xdd);
    *even = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(mixed_even), 0xd8));
    *odd = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(mixed_odd), 0xd8));
}
INLINE void v_raise(vf value, uint8_t id, float *best, uint8_t *ids) {
    vf old = v_load(best), more = _mm256_cmp_ps(value, old, _CMP_GT_OQ);
    v_store(best, _mm256_blendv_ps(old, value, more));
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(_mm256_castps_si256(more)),
                                    _mm256_extracti128_si256(_mm256_castps_si256(more), 1));
    __m128i bytes = _mm_packs_epi16(words, words);
    __m128i kept = _mm_loadl_epi64((const __m128i *)ids);
    _mm_storel_epi64((__m128i *)ids, _mm_blendv_epi8(kept, _mm_set1_epi8((char)id), bytes));
}
// a0 b0 c0 d0 a1 b1 ...
INLINE void v_store_interleaved(float *p, vf a, vf b, vf c, vf d) {
    vf ab0 = _mm256_unpacklo_ps(a, b), ab1 = _mm256_unpackhi_ps(a, b);
    vf cd0 = _mm256_unpacklo_ps(c, d), cd1 = _mm256_unpackhi_ps(c, d);
    vf q0 = _mm256_shuffle_ps(ab0, cd0, 0x44), q1 = _mm256_shuffle_ps(ab0, cd0, 0xee);
    vf q2 = _mm256_shuffle_ps(ab1, cd1, 0x44), q3 = _mm256_shuffle_ps(ab1, cd1, 0xee);
    v_store(p, _mm256_permute2f128_ps(q0, q1, 0x20));
    v_store(p + 8, _mm256_permute2f128_ps(q2, q3, 0x20));
    v_store(p + 16, _mm256_permute2f128_ps(q0, q1, 0x31));
    v_store(p + 24, _mm256_permute2f128_ps(q2, q3, 0x31));
}
INLINE vf v_bits(int32_t x) { return _mm256_castsi256_ps(_mm256_set1_epi32(x)); }
INLINE vf v_where_greater(vf a, vf b, vf yes, vf no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
INLINE void v_store_ids(uint8_t *p, vf a, vf b, vf c, vf d, ptrdiff_t n) {
    vi ab = _mm256_or_si256(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_castps_si256(b), 8));
    vi cd = _mm256_or_si256(_mm256_castps_si256(c), _mm256_slli_epi32(_mm256_castps_si256(d), 8));
    uint32_t all[8];
    _mm256_storeu_si256((__m256i *)all, _mm256_or_si256(ab, _mm256_slli_epi32(cd, 16)));
    memcpy(p, all, (size_t)n * 4);
}
INLINE double v_sum_double(vf a) {
    __m256d sum = _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(a)), _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)));
    double lane[4];
    _mm256_storeu_pd(lane, sum);
    return lane[0] + lane[1] + lane[2] + lane[3];
}

#elif defined(SIMD_NEON)
#include <arm_neon.h>
typedef float32x4_t vf;
#define VL 4
INLINE vf v_load(const float *p) { return vld1q_f32(p); }
INLINE void v_store(float *p, vf a) { vst1q_f32(p, a); }
INLINE vf v_load_n(const float *p, ptrdiff_t n) {
    float lane[4] = {0, 0, 0, 0};
    memcpy(lane, p, (size_t)n * sizeof(float));
    return vld1q_f32(lane);
}
INLINE void v_store_n(float *p, vf a, ptrdiff_t n) {
    float lane[4];
    vst1q_f32(lane, a);
    memcpy(p, lane, (size_t)n * sizeof(float));
}
INLINE vf v_load_between(const float *p, ptrdiff_t first, ptrdiff_t last) {
    float lane[4] = {0, 0, 0, 0};
    for (ptrdiff_t i = first; i < last; i++) lane[i] = p[i];
    return vld1q_f32(lane);
}
INLINE vf v_set(float x) { return vdupq_n_f32(x); }
INLINE vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
INLINE vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
INLINE vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
INLINE vf v_max(vf a, vf b) { return vmaxq_f32(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
INLINE vf v_from_u8(const uint8_t *p) {
    float lane[4] = {p[0], p[1], p[2], p[3]};
    return vld1q_f32(lane);
}
INLINE void v_from_u8_pairs(const uint8_t *p, vf *even, vf *odd) {
    uint16x4_t both = vreinterpret_u16_u8(vld1_u8(p));
    *even = vcvtq_f32_u32(vmovl_u16(vand_u16(both, vdup_n_u16(0xff))));
    *odd = vcvtq_f32_u32(vmovl_u16(vshr_n_u16(both, 8)));
}
INLINE vf v_gather(const float *base, const int32_t *index) {
    float lane[4] = {base[index[0]], base[index[1]], base[index[2]], base[index[3]]};
    return vld1q_f32(lane);
}
INLINE vf v_load_even(const float *p) {
    float lane[4] = {p[0], p[2], p[4], p[6]};
    return vld1q_f32(lane);
}
INLINE void v_unzip(vf a, vf b, vf *even, vf *odd) {
    *even = vuzp1q_f32(a, b);
    *odd = vuzp2q_f32(a, b);
}
INLINE void v_raise(vf value, uint8_t id, float *best, uint8_t *ids) {
    vf old = v_load(best);
    uint32x4_t more = vcgtq_f32(value, old);
    v_store(best, vbslq_f32(more, value, old));
    uint32_t lane[4];
    vst1q_u32(lane, more);
    for (int i = 0; i < 4; i++)
        if (lane[i]) ids[i] = id;
}
INLINE vf v_bits(int32_t x) { return vreinterpretq_f32_s32(vdupq_n_s32(x)); }
INLINE vf v_where_greater(vf a, vf b, vf yes, vf no) { return vbslq_f32(vcgtq_f32(a, b), yes, no); }
INLINE void v_store_ids(uint8_t *p, vf a, vf b, vf c, vf d, ptrdiff_t n) {
    uint32x4_t ab = vorrq_u32(vreinterpretq_u32_f32(a), vshlq_n_u32(vreinterpretq_u32_f32(b), 8));
    uint32x4_t cd = vorrq_u32(vreinterpretq_u32_f32(c), vshlq_n_u32(vreinterpretq_u32_f32(d), 8));
    uint32_t all[4];
    vst1q_u32(all, vorrq_u32(ab, vshlq_n_u32(cd, 16)));
    memcpy(p, all, (size_t)n * 4);
}
INLINE void v_store_interleaved(float *p, vf a, vf b, vf c, vf d) {
    float32x4x4_t all = {{a, b, c, d}};
    vst4q_f32(p, all);
}
INLINE double v_sum_double(vf a) {
    float64x2_t sum = vaddq_f64(vcvt_f64_f32(vget_low_f32(a)), vcvt_f64_f32(vget_high_f32(a)));
    return vgetq_lane_f64(sum, 0) + vgetq_lane_f64(sum, 1);
}
#endif

// The larger of the two; what is no number stays so (where x86 finds one, it takes its second operand).
INLINE vf v_at_least(vf value, vf floor) { return v_max(floor, value); }

// Has `sum` worked out here, and what comes behind read from memory behind: without it, long unrolled tiles are put in
// another order, and more values wait for their turn than there are registers.
#if defined(SIMD_AVX512)
#define IN_ORDER(sum) __asm__ volatile("" : "+v"(sum) : : "memory")
#elif defined(SIMD_AVX2)
#define IN_ORDER(sum) __asm__ volatile("" : "+x"(sum) : : "memory")
#elif defined(SIMD_NEON)
#define IN_ORDER(sum) __asm__ volatile("" : "+w"(sum) : : "memory")
#endif

INLINE ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

#endif
