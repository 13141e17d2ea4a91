// What the readers of all records share: values taken with a check, and failures that say where.
#ifndef READER_HPP
#define READER_HPP

#include <simdjson.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "CSimdJSON.h"
#include "Layout.hpp"

namespace ondemand = simdjson::SIMDJSON_BUILTIN_IMPLEMENTATION::ondemand;

struct CSimdJSONReader : DetectionRows {
  ondemand::parser parser;
  std::vector<CSimdJSONImage> images;
  std::vector<CSimdJSONCategory> categories;
  std::vector<int64_t> integers;
  std::vector<double> coordinates;
  std::vector<uint32_t> polygon_ends;
  std::vector<uint32_t> runs;

  // How the detections of this file are written, and in how many windows some were written otherwise.
  Layout layout;
  bool hasLayout = false;
  int surprises = 0;

  CSimdJSONFailure *failure = nullptr;
  const char *end = nullptr;

  void clear() {
    images.clear();
    categories.clear();
    columns.count = 0;
    objects.clear();
    integers.clear();
    bytes.clear();
    coordinates.clear();
    polygon_ends.clear();
    runs.clear();
  }
};

// Where in a record a value stands.
struct Place {
  const char *field;
  int64_t index = -1;
  int64_t subindex = -1;
};

// Each of these is true, or false with the failure recorded.

bool fail(CSimdJSONReader &, CSimdJSONProblem, Place, const char *expected);
bool fail(CSimdJSONReader &, CSimdJSONProblem, Place, const char *expected, ondemand::value);
bool fail(CSimdJSONReader &, simdjson::error_code, Place);

bool readInteger(CSimdJSONReader &, ondemand::value, Place, int64_t &);
// An integer of 64 bits, signed or not: one of 2^63 or more keeps its bits, and sets CSIMDJSON_HAS_WIDE_ID.
bool readID(CSimdJSONReader &, ondemand::value, Place, int64_t &, uint32_t &flags);
// An integer that is not negative.
bool readCount(CSimdJSONReader &, ondemand::value, Place, int64_t &);
// A finite number.
bool readNumber(CSimdJSONReader &, ondemand::value, Place, double &);
// 0, 1, false or true.
bool readFlag(CSimdJSONReader &, ondemand::value, Place, bool &);
// Text, appended to `bytes`.
bool readText(CSimdJSONReader &, ondemand::value, Place, CSimdJSONRange &);
// Text, or a number or truth value as the file has it, appended to `bytes`.
bool readName(CSimdJSONReader &, ondemand::value, Place, CSimdJSONRange &);
// The bytes of a value that is no list or object, as the file has them.
std::string_view rawToken(ondemand::value);
// A list of integers, appended to `integers`.
bool readIntegers(CSimdJSONReader &, ondemand::value, Place, CSimdJSONRange &);
// x, y, width, height; or nothing, which `isEmpty` says.
bool readBox(CSimdJSONReader &, ondemand::value, double (&)[4], bool &isEmpty);
// Polygons or run lengths, appended to the lists.
bool readSegmentation(CSimdJSONReader &, ondemand::value, CSimdJSONSegmentation &);

inline bool isNull(ondemand::value value) {
  bool answer;
  return value.is_null().get(answer) == simdjson::SUCCESS && answer;
}

inline bool isOf(ondemand::value &value, ondemand::json_type type) {
  ondemand::json_type actual;
  return value.type().get(actual) == simdjson::SUCCESS && actual == type;
}

// Whether a key, as it stands behind its first quote, is this name.
template <size_t N> inline bool isKey(const char *raw, const char (&name)[N]) {
  return memcmp(raw, name, N - 1) == 0 && raw[N - 1] == '"';
}

// Calls `body(key, value)` for every field that is not null, until it returns false. A key that is written with
// escapes is passed unescaped; either way a quote stands behind it.
template <typename Body> inline bool forEachField(CSimdJSONReader &reader, ondemand::object &object, Body body) {
  for (auto result : object) {
    ondemand::field field;
    if (auto error = std::move(result).get(field)) return fail(reader, error, {nullptr});
    const char *key = field.key().raw();
    char unescaped[64];
    const char *stop = key;
    while (*stop != '"' && *stop != '\\') stop++;
    if (*stop == '\\') {
      std::string_view text;
      if (auto error = field.unescaped_key().get(text)) return fail(reader, error, {nullptr});
      size_t count = std::min(text.size(), sizeof unescaped - 1);
      memset(unescaped, 0, sizeof unescaped);
      memcpy(unescaped, text.data(), count);
      unescaped[count] = '"';
      key = unescaped;
    }
    if (!body(key, field.value())) return false;
  }
  return true;
}

#endif
