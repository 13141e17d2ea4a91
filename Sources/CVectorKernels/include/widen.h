#ifndef CVECTORKERNELS_WIDEN_H
#define CVECTORKERNELS_WIDEN_H

#include <stdbool.h>
#include <stddef.h>

// Half precision (F16) and bfloat16 (BF16) to and from single precision. Neither side need be aligned; the two sides
// may not overlap. The widening calls say whether all numbers were finite, which costs nothing on the way.

bool bags_widen_f16(const void *source, float *destination, size_t count);
bool bags_widen_bf16(const void *source, float *destination, size_t count);
bool bags_copy_f32(const void *source, float *destination, size_t count);

// Rounded to nearest, ties to even; too large becomes infinite.
void bags_narrow_f16(const float *source, void *destination, size_t count);
void bags_narrow_bf16(const float *source, void *destination, size_t count);

#endif
