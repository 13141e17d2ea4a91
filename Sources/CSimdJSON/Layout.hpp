// Detections as most programs write them: every record like the one before but for its numbers and its mask.
#ifndef LAYOUT_HPP
#define LAYOUT_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "CSimdJSON.h"

struct CSimdJSONReader;

// What stands between the values of a record, and which values those are. Records that agree with it byte by byte are
// read without finding out their structure again; anything else is left to simdjson, which also says what is wrong.
class Layout {
public:
  // Takes the layout of a record, which begins at `record`. False where it is none of those known here.
  bool learn(const char *record, const char *end);

  // Reads a record. Returns the byte behind it; null where it does not agree. Some bytes behind `end` are readable.
  const char *read(
      const char *record, const char *end, bool readsSegmentations, CSimdJSONObject &row,
      std::vector<uint8_t> &bytes) const;

private:
  enum class Value { imageID, categoryID, x, y, width, height, score, maskHeight, maskWidth, maskCounts };

  // What stands between two values, with room behind it to be compared eight bytes at a time.
  struct Literal {
    std::string text;
    size_t count = 0;

    Literal() = default;
    Literal(const char *first, const char *end) : text(first, end), count(size_t(end - first)) { text.append(8, 0); }
    // At least eight bytes behind `at` are readable.
    bool matches(const char *at) const;
  };

  struct Slot {
    // What stands before the value.
    Literal before;
    Value value;
  };

  bool learnMask(const char *&at, const char *end, const char *&literal);
  bool learnNumber(const char *&at, const char *end, const char *&literal, Value value);
  bool has(Value value) const;

  std::vector<Slot> slots;
  Literal after;
  int32_t flags = 0;
};

#endif
