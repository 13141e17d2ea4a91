#include "Reader.hpp"

namespace {

const Place place{"segmentation"};

bool readPolygon(CSimdJSONReader &reader, ondemand::value value, int64_t index) {
  Place at{"segmentation", index};
  if (!isOf(value, ondemand::json_type::array)) {
    return fail(reader, CSIMDJSON_WRONG_TYPE, at, "a list of numbers [x, y, x, y, …]", value);
  }
  ondemand::array array;
  if (auto error = value.get_array().get(array)) return fail(reader, error, at);
  size_t first = reader.coordinates.size();
  for (auto result : array) {
    ondemand::value element;
    if (auto error = std::move(result).get(element)) return fail(reader, error, at);
    double number;
    int64_t subindex = int64_t(reader.coordinates.size() - first);
    if (!readNumber(reader, element, {"segmentation", index, subindex}, number)) return false;
    reader.coordinates.push_back(number);
  }
  size_t count = reader.coordinates.size() - first;
  if (count < 4 || count % 2 != 0) {
    reader.failure->count = count;
    return fail(reader, CSIMDJSON_WRONG_LENGTH, at, "an even number of coordinates, 4 or more");
  }
  reader.polygon_ends.push_back(uint32_t(reader.coordinates.size()));
  return true;
}

bool readRuns(CSimdJSONReader &reader, ondemand::value value, CSimdJSONRange &out) {
  Place counts{"segmentation.counts"};
  ondemand::array array;
  if (auto error = value.get_array().get(array)) return fail(reader, error, counts);
  size_t first = reader.runs.size();
  for (auto result : array) {
    ondemand::value element;
    if (auto error = std::move(result).get(element)) return fail(reader, error, counts);
    int64_t run;
    Place at{"segmentation.counts", int64_t(reader.runs.size() - first)};
    if (!readCount(reader, element, at, run)) return false;
    if (run > UINT32_MAX) return fail(reader, CSIMDJSON_OUT_OF_RANGE, at, "a run of pixels", element);
    reader.runs.push_back(uint32_t(run));
  }
  out = {uint32_t(first), uint32_t(reader.runs.size() - first)};
  return true;
}

bool readMaskSize(CSimdJSONReader &reader, ondemand::value value, CSimdJSONSegmentation &out) {
  Place size{"segmentation.size"};
  if (!isOf(value, ondemand::json_type::array)) {
    return fail(reader, CSIMDJSON_WRONG_TYPE, size, "a list [height, width]", value);
  }
  ondemand::array array;
  if (auto error = value.get_array().get(array)) return fail(reader, error, size);
  int64_t sides[2];
  size_t count = 0;
  for (auto result : array) {
    ondemand::value element;
    if (auto error = std::move(result).get(element)) return fail(reader, error, size);
    Place at{"segmentation.size", int64_t(count)};
    if (count < 2) {
      if (!readCount(reader, element, at, sides[count])) return false;
      if (sides[count] > INT32_MAX) return fail(reader, CSIMDJSON_OUT_OF_RANGE, at, "a length in pixels", element);
    }
    count++;
  }
  if (count != 2) {
    reader.failure->count = count;
    return fail(reader, CSIMDJSON_WRONG_LENGTH, size, "2 numbers: [height, width]");
  }
  out.height = uint32_t(sides[0]);
  out.width = uint32_t(sides[1]);
  return true;
}

bool readRunLengths(CSimdJSONReader &reader, ondemand::value value, CSimdJSONSegmentation &out) {
  ondemand::object object;
  if (auto error = value.get_object().get(object)) return fail(reader, error, place);
  bool hasSize = false, hasCounts = false;
  bool read = forEachField(reader, object, [&](const char *key, ondemand::value field) {
    if (isKey(key, "size")) {
      hasSize = true;
      return readMaskSize(reader, field, out);
    }
    if (!isKey(key, "counts")) return true;
    hasCounts = true;
    if (isOf(field, ondemand::json_type::array)) {
      out.kind = CSIMDJSON_RUN_LENGTHS;
      return readRuns(reader, field, out.parts);
    }
    if (!isOf(field, ondemand::json_type::string)) {
      return fail(reader, CSIMDJSON_WRONG_TYPE, {"segmentation.counts"}, "a string or a list of integers", field);
    }
    out.kind = CSIMDJSON_COMPRESSED;
    return readText(reader, field, {"segmentation.counts"}, out.parts);
  });
  if (!read) return false;
  if (!hasSize) return fail(reader, CSIMDJSON_MISSING_FIELD, {"segmentation.size"}, "a list [height, width]");
  if (!hasCounts) {
    return fail(reader, CSIMDJSON_MISSING_FIELD, {"segmentation.counts"}, "a string or a list of integers");
  }
  out.area = -1;
  if (out.kind == CSIMDJSON_COMPRESSED) {
    out.area = csimdjson_run_length_area(
        reader.bytes.data() + out.parts.first, out.parts.count, uint64_t(out.height) * out.width);
  }
  return true;
}

} // namespace

bool readSegmentation(CSimdJSONReader &reader, ondemand::value value, CSimdJSONSegmentation &out) {
  if (isOf(value, ondemand::json_type::object)) return readRunLengths(reader, value, out);
  if (!isOf(value, ondemand::json_type::array)) {
    return fail(reader, CSIMDJSON_WRONG_TYPE, place, "a list of polygons, or an object with size and counts", value);
  }
  ondemand::array array;
  if (auto error = value.get_array().get(array)) return fail(reader, error, place);
  size_t first = reader.polygon_ends.size();
  for (auto result : array) {
    ondemand::value element;
    if (auto error = std::move(result).get(element)) return fail(reader, error, place);
    if (!readPolygon(reader, element, int64_t(reader.polygon_ends.size() - first))) return false;
  }
  size_t count = reader.polygon_ends.size() - first;
  out.kind = count == 0 ? CSIMDJSON_NO_SEGMENTATION : CSIMDJSON_POLYGONS;
  out.parts = {uint32_t(first), uint32_t(count)};
  return true;
}
