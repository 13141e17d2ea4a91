#include "CSimdJSON.h"

// COCO's compressed run lengths: each number, less the last but one from the fourth on, is a signed integer in groups of
// five bits, lowest first, each a byte from "0" on whose sixth bit says that more follow (cocoapi, `rleFrString`).
int64_t csimdjson_run_length_area(const uint8_t *bytes, size_t count, uint64_t pixels) {
  // Pixels outside and inside.
  uint64_t sums[2] = {0, 0};
  uint64_t outOfRange = 0;
  int64_t previous = 0, beforePrevious = 0;
  size_t at = 0, index = 0;
  while (at < count) {
    uint8_t group = uint8_t(bytes[at++] - '0');
    if (group > 63) return -1;
    // Most numbers have one group.
    int64_t value = int8_t(uint8_t(group << 3)) >> 3;
    if (group & 0x20) {
      uint64_t bits = group & 0x1F;
      unsigned shift = 5;
      do {
        if (at >= count || shift > 35) return -1;
        group = uint8_t(bytes[at++] - '0');
        if (group > 63) return -1;
        bits |= uint64_t(group & 0x1F) << shift;
        shift += 5;
      } while (group & 0x20);
      if (group & 0x10) bits |= ~uint64_t(0) << shift;
      value = int64_t(bits);
    }
    if (index > 2) value += beforePrevious;
    beforePrevious = previous;
    previous = value;
    outOfRange |= uint64_t(value) >> 32;
    sums[index++ & 1] += uint64_t(value);
  }
  bool isWhole = outOfRange == 0 && sums[0] + sums[1] == pixels && pixels <= UINT32_MAX;
  return isWhole ? int64_t(sums[1]) : -1;
}
