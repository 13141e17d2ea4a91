// Numbers as JSON has them, read faster than by simdjson and, where there are more than 19 digits, rightly: simdjson 3.0.1,
// which Debian 12 has, then misplaces the point of numbers below 1.
#ifndef NUMBERS_HPP
#define NUMBERS_HPP

#include <cstdint>

// Each takes the longest number that begins at `at`, which is then behind it; false where there is none. At least 32 bytes
// behind the number and 33 before it are readable.

// An integer of at most 18 digits.
bool readPlainInteger(const char *&at, int64_t &out);
// A finite number, rounded to the nearest.
bool readPlainNumber(const char *&at, double &out);

#endif
