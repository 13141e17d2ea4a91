#include "Numbers.hpp"

#include <charconv>
#include <cstddef>
#include <cstring>

namespace {

bool isDigit(char byte) {
  return byte >= '0' && byte <= '9';
}

bool isEightDigits(uint64_t chunk) {
  return ((chunk & 0xF0F0F0F0F0F0F0F0) | (((chunk + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) ==
         0x3333333333333333;
}

// The number that eight digits make, the first one in the lowest byte (Lemire 2018).
uint32_t parseEightDigits(uint64_t chunk) {
  chunk = (chunk & 0x0F0F0F0F0F0F0F0F) * 2561 >> 8;
  chunk = (chunk & 0x00FF00FF00FF00FF) * 6553601 >> 16;
  return uint32_t((chunk & 0x0000FFFF0000FFFF) * 42949672960001 >> 32);
}

uint64_t loadEight(const char *at) {
  uint64_t chunk;
  memcpy(&chunk, at, 8);
  return chunk;
}

// The double nearest to digits / 10^decimals, for up to 19 decimals: a quotient of 63 or 64 bits and whether anything is
// left over decide its rounding, half to even.
double quotient(uint64_t digits, std::ptrdiff_t decimals) {
  static const uint64_t powers[] = {
      1u,
      10u,
      100u,
      1000u,
      10000u,
      100000u,
      1000000u,
      10000000u,
      100000000u,
      1000000000u,
      10000000000u,
      100000000000u,
      1000000000000u,
      10000000000000u,
      100000000000000u,
      1000000000000000u,
      10000000000000000u,
      100000000000000000u,
      1000000000000000000u,
      10000000000000000000u};
  if (digits == 0) return 0;
  int shift = __builtin_clzll(digits), divisorShift = __builtin_clzll(powers[decimals]);
  // Both with their highest bit set, so that the quotient of the first, 63 bits higher, by the second fits.
  uint64_t dividend = digits << shift, divisor = powers[decimals] << divisorShift;
  uint64_t high = dividend >> 1, low = dividend << 63, result, rest;
#if defined(__x86_64__)
  __asm__("divq %4" : "=a"(result), "=d"(rest) : "a"(low), "d"(high), "r"(divisor) : "cc");
#else
  unsigned __int128 whole = (unsigned __int128)high << 64 | low;
  result = uint64_t(whole / divisor);
  rest = uint64_t(whole % divisor);
#endif
  int exponent = divisorShift - shift;
  if (result >> 63 == 0) {
    result <<= 1;
    exponent -= 1;
  }
  uint64_t mantissa = result >> 11, below = result & 0x7FF;
  bool isUp = below > 0x400 || (below == 0x400 && (rest != 0 || (mantissa & 1) != 0));
  // A mantissa that overflows by rounding carries into the exponent.
  uint64_t bits = (uint64_t(exponent + 1023) << 52) + (mantissa - (uint64_t(1) << 52)) + isUp;
  double number;
  memcpy(&number, &bits, 8);
  return number;
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
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
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
  // Both exact, so that the quotient is rounded once (Clinger 1990).
  if (!hasExponent && count + decimals <= 19) {
    double number = digits <= uint64_t(1) << 53 ? double(digits) / powers[decimals] : quotient(digits, decimals);
    out = isNegative ? -number : number;
  } else if (!readDigits(at, p, out)) {
    return false;
  }
  at = p;
  return true;
}

