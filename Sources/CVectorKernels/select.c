#include "select.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Few values pass, so sixteen at a time are looked at, and none written where none does.
size_t bags_indices_above(const float *values, size_t count, float threshold, uint32_t *indices) {
  size_t found = 0;
  size_t i = 0;
#if defined(__SSE2__)
  const __m128 limit = _mm_set1_ps(threshold);
  for (; i + 16 <= count; i += 16) {
    unsigned mask = 0;
    for (unsigned part = 0; part < 4; part++) {
      __m128 above = _mm_cmpgt_ps(_mm_loadu_ps(values + i + 4 * part), limit);
      mask |= (unsigned)_mm_movemask_ps(above) << (4 * part);
    }
    for (; mask != 0; mask &= mask - 1) indices[found++] = (uint32_t)(i + (size_t)__builtin_ctz(mask));
  }
#else
  for (; i + 16 <= count; i += 16) {
    int any = 0;
    for (size_t j = 0; j < 16; j++) any |= values[i + j] > threshold;
    if (!any) continue;
    for (size_t j = 0; j < 16; j++) {
      if (values[i + j] > threshold) indices[found++] = (uint32_t)(i + j);
    }
  }
#endif
  for (; i < count; i++) {
    if (values[i] > threshold) indices[found++] = (uint32_t)i;
  }
  return found;
}
