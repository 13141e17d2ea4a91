#include "CSimdJSON.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// COCO's compressed run lengths: each number, less the last but one from the fourth on, is a signed integer in groups of
// five bits, lowest first, each a byte from "0" on whose sixth bit says that more follow (cocoapi, `rleFrString`).

namespace {

// The numbers that were read last.
struct Last {
  int64_t previous = 0, beforePrevious = 0;

  void take(int64_t value) {
    beforePrevious = previous;
    previous = value;
  }

#if defined(__SSE2__)
  void takeEight(__m128i sums) {
    beforePrevious += int16_t(_mm_extract_epi16(sums, 6));
    previous += int16_t(_mm_extract_epi16(sums, 7));
  }
#endif
};

// Reads what stands at `at`: a number, less the last but one from the fourth on. False where none is there.
bool readDifference(const uint8_t *bytes, size_t count, size_t &at, int64_t &value) {
  uint8_t group = uint8_t(bytes[at++] - '0');
  if (group > 63) return false;
  // Most numbers have one group.
  value = int8_t(uint8_t(group << 3)) >> 3;
  if (group & 0x20) {
    uint64_t bits = group & 0x1F;
    unsigned shift = 5;
    do {
      if (at >= count || shift > 35) return false;
      group = uint8_t(bytes[at++] - '0');
      if (group > 63) return false;
      bits |= uint64_t(group & 0x1F) << shift;
      shift += 5;
    } while (group & 0x20);
    if (group & 0x10) bits |= ~uint64_t(0) << shift;
    value = int64_t(bits);
  }
  return true;
}

// Reads the number at `at`, the `index`-th. False where none is there.
bool readOne(const uint8_t *bytes, size_t count, size_t &at, size_t index, Last &last, int64_t &value) {
  if (!readDifference(bytes, count, at, value)) return false;
  if (index > 2) value += last.beforePrevious;
  last.take(value);
  return true;
}

#if defined(__SSE2__)
// Eight numbers of one group each, behind the third: in 16 bits, how much each is more than the number of its side before
// the eight. False where a byte is another, or a number below 0 or perhaps beyond 32 bits.
bool readEight(const uint8_t *bytes, const Last &last, __m128i &sums) {
  __m128i groups = _mm_sub_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(bytes)), _mm_set1_epi8('0'));
  __m128i isShort = _mm_cmpeq_epi8(_mm_min_epu8(groups, _mm_set1_epi8(31)), groups);
  __m128i differences = _mm_srai_epi16(_mm_slli_epi16(_mm_unpacklo_epi8(_mm_setzero_si128(), groups), 3), 11);
  // Every other number is of the same side.
  sums = _mm_add_epi16(differences, _mm_slli_si128(differences, 4));
  sums = _mm_add_epi16(sums, _mm_slli_si128(sums, 8));
  auto bounded = [](int64_t value) { return uint32_t(value > 30000 ? 30000 : value < -1000 ? -1000 : value) & 0xFFFF; };
  __m128i before = _mm_set1_epi32(int(bounded(last.beforePrevious) | bounded(last.previous) << 16));
  unsigned negative = unsigned(_mm_movemask_epi8(_mm_add_epi16(sums, before))) & 0xAAAA;
  bool isNarrow = uint64_t(last.previous | last.beforePrevious) >> 31 == 0;
  return (unsigned(_mm_movemask_epi8(isShort)) & 0xFF) == 0xFF && negative == 0 && isNarrow;
}
#endif

} // namespace

int64_t csimdjson_run_length_area(const uint8_t *bytes, size_t count, uint64_t pixels) {
  // Pixels outside and inside.
  uint64_t sums[2] = {0, 0};
  uint64_t outOfRange = 0;
  Last last;
  size_t at = 0, index = 0;
  while (at < count) {
#if defined(__SSE2__)
    __m128i eight;
    while (index > 2 && at + 8 <= count && readEight(bytes + at, last, eight)) {
      __m128i first = _mm_madd_epi16(eight, _mm_set1_epi32(1)), second = _mm_madd_epi16(eight, _mm_set1_epi32(1 << 16));
      __m128i pairs = _mm_add_epi32(_mm_unpacklo_epi32(first, second), _mm_unpackhi_epi32(first, second));
      __m128i both = _mm_add_epi32(pairs, _mm_srli_si128(pairs, 8));
      uint64_t added = uint64_t(_mm_cvtsi128_si64(both));
      sums[index & 1] += uint64_t(4 * last.beforePrevious + int32_t(uint32_t(added)));
      sums[~index & 1] += uint64_t(4 * last.previous + int32_t(uint32_t(added >> 32)));
      last.takeEight(eight);
      at += 8;
      index += 8;
    }
    if (at >= count) break;
#endif
    int64_t value;
    if (!readOne(bytes, count, at, index, last, value)) return -1;
    outOfRange |= uint64_t(value) >> 32;
    sums[index++ & 1] += uint64_t(value);
  }
  bool isWhole = outOfRange == 0 && sums[0] + sums[1] == pixels && pixels <= UINT32_MAX;
  return isWhole ? int64_t(sums[1]) : -1;
}

int64_t csimdjson_run_lengths(const uint8_t *bytes, size_t count, uint32_t *lengths) {
  Last last;
  size_t at = 0, index = 0;
  uint64_t outOfRange = 0;
  while (at < count) {
#if defined(__SSE2__)
    __m128i eight;
    while (index > 2 && at + 8 <= count && readEight(bytes + at, last, eight)) {
      __m128i before = _mm_set_epi32(
          int(last.previous), int(last.beforePrevious), int(last.previous), int(last.beforePrevious));
      __m128i low = _mm_srai_epi32(_mm_unpacklo_epi16(eight, eight), 16);
      __m128i high = _mm_srai_epi32(_mm_unpackhi_epi16(eight, eight), 16);
      _mm_storeu_si128(reinterpret_cast<__m128i *>(lengths + index), _mm_add_epi32(before, low));
      _mm_storeu_si128(reinterpret_cast<__m128i *>(lengths + index + 4), _mm_add_epi32(before, high));
      last.takeEight(eight);
      at += 8;
      index += 8;
    }
    if (at >= count) break;
#endif
    int64_t value;
    if (!readOne(bytes, count, at, index, last, value)) return -1;
    outOfRange |= uint64_t(value) >> 32;
    lengths[index++] = uint32_t(value);
  }
  return outOfRange == 0 ? int64_t(index) : -1;
}

bool csimdjson_run_ends(const uint32_t *lengths, size_t count, uint32_t *ends) {
  uint32_t end = 0;
  bool isEmpty = false;
  for (size_t index = 0; index < count; index++) {
    ends[index] = end += lengths[index];
    isEmpty |= index > 0 && lengths[index] == 0;
  }
  return !isEmpty;
}

uint32_t csimdjson_common_pixels(const uint32_t *first, size_t firstCount, const uint32_t *second, size_t secondCount) {
  uint32_t common = 0;
  size_t i = 1, j = 1;
  // Without a branch on which of the two runs ends first, which nothing foretells.
  while (i < firstCount && j < secondCount) {
    uint32_t start = first[i - 1] > second[j - 1] ? first[i - 1] : second[j - 1];
    uint32_t firstEnd = first[i], secondEnd = second[j];
    uint32_t end = firstEnd < secondEnd ? firstEnd : secondEnd;
    common += end > start ? end - start : 0;
    i += size_t(firstEnd <= secondEnd) << 1;
    j += size_t(secondEnd <= firstEnd) << 1;
  }
  return common;
}
