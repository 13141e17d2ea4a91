// Decimal digits turned into the nearest double.
#ifndef SCALING_HPP
#define SCALING_HPP

#include <cstdint>
#include <cstring>

constexpr int mostDecimals = 27;

// 10^-n as 128 bits, the highest of them set: floor(2^b / 5^n) + 1 with the b that fits.
struct NegativePower {
  uint64_t high, low;
};
constexpr NegativePower negativePowers[mostDecimals + 1] = {
    {0x8000000000000000, 0x0000000000000000}, {0xCCCCCCCCCCCCCCCC, 0xCCCCCCCCCCCCCCCD},
    {0xA3D70A3D70A3D70A, 0x3D70A3D70A3D70A4}, {0x83126E978D4FDF3B, 0x645A1CAC083126EA},
    {0xD1B71758E219652B, 0xD3C36113404EA4A9}, {0xA7C5AC471B478423, 0x0FCF80DC33721D54},
    {0x8637BD05AF6C69B5, 0xA63F9A49C2C1B110}, {0xD6BF94D5E57A42BC, 0x3D32907604691B4D},
    {0xABCC77118461CEFC, 0xFDC20D2B36BA7C3E}, {0x89705F4136B4A597, 0x31680A88F8953031},
    {0xDBE6FECEBDEDD5BE, 0xB573440E5A884D1C}, {0xAFEBFF0BCB24AAFE, 0xF78F69A51539D749},
    {0x8CBCCC096F5088CB, 0xF93F87B7442E45D4}, {0xE12E13424BB40E13, 0x2865A5F206B06FBA},
    {0xB424DC35095CD80F, 0x538484C19EF38C95}, {0x901D7CF73AB0ACD9, 0x0F9D37014BF60A11},
    {0xE69594BEC44DE15B, 0x4C2EBE687989A9B4}, {0xB877AA3236A4B449, 0x09BEFEB9FAD487C3},
    {0x9392EE8E921D5D07, 0x3AFF322E62439FD0}, {0xEC1E4A7DB69561A5, 0x2B31E9E3D06C32E6},
    {0xBCE5086492111AEA, 0x88F4BB1CA6BCF585}, {0x971DA05074DA7BEE, 0xD3F6FC16EBCA5E04},
    {0xF1C90080BAF72CB1, 0x5324C68B12DD6339}, {0xC16D9A0095928A27, 0x75B7053C0F178294},
    {0x9ABE14CD44753B52, 0xC4926A9672793543}, {0xF79687AED3EEC551, 0x3A83DDBD83F52205},
    {0xC612062576589DDA, 0x95364AFE032A819E}, {0x9E74D1B791E07E48, 0x775EA264CF55347E}};

// The double nearest to digits / 10^decimals, half to even, for up to `mostDecimals` decimals: Lemire's algorithm (Number
// Parsing at a Gigabyte per Second, 2021), of which Mushtak and Lemire (2023) proved that it needs no other beside it.
inline double scaled(uint64_t digits, int decimals) {
  if (digits == 0) return 0;
  int shift = __builtin_clzll(digits);
  digits <<= shift;
  const NegativePower &power = negativePowers[decimals];
  unsigned __int128 product = (unsigned __int128)digits * power.high;
  uint64_t high = uint64_t(product >> 64), low = uint64_t(product);
  if ((high & 0x1FF) == 0x1FF) {
    uint64_t carried = uint64_t((unsigned __int128)digits * power.low >> 64);
    low += carried;
    if (carried > low) high++;
  }
  int upper = int(high >> 63);
  uint64_t mantissa = high >> (upper + 9);
  // The exponent of 10^-decimals, by a fixed-point logarithm.
  int exponent = ((217706 * -decimals) >> 16) + 63 + upper - shift + 1023;
  // Half-way between two doubles: to the even one.
  if (low <= 1 && decimals <= 4 && (mantissa & 3) == 1 && mantissa << (upper + 9) == high) mantissa &= ~uint64_t(1);
  mantissa = (mantissa + (mantissa & 1)) >> 1;
  // A mantissa that overflows by rounding carries into the exponent.
  uint64_t bits = (uint64_t(exponent) << 52) + (mantissa - (uint64_t(1) << 52));
  double number;
  memcpy(&number, &bits, 8);
  return number;
}

#endif
