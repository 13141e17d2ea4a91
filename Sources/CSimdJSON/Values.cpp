#include "Reader.hpp"

#include <cmath>

#include "Numbers.hpp"

namespace {

void note(CSimdJSONReader &reader, CSimdJSONProblem problem, Place place, const char *expected) {
  CSimdJSONFailure &failure = *reader.failure;
  failure.problem = problem;
  failure.field = place.field;
  failure.index = place.index;
  failure.subindex = place.subindex;
  failure.expected = expected;
  failure.found_count = 0;
}

// The value's first bytes, up to where it ends if that is near.
void copyFound(CSimdJSONReader &reader, const char *start) {
  CSimdJSONFailure &failure = *reader.failure;
  size_t count = 0;
  bool quoted = start < reader.end && *start == '"';
  while (start + count < reader.end && count < sizeof failure.found) {
    char byte = start[count];
    if (!quoted && (byte == ',' || byte == ']' || byte == '}' || byte == '\n')) break;
    failure.found[count++] = byte;
    if (quoted && count > 1 && byte == '"' && start[count - 2] != '\\') break;
  }
  failure.found_count = count;
}

// simdjson gives no position for a value, but its raw token starts there.
const char *start(ondemand::value value) {
  return value.raw_json_token().data();
}

bool endsNumber(char byte) {
  return byte == ',' || byte == ']' || byte == '}' || byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

// Why a token that simdjson could not read as a number is none that we take.
CSimdJSONProblem numberProblem(const char *token, const char *end) {
  const char *p = token;
  if (p < end && *p == '-') p++;
  if (end - p >= 3 && (!memcmp(p, "NaN", 3) || !memcmp(p, "Inf", 3) || !memcmp(p, "nan", 3) || !memcmp(p, "inf", 3))) {
    return CSIMDJSON_NOT_FINITE;
  }
  if (p == end || *p < '0' || *p > '9') return CSIMDJSON_WRONG_TYPE;
  while (p < end && ((*p >= '0' && *p <= '9') || *p == '.' || *p == 'e' || *p == 'E' || *p == '+' || *p == '-')) p++;
  double number = strtod(token, nullptr);
  return std::isfinite(number) ? CSIMDJSON_WRONG_TYPE : CSIMDJSON_NOT_FINITE;
}

} // namespace

bool fail(CSimdJSONReader &reader, CSimdJSONProblem problem, Place place, const char *expected) {
  note(reader, problem, place, expected);
  return false;
}

bool fail(
    CSimdJSONReader &reader, CSimdJSONProblem problem, Place place, const char *expected, ondemand::value value) {
  note(reader, problem, place, expected);
  copyFound(reader, start(value));
  return false;
}

bool fail(CSimdJSONReader &reader, simdjson::error_code error, Place place) {
  note(reader, error == simdjson::MEMALLOC ? CSIMDJSON_OUT_OF_MEMORY : CSIMDJSON_SYNTAX, place, nullptr);
  reader.failure->detail = simdjson::error_message(error);
  return false;
}

bool readInteger(CSimdJSONReader &reader, ondemand::value value, Place place, int64_t &out) {
  if (value.get_int64().get(out) == simdjson::SUCCESS) return true;
  double number;
  if (value.get_double().get(number) != simdjson::SUCCESS) {
    const char *token = start(value);
    return fail(reader, numberProblem(token, reader.end), place, "an integer", value);
  }
  if (!(std::fabs(number) < 9007199254740992.0)) {
    return fail(reader, CSIMDJSON_OUT_OF_RANGE, place, "an integer", value);
  }
  if (number != std::trunc(number)) return fail(reader, CSIMDJSON_NOT_INTEGER, place, "an integer", value);
  out = int64_t(number);
  return true;
}

bool readID(CSimdJSONReader &reader, ondemand::value value, Place place, int64_t &out, uint32_t &flags) {
  if (value.get_int64().get(out) == simdjson::SUCCESS) return true;
  uint64_t wide;
  if (value.get_uint64().get(wide) == simdjson::SUCCESS) {
    out = int64_t(wide);
    flags |= CSIMDJSON_HAS_WIDE_ID;
    return true;
  }
  if (readInteger(reader, value, place, out)) return true;
  if (reader.failure->problem == CSIMDJSON_OUT_OF_RANGE) reader.failure->expected = "an id, which is below 2^64";
  return false;
}

bool readCount(CSimdJSONReader &reader, ondemand::value value, Place place, int64_t &out) {
  if (!readInteger(reader, value, place, out)) return false;
  if (out < 0) return fail(reader, CSIMDJSON_NEGATIVE, place, "0 or more", value);
  // What is counted or measured in pixels stays below this, and sums of it below 64 bits.
  return out <= int64_t(1) << 40 || fail(reader, CSIMDJSON_OUT_OF_RANGE, place, "a count", value);
}

bool readNumber(CSimdJSONReader &reader, ondemand::value value, Place place, double &out) {
  // What is taken here, simdjson passes over by itself.
  const char *behind = start(value);
  if (readPlainNumber(behind, out) && endsNumber(*behind)) return true;
  if (value.get_double().get(out) == simdjson::SUCCESS) return true;
  const char *token = start(value);
  return fail(reader, numberProblem(token, reader.end), place, "a number", value);
}

bool readFlag(CSimdJSONReader &reader, ondemand::value value, Place place, bool &out) {
  if (value.get_bool().get(out) == simdjson::SUCCESS) return true;
  int64_t number;
  if (!readInteger(reader, value, place, number)) return false;
  if (number != 0 && number != 1) return fail(reader, CSIMDJSON_OUT_OF_RANGE, place, "0 or 1", value);
  out = number == 1;
  return true;
}

bool readText(CSimdJSONReader &reader, ondemand::value value, Place place, CSimdJSONRange &out) {
  if (!isOf(value, ondemand::json_type::string)) {
    return fail(reader, CSIMDJSON_WRONG_TYPE, place, "a string", value);
  }
  std::string_view text;
  if (auto error = value.get_string().get(text)) return fail(reader, error, place);
  out = {uint32_t(reader.bytes.size()), uint32_t(text.size())};
  reader.bytes.insert(reader.bytes.end(), text.begin(), text.end());
  return true;
}

std::string_view rawToken(ondemand::value value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && strchr(" \t\r\n", token.back())) token.remove_suffix(1);
  return token;
}

