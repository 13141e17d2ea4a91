#ifndef CVECTORKERNELS_SELECT_H
#define CVECTORKERNELS_SELECT_H

#include <stddef.h>
#include <stdint.h>

/// Writes the indices of the values above `threshold`, ascending; returns how many. `indices` has room for `count`.
size_t bags_indices_above(const float *values, size_t count, float threshold, uint32_t *indices);

#endif
