#include "winograd.h"

#include <string.h>

#include "multiversion.h"
#include "product.h"

// A product and a sum are rounded once where the processor can.
#pragma clang fp contract(fast)

// Sixteen channels or outputs at a time: one register of AVX-512, two of AVX2.
typedef float lanes __attribute__((vector_size(64), aligned(4)));
enum { LANES = 16, OUT = BAGS_TILE, SIDE = OUT + 2 };
#define INLINE static inline __attribute__((always_inline)) void
#define UNROLL _Pragma("clang loop unroll(full)")

// The points ±P and ±Q; their products below are exact.
#define P 0.75f
#define Q 1.5f
#define PP (P * P)
#define QQ (Q * Q)

/// Some of 16 numbers; the others are 0.
INLINE take(lanes *to, const float *from, size_t count) {
  if (count >= LANES) {
    *to = *(const lanes *)from;
  } else {
    float edge[LANES] = {0};
    memcpy(edge, from, count * sizeof(float));
    *to = *(const lanes *)edge;
  }
}

INLINE give(float *to, const lanes *value, size_t count) {
  if (count >= LANES) *(lanes *)to = *value;
  else memcpy(to, value, count * sizeof(float));
}

/// Bᵀ d of six numbers, `from` apart; the results are `to` apart.
INLINE inputs_of_line(const lanes *d, const int from, lanes *v, const int to) {
  const lanes a = d[0], b = d[from], c = d[2 * from], e = d[3 * from], f = d[4 * from], g = d[5 * from];
  const lanes evenP = f - QQ * c, oddP = P * (e - QQ * b);
  const lanes evenQ = f - PP * c, oddQ = Q * (e - PP * b);
  v[0] = PP * QQ * a - (PP + QQ) * c + f;
  v[to] = evenP + oddP;
  v[2 * to] = evenP - oddP;
  v[3 * to] = evenQ + oddQ;
  v[4 * to] = evenQ - oddQ;
  v[5 * to] = PP * QQ * b - (PP + QQ) * e + g;
}

MULTIVERSION void bags_winograd_inputs(const float *map, size_t rowLength, size_t rows, size_t columns, size_t channels,
                                       size_t panelStep, size_t pointStep, float *v) {
  const size_t padded = (channels + BAGS_PANEL - 1) / BAGS_PANEL * BAGS_PANEL;
  for (size_t first = 0; first < padded; first += LANES) {
    const size_t some = channels > first ? channels - first : 0;
    float *to = v + first / BAGS_PANEL * panelStep + first % BAGS_PANEL;
    lanes d[SIDE * SIDE], t[SIDE * SIDE];
    if (rows >= SIDE && columns >= SIDE && some >= LANES) {
      UNROLL for (int y = 0; y < SIDE; y++) {
        UNROLL for (int x = 0; x < SIDE; x++) {
          d[y * SIDE + x] = *(const lanes *)(map + first + y * rowLength + x * channels);
        }
      }
    } else {
      for (size_t y = 0; y < SIDE; y++) {
        for (size_t x = 0; x < SIDE; x++) {
          if (y < rows && x < columns) take(&d[y * SIDE + x], map + first + y * rowLength + x * channels, some);
          else d[y * SIDE + x] = (lanes){0};
        }
      }
    }
    UNROLL for (int x = 0; x < SIDE; x++) inputs_of_line(d + x, SIDE, t + x, SIDE);
    UNROLL for (int y = 0; y < SIDE; y++) {
      lanes v[SIDE];
      inputs_of_line(t + y * SIDE, 1, v, 1);
      UNROLL for (int x = 0; x < SIDE; x++) *(lanes *)(to + (y * SIDE + x) * pointStep) = v[x];
    }
  }
}

// The rows of G: [1, p, p²] of each point over the product of its differences from the others; the last is [0, 0, 1].
#define OF_ZERO (1.0f / (PP * QQ))
#define OF_P (1.0f / (2 * PP * (PP - QQ)))
#define OF_Q (1.0f / (2 * QQ * (QQ - PP)))

/// G g of three numbers.
INLINE weights_of_line(const lanes *g, const int from, lanes *u, const int to) {
  const lanes a = g[0], b = g[from], c = g[2 * from];
  const lanes evenP = a + PP * c, oddP = P * b, evenQ = a + QQ * c, oddQ = Q * b;
  u[0] = OF_ZERO * a;
  u[to] = OF_P * (evenP + oddP);
  u[2 * to] = OF_P * (evenP - oddP);
  u[3 * to] = OF_Q * (evenQ + oddQ);
  u[4 * to] = OF_Q * (evenQ - oddQ);
  u[5 * to] = c;
}

MULTIVERSION void bags_winograd_weights(const float *w, size_t count, size_t channels, size_t pointStep, float *u) {
  for (size_t row = 0; row < count; row++, w += 9 * channels, u += channels) {
    for (size_t first = 0; first < channels; first += LANES) {
      lanes g[9], t[SIDE * 3];
      UNROLL for (int tap = 0; tap < 9; tap++) take(&g[tap], w + tap * channels + first, channels - first);
      UNROLL for (int x = 0; x < 3; x++) weights_of_line(g + x, 3, t + x, 3);
      UNROLL for (int y = 0; y < SIDE; y++) {
        lanes line[SIDE];
        weights_of_line(t + 3 * y, 1, line, 1);
        UNROLL for (int x = 0; x < SIDE; x++) {
          give(u + (y * SIDE + x) * pointStep + first, &line[x], channels - first);
        }
      }
    }
  }
}

