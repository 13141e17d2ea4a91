#include "Layout.hpp"

#include <cstring>
#include <string_view>

#include "Numbers.hpp"
#include "WideNumbers.hpp"

namespace {

void skipSpace(const char *&at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
}

bool skip(const char *&at, const char *end, char byte) {
  skipSpace(at, end);
  if (at >= end || *at != byte) return false;
  at++;
  skipSpace(at, end);
  return true;
}

// A string of ASCII without control characters: what stands between its quotes, escapes and all. Then `at` is behind it.
bool readPlainString(const char *&at, const char *end, std::string_view &text) {
  if (at >= end || *at != '"') return false;
  auto quote = static_cast<const char *>(memchr(at + 1, '"', size_t(end - at - 1)));
  if (!quote) return false;
  text = {at + 1, size_t(quote - at - 1)};
  unsigned char faults = 0;
  for (char byte : text) faults |= static_cast<unsigned char>(static_cast<signed char>(byte) < 0x20);
  at = quote + 1;
  return faults == 0;
}

// Appends what a string means whose only escapes are doubled backslashes, which compressed run lengths are full of.
// Without `bytes` it only looks whether that is so.
bool appendUnescaped(std::string_view text, std::vector<uint8_t> *bytes) {
  while (true) {
    size_t backslash = text.find('\\');
    if (backslash == text.npos) break;
    // A quote that is escaped ended the text behind its backslash.
    if (backslash + 1 >= text.size() || text[backslash + 1] != '\\') return false;
    if (bytes) bytes->insert(bytes->end(), text.data(), text.data() + backslash + 1);
    text.remove_prefix(backslash + 2);
  }
  if (bytes) bytes->insert(bytes->end(), text.begin(), text.end());
  return true;
}

} // namespace

bool Layout::has(Value value) const {
  for (const Slot &slot : slots) {
    if (slot.value == value) return true;
  }
  return false;
}

// Notes a number down and passes it; `literal` is where what stands before it begins.
bool Layout::learnNumber(const char *&at, const char *end, const char *&literal, Value value) {
  double number;
  if (has(value) || at >= end) return false;
  Literal before(literal, at);
  if (!readPlainNumber(at, number)) return false;
  slots.push_back({std::move(before), value});
  literal = at;
  return true;
}

bool Layout::learnMask(const char *&at, const char *end, const char *&literal) {
  if (!skip(at, end, '{')) return false;
  while (true) {
    std::string_view key;
    if (!readPlainString(at, end, key) || !skip(at, end, ':')) return false;
    if (key == "size") {
      if (!skip(at, end, '[') || !learnNumber(at, end, literal, Value::maskHeight)) return false;
      if (!skip(at, end, ',') || !learnNumber(at, end, literal, Value::maskWidth) || !skip(at, end, ']')) return false;
    } else if (key == "counts") {
      if (has(Value::maskCounts)) return false;
      Literal before(literal, at);
      std::string_view text;
      if (!readPlainString(at, end, text)) return false;
      slots.push_back({std::move(before), Value::maskCounts});
      literal = at;
    } else {
      return false;
    }
    if (skip(at, end, '}')) return has(Value::maskHeight) && has(Value::maskCounts);
    if (!skip(at, end, ',')) return false;
  }
}

bool Layout::learn(const char *record, const char *end) {
  slots.clear();
  after = Literal();
  flags = 0;
  const char *literal = record;
  const char *at = record;
  if (at >= end || *at != '{' || !skip(at, end, '{')) return false;
  while (true) {
    std::string_view key;
    if (!readPlainString(at, end, key) || !skip(at, end, ':')) return false;
    bool known = false;
    if (key == "image_id") {
      known = learnNumber(at, end, literal, Value::imageID);
    } else if (key == "category_id") {
      known = learnNumber(at, end, literal, Value::categoryID);
    } else if (key == "score") {
      known = learnNumber(at, end, literal, Value::score);
    } else if (key == "bbox") {
      known = skip(at, end, '[');
      for (Value value : {Value::x, Value::y, Value::width, Value::height}) {
        known = known && (value == Value::x || skip(at, end, ',')) && learnNumber(at, end, literal, value);
      }
      known = known && skip(at, end, ']');
      flags |= CSIMDJSON_HAS_BOX;
    } else if (key == "segmentation") {
      known = learnMask(at, end, literal);
      flags |= CSIMDJSON_HAS_SEGMENTATION;
    }
    if (!known) return false;
    skipSpace(at, end);
    if (at < end && *at == '}') break;
    if (!skip(at, end, ',')) return false;
  }
  after = Literal(literal, ++at);
  shortest = after.count + slots.size();
  for (const Slot &slot : slots) shortest += slot.before.count;
  return flags != 0 && has(Value::imageID) && has(Value::categoryID) && has(Value::score);
}

