#include "Reader.hpp"

#include <new>

static_assert(CSIMDJSON_PADDING >= simdjson::SIMDJSON_PADDING, "a window needs simdjson's padding behind it");

namespace {

const char *const boxForm = "4 numbers: [x, y, width, height]";

// FNV-1a over a token of the file.
uint64_t hashed(uint64_t hash, std::string_view text) {
  for (char byte : text) hash = (hash ^ uint8_t(byte)) * 0x100000001b3;
  return hash;
}

bool isScalar(ondemand::value &value) {
  return !isOf(value, ondemand::json_type::array) && !isOf(value, ondemand::json_type::object);
}

bool require(CSimdJSONReader &reader, bool isThere, const char *field, const char *expected) {
  return isThere || fail(reader, CSIMDJSON_MISSING_FIELD, {field}, expected);
}

bool readImage(CSimdJSONReader &reader, ondemand::object &object) {
  CSimdJSONImage row{};
  bool hasWidth = false, hasHeight = false;
  bool read = forEachField(reader, object, [&](const char *key, ondemand::value value) {
    switch (key[0]) {
    case 'i':
      if (!isKey(key, "id") || isNull(value)) return true;
      row.flags |= CSIMDJSON_HAS_ID;
      return readID(reader, value, {"id"}, row.id, row.flags);
    case 'f':
      if (isKey(key, "file_name") && isScalar(value)) row.identity = hashed(row.identity, rawToken(value));
      return true;
    case 'c':
      if (isKey(key, "coco_url") && isScalar(value)) row.identity = hashed(row.identity, rawToken(value));
      return true;
    case 'w':
      if (!isKey(key, "width") || isNull(value)) return true;
      hasWidth = true;
      return readCount(reader, value, {"width"}, row.width);
    case 'h':
      if (!isKey(key, "height") || isNull(value)) return true;
      hasHeight = true;
      return readCount(reader, value, {"height"}, row.height);
    case 'n':
      if (isKey(key, "neg_category_ids") && !isNull(value)) {
        row.flags |= CSIMDJSON_HAS_NEGATIVE;
        return readIntegers(reader, value, {"neg_category_ids"}, row.negative);
      }
      if (isKey(key, "not_exhaustive_category_ids") && !isNull(value)) {
        row.flags |= CSIMDJSON_HAS_NOT_EXHAUSTIVE;
        return readIntegers(reader, value, {"not_exhaustive_category_ids"}, row.not_exhaustive);
      }
      return true;
    default:
      return true;
    }
  });
  if (!read || !require(reader, row.flags & CSIMDJSON_HAS_ID, "id", "an integer")) return false;
  if (hasWidth && hasHeight) row.flags |= CSIMDJSON_HAS_SIZE;
  reader.images.push_back(row);
  return true;
}

bool readCategory(CSimdJSONReader &reader, ondemand::object &object) {
  CSimdJSONCategory row{};
  bool read = forEachField(reader, object, [&](const char *key, ondemand::value value) {
    if (isKey(key, "id") && !isNull(value)) {
      row.flags |= CSIMDJSON_HAS_ID;
      return readID(reader, value, {"id"}, row.id, row.flags);
    }
    if (isKey(key, "name") && !isNull(value)) {
      row.flags |= CSIMDJSON_HAS_NAME;
      return readName(reader, value, {"name"}, row.name);
    }
    if (isKey(key, "frequency") && !isNull(value) && isScalar(value)) {
      row.flags |= CSIMDJSON_HAS_FREQUENCY;
      return readName(reader, value, {"frequency"}, row.frequency);
    }
    if (isKey(key, "instance_count") && !isNull(value)) {
      row.flags |= CSIMDJSON_HAS_INSTANCE_COUNT;
      return readCount(reader, value, {"instance_count"}, row.instance_count);
    }
    if (isKey(key, "image_count") && !isNull(value)) {
      row.flags |= CSIMDJSON_HAS_IMAGE_COUNT;
      return readCount(reader, value, {"image_count"}, row.image_count);
    }
    return true;
  });
  if (!read || !require(reader, row.flags & CSIMDJSON_HAS_ID, "id", "an integer")) return false;
  reader.categories.push_back(row);
  return true;
}

bool readObject(CSimdJSONReader &reader, ondemand::object &object, bool isDetection, uint32_t options) {
  CSimdJSONObject row{};
  bool hasImage = false, hasCategory = false, hasScore = false, hasEmptyBox = false;
  bool read = forEachField(reader, object, [&](const char *key, ondemand::value value) {
    bool flag = false;
    switch (key[0]) {
    case 'i':
      if (isKey(key, "image_id") && !isNull(value)) {
        hasImage = true;
        return readID(reader, value, {"image_id"}, row.image_id, row.flags);
      }
      if (isDetection) return true;
      if (isKey(key, "id") && !isNull(value)) {
        row.flags |= CSIMDJSON_HAS_ID;
        return readID(reader, value, {"id"}, row.id, row.flags);
      }
      if (isKey(key, "iscrowd") && !isNull(value)) {
        if (!readFlag(reader, value, {"iscrowd"}, flag)) return false;
        if (flag) row.flags |= CSIMDJSON_IS_CROWD;
      } else if (isKey(key, "ignore") && !isNull(value)) {
        if (!readFlag(reader, value, {"ignore"}, flag)) return false;
        if (flag) row.flags |= CSIMDJSON_IS_IGNORED;
      }
      return true;
    case 'c':
      if (!isKey(key, "category_id") || isNull(value)) return true;
      hasCategory = true;
      return readID(reader, value, {"category_id"}, row.category_id, row.flags);
    case 'b':
      if (!isKey(key, "bbox") || isNull(value)) return true;
      row.flags |= CSIMDJSON_HAS_BOX;
      if (!readBox(reader, value, row.box, hasEmptyBox)) return false;
      if (hasEmptyBox) row.flags &= ~uint32_t(CSIMDJSON_HAS_BOX);
      return true;
    case 'a':
      if (isDetection || !isKey(key, "area") || isNull(value)) return true;
      row.flags |= CSIMDJSON_HAS_AREA;
      return readNumber(reader, value, {"area"}, row.area);
    case 's':
      if (isDetection && isKey(key, "score") && !isNull(value)) {
        hasScore = true;
        return readNumber(reader, value, {"score"}, row.score);
      }
      if (!isKey(key, "segmentation") || isNull(value)) return true;
      row.flags |= CSIMDJSON_HAS_SEGMENTATION;
      return !(options & CSIMDJSON_READ_SEGMENTATIONS) || readSegmentation(reader, value, row.segmentation);
    default:
      return true;
    }
  });
  if (!read || !require(reader, hasImage, "image_id", "an integer")) return false;
  if (!require(reader, hasCategory, "category_id", "an integer")) return false;
  if (isDetection && !require(reader, hasScore, "score", "a number")) return false;
  // [] is no box, as in the reference implementation.
  if (hasEmptyBox && (options & CSIMDJSON_REQUIRE_BOX || (isDetection && !(row.flags & CSIMDJSON_HAS_SEGMENTATION)))) {
    reader.failure->count = 0;
    return fail(reader, CSIMDJSON_WRONG_LENGTH, {"bbox"}, boxForm);
  }
  if (options & CSIMDJSON_REQUIRE_BOX && !require(reader, row.flags & CSIMDJSON_HAS_BOX, "bbox", boxForm)) return false;
  if (isDetection && !(row.flags & (CSIMDJSON_HAS_BOX | CSIMDJSON_HAS_SEGMENTATION))) {
    return fail(reader, CSIMDJSON_MISSING_FIELD, {"bbox"}, boxForm);
  }
  reader.objects.push_back(row);
  return true;
}

bool readRecord(CSimdJSONReader &reader, CSimdJSONRecordKind kind, ondemand::value &value, uint32_t options) {
  ondemand::json_type type;
  if (auto error = value.type().get(type)) return fail(reader, error, {nullptr});
  if (type != ondemand::json_type::object) return fail(reader, CSIMDJSON_WRONG_TYPE, {nullptr}, "an object", value);
  ondemand::object object;
  if (auto error = value.get_object().get(object)) return fail(reader, error, {nullptr});
  switch (kind) {
  case CSIMDJSON_IMAGES:
    return readImage(reader, object);
  case CSIMDJSON_CATEGORIES:
    return readCategory(reader, object);
  case CSIMDJSON_ANNOTATIONS:
  case CSIMDJSON_DETECTIONS:
    return readObject(reader, object, kind == CSIMDJSON_DETECTIONS, options);
  }
  return false;
}

// Reads a window of detections that all have one layout. False, with nothing read, where they do not.
bool readUniformWindow(
    CSimdJSONReader &reader, const char *window, size_t length, uint32_t options, size_t &consumed) {
  if (reader.surprises > 3) return false;
  const char *end = window + length;
  const char *at = window + 1;
  while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
  if (!reader.hasLayout && !reader.layout.learn(at, end)) {
    reader.surprises++;
    return false;
  }
  reader.hasLayout = true;
  const char *behind = reader.layout.read(at, end, options & CSIMDJSON_READ_SEGMENTATIONS, reader);
  if (behind) {
    consumed = size_t(behind - window);
    return true;
  }
  reader.clear();
  reader.hasLayout = false;
  reader.surprises++;
  return false;
}

bool readWindow(
    CSimdJSONReader &reader, CSimdJSONRecordKind kind, const char *window, size_t length, uint32_t options,
    size_t &consumed) {
  ondemand::document document;
  if (auto error = reader.parser.iterate(window, length, length + CSIMDJSON_PADDING).get(document)) {
    return fail(reader, error, {nullptr});
  }
  bool read = [&] {
    ondemand::array array;
    if (auto error = document.get_array().get(array)) return fail(reader, error, {nullptr});
    for (auto result : array) {
      ondemand::value value;
      if (auto error = std::move(result).get(value)) return fail(reader, error, {nullptr});
      if (!readRecord(reader, kind, value, options)) return false;
      reader.failure->element++;
    }
    return true;
  }();
  const char *location;
  auto error = document.current_location().get(location);
  consumed = error ? length : size_t(location - window);
  reader.failure->offset = consumed;
  return read;
}

} // namespace

