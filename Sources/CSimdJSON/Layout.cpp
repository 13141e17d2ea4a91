#include "Layout.hpp"

#include <cstring>
#include <string_view>

#include "Numbers.hpp"

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

inline bool Layout::Literal::matches(const char *at) const {
  const char *own = text.data();
  size_t rest = count;
  uint64_t a, b;
  for (; rest >= 8; rest -= 8, at += 8, own += 8) {
    memcpy(&a, at, 8);
    memcpy(&b, own, 8);
    if (a != b) return false;
  }
  if (rest == 0) return true;
  memcpy(&a, at, 8);
  memcpy(&b, own, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return (a ^ b) << (64 - 8 * rest) == 0;
#else
  return (a ^ b) >> (64 - 8 * rest) == 0;
#endif
}

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
  return flags != 0 && has(Value::imageID) && has(Value::categoryID) && has(Value::score);
}

const char *Layout::read(
    const char *record, const char *end, bool readsSegmentations, CSimdJSONObject &row,
    std::vector<uint8_t> &bytes) const {
  const char *at = record;
  int64_t height = 0, width = 0;
  double ignored;
  row.flags = flags;
  for (const Slot &slot : slots) {
    if (size_t(end - at) < slot.before.count || !slot.before.matches(at)) return nullptr;
    at += slot.before.count;
    bool read = false;
    switch (slot.value) {
    case Value::imageID: read = readPlainInteger(at, row.image_id); break;
    case Value::categoryID: read = readPlainInteger(at, row.category_id); break;
    case Value::x: read = readPlainNumber(at, row.box[0]); break;
    case Value::y: read = readPlainNumber(at, row.box[1]); break;
    case Value::width: read = readPlainNumber(at, row.box[2]); break;
    case Value::height: read = readPlainNumber(at, row.box[3]); break;
    case Value::score: read = readPlainNumber(at, row.score); break;
    case Value::maskHeight: read = readsSegmentations ? readPlainInteger(at, height) : readPlainNumber(at, ignored); break;
    case Value::maskWidth: read = readsSegmentations ? readPlainInteger(at, width) : readPlainNumber(at, ignored); break;
    case Value::maskCounts: {
      std::string_view text;
      size_t first = bytes.size();
      read = readPlainString(at, end, text) && appendUnescaped(text, readsSegmentations ? &bytes : nullptr);
      if (readsSegmentations) row.segmentation.kind = CSIMDJSON_COMPRESSED;
      row.segmentation.parts = {uint32_t(first), uint32_t(bytes.size() - first)};
    }
    }
    if (!read || at >= end) return nullptr;
  }
  if (size_t(end - at) < after.count || !after.matches(at)) return nullptr;
  if (height < 0 || height > INT32_MAX || width < 0 || width > INT32_MAX) return nullptr;
  row.segmentation.height = uint32_t(height);
  row.segmentation.width = uint32_t(width);
  if (row.segmentation.kind == CSIMDJSON_COMPRESSED) {
    row.segmentation.area = csimdjson_run_length_area(
        bytes.data() + row.segmentation.parts.first, row.segmentation.parts.count, uint64_t(height) * uint64_t(width));
  }
  return at + after.count;
}
