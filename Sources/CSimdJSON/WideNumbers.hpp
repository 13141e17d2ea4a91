// Numbers read 32 bytes at a time, without a branch that depends on how many digits they have.
#ifndef WIDE_NUMBERS_HPP
#define WIDE_NUMBERS_HPP

#include "Numbers.hpp"

#if defined(__x86_64__) && !defined(CSIMDJSON_NO_WIDE)
#define CSIMDJSON_HAS_WIDE 1
// What the functions here need of the processor.
#define CSIMDJSON_WIDE __attribute__((target("avx2,bmi")))

#include <immintrin.h>

#include "Scaling.hpp"

inline bool hasWideNumbers() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"); }

struct WideNumbers {
  // Where a number of up to 31 bytes begins and ends, by which of the bytes are digits.
  CSIMDJSON_WIDE static inline uint32_t others(const char *at) {
    __m256i values = _mm256_xor_si256(loaded(at), _mm256_set1_epi8('0'));
    __m256i isDigit = _mm256_cmpeq_epi8(_mm256_min_epu8(values, _mm256_set1_epi8(9)), values);
    return ~uint32_t(_mm256_movemask_epi8(isDigit));
  }

  CSIMDJSON_WIDE static inline __m256i loaded(const void *at) {
    return _mm256_loadu_si256(static_cast<const __m256i *>(at));
  }

  // Whether two texts are the same; 32 bytes of each are readable.
  CSIMDJSON_WIDE static inline bool areEqual(const char *at, const char *text, size_t count) {
    if (count > 32) return memcmp(at, text, count) == 0;
    uint64_t differs = uint32_t(~_mm256_movemask_epi8(_mm256_cmpeq_epi8(loaded(at), loaded(text))));
    return (differs & ((uint64_t(1) << count) - 1)) == 0;
  }

  // All ones in the last so many bytes of 32.
  CSIMDJSON_WIDE static inline __m256i lastBytes(int count) {
    alignas(64) static const uint64_t masks[8] = {0, 0, 0, 0, ~0ull, ~0ull, ~0ull, ~0ull};
    return loaded(reinterpret_cast<const char *>(masks) + count);
  }

  // The number that 32 digits make, the values of which stand in the bytes; false where it has more than 64 bits.
  CSIMDJSON_WIDE static inline bool joined(__m256i values, uint64_t &out) {
    __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x010A));
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00010064));
    __m256i eights = _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), _mm256_set1_epi32(0x00012710));
    uint64_t front = uint64_t(_mm_cvtsi128_si64(_mm256_castsi256_si128(eights)));
    uint64_t back = uint64_t(_mm_cvtsi128_si64(_mm256_extracti128_si256(eights, 1)));
    uint64_t highest = front >> 32;
    out = (highest * 100000000 + (back & 0xFFFFFFFF)) * 100000000 + (back >> 32);
    return uint32_t(front) == 0 && highest < 1000;
  }

  // As `readPlainInteger` and `readPlainNumber`.
  CSIMDJSON_WIDE static inline bool integer(const char *&at, int64_t &out) {
    uint32_t others = WideNumbers::others(at);
    int count = __builtin_ctz(others | 1u << 31);
    const char *end = at + count;
    uint64_t number;
    __m256i values = _mm256_and_si256(_mm256_and_si256(loaded(end - 32), _mm256_set1_epi8(0x0F)), lastBytes(count));
    if (!joined(values, number) || count == 0 || count > 18 || (*at == '0' && count > 1)) {
      return readPlainInteger(at, out);
    }
    out = int64_t(number);
    at = end;
    return true;
  }

  CSIMDJSON_WIDE static inline bool number(const char *&at, double &out) {
    bool isNegative = *at == '-';
    const char *start = at + isNegative;
    uint32_t others = WideNumbers::others(start);
    int count = __builtin_ctz(others | 1u << 31);
    // The next that is no digit but the point.
    others &= others - 1;
    int length = __builtin_ctz(others | 1u << 31);
    int decimals = length - count - 1;
    const char *end = start + length;
    // The digits before the point moved up to those behind it.
    __m256i behind = lastBytes(decimals & 31);
    __m256i both = _mm256_blendv_epi8(loaded(end - 33), loaded(end - 32), behind);
    __m256i values = _mm256_and_si256(_mm256_and_si256(both, _mm256_set1_epi8(0x0F)), lastBytes((length - 1) & 31));
    uint64_t digits;
    bool fits = joined(values, digits);
    bool isPlain = fits & (start[count] == '.') & (count > 0) & (decimals > 0) & (decimals <= mostDecimals) &
                   (length < 31) & ((*start != '0') | (count == 1)) & ((*end | 0x20) != 'e');
    if (!isPlain) return readPlainNumber(at, out);
    double number = scaled(digits, decimals);
    out = isNegative ? -number : number;
    at = end;
    return true;
  }
};

#endif
#endif
