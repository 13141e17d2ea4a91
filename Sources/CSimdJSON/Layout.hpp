// Detections as most programs write them: every record like the one before but for its numbers and its mask.
#ifndef LAYOUT_HPP
#define LAYOUT_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "CSimdJSON.h"

struct CSimdJSONReader;

// What is read of detections: columns where they have boxes alone, else rows, with the bytes of their masks.
struct DetectionRows {
  struct Columns {
    size_t count = 0;
    std::vector<int64_t> imageIDs, categoryIDs;
    // x, y, width, height, x, y, …
    std::vector<double> boxes, scores;

    // Makes room for so many rows; what the columns hold is of no matter.
    void reserve(size_t rows) {
      if (rows <= scores.size()) return;
      imageIDs.resize(rows);
      categoryIDs.resize(rows);
      boxes.resize(4 * rows);
      scores.resize(rows);
    }
  };

  Columns columns;
  std::vector<CSimdJSONObject> objects;
  std::vector<uint8_t> bytes;
};

// What stands between the values of a record, and which values those are. Records that agree with it byte by byte are
// read without finding out their structure again; anything else is left to simdjson, which also says what is wrong.
class Layout {
public:
  // Takes the layout of a record, which begins at `record`. False where it is none of those known here.
  bool learn(const char *record, const char *end);

  // Whether a record has a box and no mask: it is then read into columns.
  bool isOfBoxes() const { return flags == CSIMDJSON_HAS_BOX; }

  // Reads the records up to the bracket that closes their list. Returns the byte behind that; null where one of them does
  // not agree. CSIMDJSON_PADDING bytes before the records and behind `end` are readable.
  const char *read(const char *at, const char *end, bool readsSegmentations, DetectionRows &rows) const;

private:
  // Integers first, then numbers.
  enum class Value { imageID, categoryID, x, y, width, height, score, maskHeight, maskWidth, maskCounts };

  // What stands between two values, with room behind it to be compared many bytes at a time.
  struct Literal {
    std::string text;
    size_t count = 0;

    Literal() = default;
    Literal(const char *first, const char *end) : text(first, end), count(size_t(end - first)) { text.append(32, 0); }
  };

  struct Slot {
    // What stands before the value.
    Literal before;
    Value value;
  };

  bool learnMask(const char *&at, const char *end, const char *&literal);
  bool learnNumber(const char *&at, const char *end, const char *&literal, Value value);
  bool has(Value value) const;

  // Where the values of a record go.
  struct Fields;

  // The same, by one way or another of reading numbers.
  template <typename Numbers>
  const char *readRecord(
      const char *at, const char *end, bool readsSegmentations, Fields row, std::vector<uint8_t> &bytes) const;
  template <typename Numbers>
  const char *readRecords(const char *at, const char *end, bool readsSegmentations, DetectionRows &rows) const;
  const char *readWide(const char *at, const char *end, bool readsSegmentations, DetectionRows &rows) const;

  std::vector<Slot> slots;
  Literal after;
  int32_t flags = 0;
  // The bytes that no record is shorter than.
  size_t shortest = 1;
};

#endif
