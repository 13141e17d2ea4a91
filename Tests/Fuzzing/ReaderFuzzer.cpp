// A libFuzzer target for the reader of records: any bytes are read or refused, and no byte outside the window is touched.
// Tests/Scripts/fuzz.sh builds and runs it.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "CSimdJSON.h"

namespace {

// Reads every range that rows speak of, so that the sanitizer sees one that reaches too far.
uint64_t touch(const CSimdJSONRows &rows, CSimdJSONRecordKind kind) {
  uint64_t sum = rows.consumed;
  auto integers = [&](CSimdJSONRange range) {
    for (uint32_t i = 0; i < range.count; i++) sum += uint64_t(rows.integers[range.first + i]);
  };
  auto bytes = [&](CSimdJSONRange range) {
    for (uint32_t i = 0; i < range.count; i++) sum += rows.bytes[range.first + i];
  };
  for (size_t row = 0; row < rows.count; row++) {
    if (kind == CSIMDJSON_IMAGES) {
      integers(rows.images[row].negative);
      integers(rows.images[row].not_exhaustive);
    } else if (kind == CSIMDJSON_CATEGORIES) {
      bytes(rows.categories[row].name);
      bytes(rows.categories[row].frequency);
    } else if (rows.image_ids) {
      sum += uint64_t(rows.image_ids[row]) + uint64_t(rows.category_ids[row]);
    } else {
      const CSimdJSONSegmentation &mask = rows.objects[row].segmentation;
      if (mask.kind == CSIMDJSON_COMPRESSED) bytes(mask.parts);
      for (uint32_t i = 0; mask.kind == CSIMDJSON_RUN_LENGTHS && i < mask.parts.count; i++) {
        sum += rows.runs[mask.parts.first + i];
      }
      for (uint32_t i = 0; mask.kind == CSIMDJSON_POLYGONS && i < mask.parts.count; i++) {
        uint32_t polygon = mask.parts.first + i;
        size_t first = polygon == 0 ? 0 : rows.polygon_ends[polygon - 1];
        for (size_t corner = first; corner < rows.polygon_ends[polygon]; corner++) sum += rows.coordinates[corner] > 0;
      }
    }
  }
  return sum;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  auto kind = CSimdJSONRecordKind(data[0] & 3);
  uint32_t options = uint32_t(data[0] >> 2) & 3;

  // As Window.swift lays it out, in memory of exactly that size.
  size_t length = size + 1;
  std::vector<char> memory(CSIMDJSON_PADDING + length + CSIMDJSON_PADDING, 0);
  char *window = memory.data() + CSIMDJSON_PADDING;
  window[0] = '[';
  memcpy(window + 1, data + 1, size - 1);
  window[length - 1] = ']';

  static CSimdJSONReader *reader = csimdjson_reader_create();
  CSimdJSONRows rows{};
  CSimdJSONFailure failure{};
  bool isRead = csimdjson_read(reader, kind, window, length, options, &rows, &failure);
  if (rows.consumed > length || (!isRead && failure.problem == CSIMDJSON_OK)) abort();
  volatile uint64_t sum = touch(rows, kind);
  (void)sum;

  CSimdJSONScan scan{};
  int64_t comma = -1;
  size_t stop = csimdjson_scan(&scan, window + 1, length - 1, data[0] & 16, &comma);
  if (stop > length - 1 || comma >= int64_t(length - 1)) abort();
  csimdjson_run_length_area(data, size, uint64_t(1) << (data[0] & 31));
  std::vector<uint32_t> lengths(size + 8), ends(size + 8);
  int64_t runs = csimdjson_run_lengths(data, size, lengths.data());
  if (runs > int64_t(size)) abort();
  if (runs > 0 && csimdjson_run_ends(lengths.data(), size_t(runs), ends.data()) && ends[size_t(runs) - 1] < (1u << 30)) {
    sum = sum + csimdjson_common_pixels(ends.data(), size_t(runs), ends.data(), size_t(runs));
  }
  return 0;
}