namespace {

struct PlainNumbers {
  static inline bool integer(const char *&at, int64_t &out) { return readPlainInteger(at, out); }
  static inline bool number(const char *&at, double &out) { return readPlainNumber(at, out); }
  static inline bool areEqual(const char *at, const char *text, size_t count) { return memcmp(at, text, count) == 0; }
};

} // namespace

struct Layout::Fields {
  int64_t *integers[2];
  // The box and the score.
  double *numbers[5];
  CSimdJSONSegmentation &segmentation;

  Fields(int64_t &imageID, int64_t &categoryID, double *box, double &score, CSimdJSONSegmentation &segmentation)
      : integers{&imageID, &categoryID}, numbers{box, box + 1, box + 2, box + 3, &score}, segmentation(segmentation) {}
};

template <typename Numbers>
__attribute__((always_inline)) inline const char *Layout::readRecord(
    const char *at, const char *end, bool readsSegmentations, Fields row, std::vector<uint8_t> &bytes) const {
  int64_t height = 0, width = 0;
  double ignored;
  for (const Slot &slot : slots) {
    // No more than what is readable behind `end` is looked at before the next check.
    if (at >= end || slot.before.count > size_t(end - at)) return nullptr;
    if (!Numbers::areEqual(at, slot.before.text.data(), slot.before.count)) return nullptr;
    at += slot.before.count;
    bool read = false;
    if (slot.value <= Value::categoryID) {
      if (!Numbers::integer(at, *row.integers[size_t(slot.value)])) return nullptr;
      continue;
    }
    if (slot.value <= Value::score) {
      if (!Numbers::number(at, *row.numbers[size_t(slot.value) - size_t(Value::x)])) return nullptr;
      continue;
    }
    switch (slot.value) {
    case Value::maskHeight: read = readsSegmentations ? readPlainInteger(at, height) : readPlainNumber(at, ignored); break;
    case Value::maskWidth: read = readsSegmentations ? readPlainInteger(at, width) : readPlainNumber(at, ignored); break;
    case Value::maskCounts: {
      std::string_view text;
      size_t first = bytes.size();
      read = readPlainString(at, end, text) && appendUnescaped(text, readsSegmentations ? &bytes : nullptr);
      if (readsSegmentations) row.segmentation.kind = CSIMDJSON_COMPRESSED;
      row.segmentation.parts = {uint32_t(first), uint32_t(bytes.size() - first)};
      break;
    }
    default: break;
    }
    if (!read) return nullptr;
  }
  if (at >= end || after.count > size_t(end - at) || !Numbers::areEqual(at, after.text.data(), after.count)) {
    return nullptr;
  }
  if (height < 0 || height > INT32_MAX || width < 0 || width > INT32_MAX) return nullptr;
  if (readsSegmentations && row.segmentation.kind == CSIMDJSON_COMPRESSED) {
    row.segmentation.height = uint32_t(height);
    row.segmentation.width = uint32_t(width);
    row.segmentation.area = csimdjson_run_length_area(
        bytes.data() + row.segmentation.parts.first, row.segmentation.parts.count, uint64_t(height) * uint64_t(width));
  }
  return at + after.count;
}

template <typename Numbers>
__attribute__((always_inline)) inline const char *Layout::readRecords(
    const char *at, const char *end, bool readsSegmentations, DetectionRows &rows) const {
  CSimdJSONSegmentation none{};
  bool areColumns = isOfBoxes();
  if (areColumns) rows.columns.reserve(size_t(end - at) / shortest + 1);
  while (true) {
    if (areColumns) {
      DetectionRows::Columns &own = rows.columns;
      size_t row = own.count++;
      at = readRecord<Numbers>(
          at, end, false, Fields(own.imageIDs[row], own.categoryIDs[row], &own.boxes[4 * row], own.scores[row], none),
          rows.bytes);
    } else {
      rows.objects.emplace_back();
      CSimdJSONObject &row = rows.objects.back();
      row.flags = uint32_t(flags);
      at = readRecord<Numbers>(
          at, end, readsSegmentations, Fields(row.image_id, row.category_id, row.box, row.score, row.segmentation),
          rows.bytes);
    }
    if (!at) return nullptr;
    skipSpace(at, end);
    if (at < end && *at == ']') return at + 1;
    if (at >= end || *at != ',') return nullptr;
    at++;
    skipSpace(at, end);
  }
}

#if defined(CSIMDJSON_HAS_WIDE)
CSIMDJSON_WIDE const char *Layout::readWide(
    const char *at, const char *end, bool readsSegmentations, DetectionRows &rows) const {
  return readRecords<WideNumbers>(at, end, readsSegmentations, rows);
}
#endif

const char *Layout::read(const char *at, const char *end, bool readsSegmentations, DetectionRows &rows) const {
#if defined(CSIMDJSON_HAS_WIDE)
  static const bool isWide = hasWideNumbers();
  if (isWide) return readWide(at, end, readsSegmentations, rows);
#endif
  return readRecords<PlainNumbers>(at, end, readsSegmentations, rows);
}