bool readName(CSimdJSONReader &reader, ondemand::value value, Place place, CSimdJSONRange &out) {
  if (isOf(value, ondemand::json_type::string)) return readText(reader, value, place, out);
  if (isOf(value, ondemand::json_type::array) || isOf(value, ondemand::json_type::object)) {
    return fail(reader, CSIMDJSON_WRONG_TYPE, place, "a string", value);
  }
  std::string_view text = rawToken(value);
  out = {uint32_t(reader.bytes.size()), uint32_t(text.size())};
  reader.bytes.insert(reader.bytes.end(), text.begin(), text.end());
  return true;
}

bool readIntegers(CSimdJSONReader &reader, ondemand::value value, Place place, CSimdJSONRange &out) {
  ondemand::array array;
  if (!isOf(value, ondemand::json_type::array)) {
    return fail(reader, CSIMDJSON_WRONG_TYPE, place, "a list of integers", value);
  }
  if (auto error = value.get_array().get(array)) return fail(reader, error, place);
  size_t first = reader.integers.size();
  for (auto result : array) {
    ondemand::value element;
    if (auto error = std::move(result).get(element)) return fail(reader, error, place);
    int64_t number;
    uint32_t flags = 0;
    if (!readID(reader, element, {place.field, int64_t(reader.integers.size() - first)}, number, flags)) return false;
    reader.integers.push_back(number);
  }
  out = {uint32_t(first), uint32_t(reader.integers.size() - first)};
  return true;
}

bool readBox(CSimdJSONReader &reader, ondemand::value value, double (&out)[4], bool &isEmpty) {
  Place place{"bbox"};
  if (!isOf(value, ondemand::json_type::array)) {
    return fail(reader, CSIMDJSON_WRONG_TYPE, place, "a list [x, y, width, height]", value);
  }
  ondemand::array array;
  if (auto error = value.get_array().get(array)) return fail(reader, error, place);
  size_t count = 0;
  for (auto result : array) {
    ondemand::value element;
    if (auto error = std::move(result).get(element)) return fail(reader, error, place);
    if (count < 4 && !readNumber(reader, element, {"bbox", int64_t(count)}, out[count])) return false;
    count++;
  }
  isEmpty = count == 0;
  if (count == 4 || isEmpty) return true;
  reader.failure->count = count;
  return fail(reader, CSIMDJSON_WRONG_LENGTH, place, "4 numbers: [x, y, width, height]");
}
