#include "Numbers.hpp"

#include <charconv>
#include <cstddef>
#include <cstring>

#include "Scaling.hpp"

namespace {

bool isDigit(char byte) {
  return byte >= '0' && byte <= '9';
}

uint64_t loadEight(const char *at) {
  uint64_t chunk;
  memcpy(&chunk, at, 8);
  return chunk;
}

bool isEightDigits(uint64_t chunk) {
  return ((chunk & 0xF0F0F0F0F0F0F0F0) | (((chunk + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) ==
         0x3333333333333333;
}

// The number that eight digits make, the first one in the lowest byte (Lemire 2018).
uint64_t parseEightDigits(uint64_t chunk) {
  chunk = (chunk & 0x0F0F0F0F0F0F0F0F) * 2561 >> 8;
  chunk = (chunk & 0x00FF00FF00FF00FF) * 6553601 >> 16;
  return (chunk & 0x0000FFFF0000FFFF) * 42949672960001 >> 32;
}

bool readDigits(const char *first, const char *end, double &out) {
#if defined(__cpp_lib_to_chars)
  auto result = std::from_chars(first, end, out);
  return result.ec == std::errc() && result.ptr == end;
#else
  (void)first;
  (void)end;
  (void)out;
  return false;
#endif
}

} // namespace

bool readPlainInteger(const char *&at, int64_t &out) {
  bool isNegative = *at == '-';
  const char *first = at + isNegative;
  const char *p = first;
  int64_t number = 0;
  while (isDigit(*p)) number = int64_t(uint64_t(number) * 10 + uint64_t(*p++ - '0'));
  std::ptrdiff_t count = p - first;
  if (count == 0 || count > 18 || (*first == '0' && count > 1)) return false;
  out = isNegative ? -number : number;
  at = p;
  return true;
}

bool readPlainNumber(const char *&at, double &out) {
  bool isNegative = *at == '-';
  const char *first = at + isNegative;
  const char *p = first;
  uint64_t digits = 0;
  while (isDigit(*p)) digits = digits * 10 + uint64_t(*p++ - '0');
  std::ptrdiff_t count = p - first;
  if (count == 0 || (*first == '0' && count > 1)) return false;
  std::ptrdiff_t decimals = 0;
  if (*p == '.') {
    const char *point = p++;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (uint64_t chunk = loadEight(p); isEightDigits(chunk); chunk = loadEight(p)) {
      digits = digits * 100000000 + parseEightDigits(chunk);
      p += 8;
    }
#endif
    while (isDigit(*p)) digits = digits * 10 + uint64_t(*p++ - '0');
    decimals = p - point - 1;
    if (decimals == 0) return false;
  }
  bool hasExponent = (*p | 0x20) == 'e';
  if (hasExponent) {
    p++;
    if (*p == '+' || *p == '-') p++;
    if (!isDigit(*p)) return false;
    while (isDigit(*p)) p++;
  }
  // Zeros that a number below 1 begins with are none of its digits.
  std::ptrdiff_t zeros = 0;
  if (*first == '0') {
    while (zeros < decimals && first[2 + zeros] == '0') zeros++;
  }
  if (!hasExponent && count + decimals - zeros <= 19 && decimals <= mostDecimals) {
    double number = scaled(digits, int(decimals));
    out = isNegative ? -number : number;
  } else if (!readDigits(at, p, out)) {
    return false;
  }
  at = p;
  return true;
}
