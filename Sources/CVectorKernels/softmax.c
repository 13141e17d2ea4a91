#include "softmax.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "multiversion.h"

// Sums may be reordered, which is what lets them be vectorised.
#pragma clang fp reassociate(on) contract(fast)

// e^x with a relative error below 2e-7, in a form that vectorises: x = k ln 2 + r with |r| <= ln 2 / 2, e^r by its
// Taylor polynomial of degree 7, 2^k put into the exponent. Arguments are held to -87...88, 1.6e-38 to 1.7e38.
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
  int32_t bits = ((int32_t)k + 127) << 23;
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

// Sixteen running maxima, since a single one would be a chain of dependent comparisons.
static inline __attribute__((always_inline)) float largest(const float *x, size_t count) {
  float lanes[16];
  for (size_t j = 0; j < 16; j++) lanes[j] = x[0];
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (size_t j = 0; j < 16; j++) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
  }
  for (; i < count; i++) lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
  for (size_t j = 1; j < 16; j++) lanes[0] = lanes[j] > lanes[0] ? lanes[j] : lanes[0];
  return lanes[0];
}

MULTIVERSION float bags_softmax(float *logits, size_t count) {
  float maximum = largest(logits, count);
  float sum = 0;
  for (size_t i = 0; i < count; i++) {
    float e = exponential(logits[i] - maximum);
    logits[i] = e;
    sum += e;
  }
  float inverse = 1 / sum;
  for (size_t i = 0; i < count; i++) logits[i] *= inverse;
  return maximum + logf(sum);
}

MULTIVERSION void bags_sigmoid(float *logits, size_t count) {
  for (size_t i = 0; i < count; i++) {
    // By way of e^-|z|, which cannot overflow.
    float z = logits[i];
    float e = exponential(-fabsf(z));
    float positive = 1 / (1 + e);
    logits[i] = z >= 0 ? positive : e * positive;
  }
}
