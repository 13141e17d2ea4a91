#include "widen.h"

#include <stdint.h>
#include <string.h>

#include "multiversion.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const uint32_t infinity_bits = 0x7f800000u;

static inline uint32_t load_u16(const void *source, size_t index) {
  uint16_t bits;
  memcpy(&bits, (const char *)source + 2 * index, 2);
  return bits;
}

static inline void store_u16(void *destination, size_t index, uint32_t bits) {
  uint16_t low = (uint16_t)bits;
  memcpy((char *)destination + 2 * index, &low, 2);
}

static inline uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

static inline float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// F16 has 5 exponent bits (bias 15) and 10 of mantissa, F32 8 (bias 127) and 23.
static inline float half_to_float(uint32_t half) {
  uint32_t sign = (half & 0x8000u) << 16;
  uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) {  // infinite or not a number; a signalling one is made quiet, as processors do
    uint32_t quiet = magnitude > 0x7c00u ? 0x400000u : 0;
    return float_of(sign | infinity_bits | ((magnitude & 0x3ffu) << 13) | quiet);
  }
  if (magnitude < 0x400u) {  // zero or subnormal: the mantissa counts steps of 2^-24
    return float_of(sign | bits_of((float)magnitude * 0x1p-24f));
  }
  return float_of(sign | ((magnitude << 13) + ((127u - 15u) << 23)));
}

static inline uint32_t float_to_half(float value) {
  uint32_t bits = bits_of(value);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > infinity_bits) return sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  if (magnitude >= bits_of(65520.0f)) return sign | 0x7c00u;  // halfway beyond the largest, 65504
  if (magnitude < bits_of(0x1p-14f)) {  // subnormal: adding 0.5 leaves the rounded steps of 2^-24 in the low bits
    return sign | (bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f));
  }
  uint32_t odd = (magnitude >> 13) & 1;
  return sign | ((magnitude - ((127u - 15u) << 23) + 0xfffu + odd) >> 13);
}

#if defined(__aarch64__)
#define HAS_NATIVE_HALF 1
#else
#define HAS_NATIVE_HALF 0
#endif

static bool widen_f16_portable(const void *source, float *destination, size_t count) {
  uint32_t largest = 0;
  for (size_t index = 0; index < count; index++) {
    uint32_t half = load_u16(source, index);
#if HAS_NATIVE_HALF
    uint16_t low = (uint16_t)half;
    __fp16 value;
    memcpy(&value, &low, 2);
    destination[index] = (float)value;
#else
    destination[index] = half_to_float(half);
#endif
    uint32_t magnitude = half & 0x7fffu;
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest < 0x7c00u;
}

static void narrow_f16_portable(const float *source, void *destination, size_t count) {
  for (size_t index = 0; index < count; index++) {
#if HAS_NATIVE_HALF
    __fp16 value = (__fp16)source[index];
    memcpy((char *)destination + 2 * index, &value, 2);
#else
    store_u16(destination, index, float_to_half(source[index]));
#endif
  }
}

#if defined(__x86_64__)

__attribute__((target("avx2,f16c"))) static bool widen_f16_avx2(
    const void *source, float *destination, size_t count) {
  const __m256i magnitude_mask = _mm256_set1_epi32(0x7fffffff);
  __m256i largest = _mm256_setzero_si256();
  size_t index = 0;
  for (; index + 8 <= count; index += 8) {
    __m128i halves = _mm_loadu_si128((const __m128i *)((const char *)source + 2 * index));
    __m256 values = _mm256_cvtph_ps(halves);
    _mm256_storeu_ps(destination + index, values);
    largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(values), magnitude_mask));
  }
  const __m256i too_large = _mm256_cmpgt_epi32(largest, _mm256_set1_epi32((int)infinity_bits - 1));
  bool rest = widen_f16_portable((const char *)source + 2 * index, destination + index, count - index);
  return rest && _mm256_testz_si256(too_large, too_large);
}

__attribute__((target("avx2,f16c"))) static void narrow_f16_avx2(
    const float *source, void *destination, size_t count) {
  size_t index = 0;
  for (; index + 8 <= count; index += 8) {
    __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(source + index), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128((__m128i *)((char *)destination + 2 * index), halves);
  }
  narrow_f16_portable(source + index, (char *)destination + 2 * index, count - index);
}

static bool has_avx2_f16c(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
}

#endif

bool bags_widen_f16(const void *source, float *destination, size_t count) {
#if defined(__x86_64__)
  if (has_avx2_f16c()) return widen_f16_avx2(source, destination, count);
#endif
  return widen_f16_portable(source, destination, count);
}

void bags_narrow_f16(const float *source, void *destination, size_t count) {
#if defined(__x86_64__)
  if (has_avx2_f16c()) {
    narrow_f16_avx2(source, destination, count);
    return;
  }
#endif
  narrow_f16_portable(source, destination, count);
}

MULTIVERSION bool bags_widen_bf16(const void *source, float *destination, size_t count) {
  uint32_t largest = 0;
  for (size_t index = 0; index < count; index++) {
    uint32_t bits = load_u16(source, index) << 16;
    memcpy(destination + index, &bits, 4);
    uint32_t magnitude = bits & 0x7fffffffu;
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest < infinity_bits;
}

MULTIVERSION void bags_narrow_bf16(const float *source, void *destination, size_t count) {
  for (size_t index = 0; index < count; index++) {
    uint32_t bits = bits_of(source[index]);
    bool is_nan = (bits & 0x7fffffffu) > infinity_bits;
    uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
    store_u16(destination, index, is_nan ? (bits >> 16) | 0x40u : rounded);
  }
}

MULTIVERSION bool bags_copy_f32(const void *source, float *destination, size_t count) {
  uint32_t largest = 0;
  for (size_t index = 0; index < count; index++) {
    uint32_t bits;
    memcpy(&bits, (const char *)source + 4 * index, 4);
    memcpy(destination + index, &bits, 4);
    uint32_t magnitude = bits & 0x7fffffffu;
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest < infinity_bits;
}
