#ifndef CVECTORKERNELS_CONVOLUTION_H
#define CVECTORKERNELS_CONVOLUTION_H
#include <stddef.h>

// What stands between the convolutions of a tower: rows are locations, columns channels.

/// sums[c] += Σ x, squares[c] += Σ x² over `rows` rows of `channels` numbers.
void bags_channel_moments(const float *x, size_t rows, size_t channels, double *sums, double *squares);

/// y = max(0, scale[c] · x + shift[c]) of one row.
void bags_affine_relu(const float *x, size_t channels, const float *scale, const float *shift, float *y);

/// Sets dy to 0 where y is not above 0, as ReLU does, for one row.
void bags_relu_backward(float *dy, const float *y, size_t channels);

/// sums[c] += Σ dy, products[c] += Σ dy · x over `rows` rows of `channels` numbers.
void bags_channel_products(const float *dy, const float *x, size_t rows, size_t channels, double *sums, double *products);

/// dy ← a[c] · dy + b[c] · x + k[c] for `rows` rows of `channels` numbers.
void bags_channel_affine(
    float *dy, const float *x, size_t rows, size_t channels, const float *a, const float *b, const float *k);

/// y += x of `count` numbers.
void bags_add(const float *x, size_t count, float *y);

#endif
