#include "softmax.h"

#include "exponential.h"
#include "multiversion.h"

// Sums may be reordered, which is what lets them be vectorised.
#pragma clang fp reassociate(on) contract(fast)

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
