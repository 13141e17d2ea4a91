#include "convolution.h"

#include "multiversion.h"

#pragma clang fp contract(fast)

MULTIVERSION void bags_channel_moments(
    const float *x, size_t rows, size_t channels, double *restrict sums, double *restrict squares) {
  for (size_t row = 0; row < rows; row++, x += channels) {
    for (size_t c = 0; c < channels; c++) {
      double value = x[c];
      sums[c] += value;
      squares[c] += value * value;
    }
  }
}

MULTIVERSION void bags_affine_relu(
    const float *x, size_t channels, const float *scale, const float *shift, float *restrict y) {
  for (size_t c = 0; c < channels; c++) {
    float value = scale[c] * x[c] + shift[c];
    // What is no number stays so, as in torch: a training that diverges is seen to.
    y[c] = value < 0 ? 0 : value;
  }
}

MULTIVERSION void bags_relu_backward(float *restrict dy, const float *y, size_t channels) {
  for (size_t c = 0; c < channels; c++) dy[c] = y[c] > 0 ? dy[c] : 0;
}

MULTIVERSION void bags_channel_products(
    const float *dy, const float *x, size_t rows, size_t channels, double *restrict sums, double *restrict products) {
  for (size_t row = 0; row < rows; row++, dy += channels, x += channels) {
    for (size_t c = 0; c < channels; c++) {
      sums[c] += dy[c];
      products[c] += (double)dy[c] * x[c];
    }
  }
}

MULTIVERSION void bags_channel_affine(
    float *restrict dy, const float *x, size_t rows, size_t channels, const float *a, const float *b, const float *k) {
  for (size_t row = 0; row < rows; row++, dy += channels, x += channels) {
    for (size_t c = 0; c < channels; c++) dy[c] = a[c] * dy[c] + b[c] * x[c] + k[c];
  }
}

MULTIVERSION void bags_add(const float *x, size_t count, float *restrict y) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}
