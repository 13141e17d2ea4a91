#include "resampling.h"

#include "multiversion.h"

#define LANES BAGS_RESAMPLING_LANES

MULTIVERSION void bags_resampled_totals(
    const int32_t *images, const int32_t *ends, size_t stops, const uint16_t *weights, float *totals) {
  int32_t sum[LANES] = {0};
  int32_t at = 0;
  for (size_t stop = 0; stop < stops; stop++) {
    for (; at < ends[stop]; at++) {
      const uint16_t *weight = weights + (size_t)images[at] * LANES;
      for (int lane = 0; lane < LANES; lane++) sum[lane] += weight[lane];
    }
    for (int lane = 0; lane < LANES; lane++) totals[stop * LANES + lane] = (float)sum[lane];
  }
}

// Whether k · .01 is above k / 100 in double precision: such a recall is not reached by k of a hundred objects, since the
// recall points are multiples of .01 (numpy's `linspace`). So it is for 35, 41, 47, 57, 69, 70, 82, 83, 94 and 95. Bits
// instead of a table, which every lane would have to look up by itself.
static inline int32_t isAbove(int32_t point) {
  uint32_t fromThirtyTwo = 1u << 3 | 1u << 9 | 1u << 15 | 1u << 25;
  uint32_t fromSixtyFour = 1u << 5 | 1u << 6 | 1u << 18 | 1u << 19 | 1u << 30 | 1u << 31;
  uint32_t bits = point < 64 ? fromThirtyTwo : fromSixtyFour;
  bits = point < 32 || point > 95 ? 0 : bits;
  return (int32_t)(bits >> ((uint32_t)point & 31) & 1);
}

// How many recall points `hits` of `objects` reach.
static inline int32_t reached(int32_t hits, int32_t objects, float scale) {
  int32_t point = (int32_t)((float)hits * scale);
  int32_t rest = 100 * hits - point * objects;
  // The estimate may be off by one.
  point += (rest >= objects) - (rest < 0);
  rest = 100 * hits - point * objects;
  point = point < 0 ? 0 : point > 100 ? 100 : point;
  point -= rest == 0 ? isAbove(point) : 0;
  return hits > 0 ? point + 1 : 0;
}

MULTIVERSION void bags_resampled_precision(
    const bags_resampled_event *events, size_t count, const uint16_t *weights, const float *totals,
    const int32_t *objects, float *scratch, float *averages) {
  int32_t hits[LANES] = {0};
  float absent[LANES] = {0};
  // By point: the precision of each lane, then its hits.
  size_t points = 0;
  for (size_t event = 0; event < count; event++) {
    const uint16_t *weight = weights + (size_t)events[event].image * LANES;
    if (events[event].stop < 0) {
      for (int lane = 0; lane < LANES; lane++) absent[lane] += (float)weight[lane];
      continue;
    }
    const float *total = totals + (size_t)events[event].stop * LANES;
    float *precision = scratch + points * 2 * LANES;
    int32_t *kept = (int32_t *)(precision + LANES);
    for (int lane = 0; lane < LANES; lane++) {
      hits[lane] += weight[lane];
      kept[lane] = hits[lane];
      precision[lane] = (float)hits[lane] / (total[lane] - absent[lane] + 1e-30f);
    }
    points++;
  }
  float scale[LANES], best[LANES] = {0}, sum[LANES] = {0};
  int32_t above[LANES], objectCount[LANES];
  for (int lane = 0; lane < LANES; lane++) {
    objectCount[lane] = objects[lane] > 0 ? objects[lane] : 1;
    scale[lane] = 100 / (float)objectCount[lane];
    above[lane] = reached(hits[lane], objectCount[lane], scale[lane]);
  }
  for (size_t point = points; point-- > 0;) {
    const float *precision = scratch + point * 2 * LANES;
    const int32_t *before = point == 0 ? NULL : (const int32_t *)(precision - LANES);
    for (int lane = 0; lane < LANES; lane++) {
      best[lane] = precision[lane] > best[lane] ? precision[lane] : best[lane];
      int32_t below = before ? reached(before[lane], objectCount[lane], scale[lane]) : 0;
      sum[lane] += best[lane] * (float)(above[lane] - below);
      above[lane] = below;
    }
  }
  for (int lane = 0; lane < LANES; lane++) averages[lane] = sum[lane] / 101;
}
