#ifndef CVECTORKERNELS_SGD_H
#define CVECTORKERNELS_SGD_H
#include <stddef.h>

/// Σ values².
double bags_sum_of_squares(const float *values, size_t count);

/// One step of SGD with momentum, as PyTorch defines it: v ← momentum·v + scale·gradient + decay·w; w ← w − rate·v.
void bags_sgd_step(float *weight, float *velocity, const float *gradient, size_t count, float rate, float momentum,
                   float decay, float scale);

/// sums[j] ← Σ_rows values[row][first + j], for `columns` columns of a matrix with rows of `stride`.
void bags_column_sums(const float *values, size_t rows, size_t stride, size_t columns, float *sums);

#endif