/// Aᵀ m of six numbers.
INLINE outputs_of_line(const lanes *m, const int from, lanes *y, const int to) {
  const lanes sumP = m[from] + m[2 * from], differenceP = m[from] - m[2 * from];
  const lanes sumQ = m[3 * from] + m[4 * from], differenceQ = m[3 * from] - m[4 * from];
  y[0] = m[0] + sumP + sumQ;
  y[to] = P * differenceP + Q * differenceQ;
  y[2 * to] = PP * sumP + QQ * sumQ;
  y[3 * to] = P * PP * differenceP + Q * QQ * differenceQ + m[5 * from];
}

MULTIVERSION void bags_winograd_outputs(const float *m, size_t pointStep, const float *bias, size_t rows,
                                        size_t columns, size_t count, size_t rowLength, size_t stride, float *y) {
  for (size_t first = 0; first < count; first += LANES) {
    const size_t some = count - first;
    lanes t[OUT * SIDE], shift;
    take(&shift, bias + first, some);
    UNROLL for (int x = 0; x < SIDE; x++) {
      lanes column[SIDE];
      UNROLL for (int i = 0; i < SIDE; i++) column[i] = *(const lanes *)(m + first + (i * SIDE + x) * pointStep);
      outputs_of_line(column, 1, t + x, SIDE);
    }
    for (size_t row = 0; row < rows; row++) {
      lanes line[OUT];
      outputs_of_line(t + row * SIDE, 1, line, 1);
      UNROLL for (int x = 0; x < OUT; x++) line[x] += shift;
      float *to = y + row * rowLength + first;
      if (columns == OUT && some >= LANES) {
        UNROLL for (int x = 0; x < OUT; x++) *(lanes *)(to + x * stride) = line[x];
      } else {
        for (size_t x = 0; x < columns; x++) give(to + x * stride, &line[x], some);
      }
    }
  }
}

/// A dy of four numbers.
INLINE gradients_of_line(const lanes *dy, const int from, lanes *m, const int to) {
  const lanes a = dy[0], b = dy[from], c = dy[2 * from], d = dy[3 * from];
  const lanes evenP = a + PP * c, oddP = P * b + P * PP * d, evenQ = a + QQ * c, oddQ = Q * b + Q * QQ * d;
  m[0] = a;
  m[to] = evenP + oddP;
  m[2 * to] = evenP - oddP;
  m[3 * to] = evenQ + oddQ;
  m[4 * to] = evenQ - oddQ;
  m[5 * to] = d;
}

MULTIVERSION void bags_winograd_gradients(const float *dy, size_t rowLength, size_t stride, size_t rows, size_t columns,
                                          size_t count, size_t pointStep, float *m, float *restrict sums) {
  for (size_t first = 0; first < BAGS_PANEL; first += LANES) {
    const size_t some = count > first ? count - first : 0;
    lanes d[OUT * OUT], t[SIDE * OUT];
    if (rows >= OUT && columns >= OUT && some >= LANES) {
      UNROLL for (int y = 0; y < OUT; y++) {
        UNROLL for (int x = 0; x < OUT; x++) {
          d[y * OUT + x] = *(const lanes *)(dy + y * rowLength + x * stride + first);
        }
      }
    } else {
      for (size_t y = 0; y < OUT; y++) {
        for (size_t x = 0; x < OUT; x++) {
          if (y < rows && x < columns) take(&d[y * OUT + x], dy + y * rowLength + x * stride + first, some);
          else d[y * OUT + x] = (lanes){0};
        }
      }
    }
    lanes sum = {0};
    UNROLL for (int i = 0; i < OUT * OUT; i++) sum += d[i];
    *(lanes *)(sums + first) += sum;
    UNROLL for (int x = 0; x < OUT; x++) gradients_of_line(d + x, OUT, t + x, OUT);
    UNROLL for (int y = 0; y < SIDE; y++) {
      lanes line[SIDE];
      gradients_of_line(t + y * OUT, 1, line, 1);
      UNROLL for (int x = 0; x < SIDE; x++) *(lanes *)(m + first + (y * SIDE + x) * pointStep) = line[x];
    }
  }
}

/// Gᵀ du of six numbers.
INLINE weight_gradients_of_line(const lanes *u, const int from, lanes *g, const int to) {
  const lanes sumP = OF_P * (u[from] + u[2 * from]), differenceP = OF_P * (u[from] - u[2 * from]);
  const lanes sumQ = OF_Q * (u[3 * from] + u[4 * from]), differenceQ = OF_Q * (u[3 * from] - u[4 * from]);
  g[0] = OF_ZERO * u[0] + sumP + sumQ;
  g[to] = P * differenceP + Q * differenceQ;
  g[2 * to] = PP * sumP + QQ * sumQ + u[5 * from];
}

MULTIVERSION void bags_winograd_weight_gradients(const float *du, size_t count, size_t channels, float *dw) {
  for (size_t channel = 0; channel < channels; channel++, du += BAGS_PANEL) {
    for (size_t first = 0; first < count; first += LANES) {
      lanes t[3 * SIDE];
      UNROLL for (int x = 0; x < SIDE; x++) {
        lanes column[SIDE];
        UNROLL for (int i = 0; i < SIDE; i++) {
          column[i] = *(const lanes *)(du + first + (i * SIDE + x) * channels * BAGS_PANEL);
        }
        weight_gradients_of_line(column, 1, t + x, SIDE);
      }
      UNROLL for (int y = 0; y < 3; y++) {
        lanes line[3];
        weight_gradients_of_line(t + y * SIDE, 1, line, 1);
        for (size_t i = 0; i < LANES && first + i < count; i++) {
          float *to = dw + (first + i) * 9 * channels + 3 * y * channels + channel;
          UNROLL for (int x = 0; x < 3; x++) to[x * channels] = line[x][i];
        }
      }
    }
  }
}