CSimdJSONReader *csimdjson_reader_create(void) {
  return new (std::nothrow) CSimdJSONReader;
}

void csimdjson_reader_destroy(CSimdJSONReader *reader) {
  delete reader;
}

bool csimdjson_read(
    CSimdJSONReader *reader, CSimdJSONRecordKind kind, const char *window, size_t length, uint32_t options,
    CSimdJSONRows *rows, CSimdJSONFailure *failure) {
  *failure = {};
  reader->failure = failure;
  reader->end = window + length;
  reader->clear();
  size_t consumed = 0;
  bool read;
  try {
    read = (kind == CSIMDJSON_DETECTIONS && readUniformWindow(*reader, window, length, options, consumed)) ||
           readWindow(*reader, kind, window, length, options, consumed);
  } catch (const std::bad_alloc &) {
    read = fail(*reader, simdjson::MEMALLOC, {nullptr});
  }
  rows->count = kind == CSIMDJSON_IMAGES ? reader->images.size()
                : kind == CSIMDJSON_CATEGORIES ? reader->categories.size()
                                               : reader->objects.size() + reader->columns.count;
  rows->images = reader->images.data();
  rows->categories = reader->categories.data();
  rows->objects = reader->objects.data();
  bool areColumns = reader->columns.count > 0;
  rows->image_ids = areColumns ? reader->columns.imageIDs.data() : nullptr;
  rows->category_ids = areColumns ? reader->columns.categoryIDs.data() : nullptr;
  rows->boxes = areColumns ? reader->columns.boxes.data() : nullptr;
  rows->scores = areColumns ? reader->columns.scores.data() : nullptr;
  rows->integers = reader->integers.data();
  rows->integer_count = reader->integers.size();
  rows->bytes = reader->bytes.data();
  rows->byte_count = reader->bytes.size();
  rows->coordinates = reader->coordinates.data();
  rows->coordinate_count = reader->coordinates.size();
  rows->polygon_ends = reader->polygon_ends.data();
  rows->polygon_count = reader->polygon_ends.size();
  rows->runs = reader->runs.data();
  rows->run_count = reader->runs.size();
  rows->consumed = consumed;
  return read;
}

const char *csimdjson_implementation(void) {
  static const std::string name = simdjson::get_active_implementation()->name();
  return name.c_str();
}
