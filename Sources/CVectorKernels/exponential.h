#ifndef CVECTORKERNELS_EXPONENTIAL_H
#define CVECTORKERNELS_EXPONENTIAL_H

#include <math.h>
#include <stdint.h>
#include <string.h>

// e^x with a relative error below 2e-7, in a form that vectorises: x = k ln 2 + r with |r| <= ln 2 / 2, e^r by its
// Taylor polynomial of degree 7, 2^k put into the exponent. Arguments are held to -87...88, 1.6e-38 to 1.7e38. NaN
// gives NaN, by way of r.
static inline __attribute__((always_inline)) float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  float k = rintf(x * 1.44269504088896341f);
  float r = x - k * 0.693359375f;
  r = r + k * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  // What is no number is none that an integer could be, either.
  int32_t bits = ((int32_t)(k > -127.0f ? k : -127.0f) + 127) << 23;
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

// log(1 + x) for x in 0...1 with a relative error below 2e-7: 2 artanh(s) with s = x / (2 + x) <= 1/3, by its series.
static inline __attribute__((always_inline)) float log_one_plus(float x) {
  float s = x / (2 + x);
  float t = s * s;
  float p = 1.0f / 15;
  p = p * t + 1.0f / 13;
  p = p * t + 1.0f / 11;
  p = p * t + 1.0f / 9;
  p = p * t + 1.0f / 7;
  p = p * t + 1.0f / 5;
  p = p * t + 1.0f / 3;
  p = p * t + 1.0f;
  return 2 * s * p;
}

#endif
