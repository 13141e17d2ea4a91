#include "product.h"

#include <stdbool.h>
#include <string.h>

#include "multiversion.h"

// A product and a sum are rounded once where the processor can.
#pragma clang fp contract(fast)

enum {
  // Products that are summed before they are added to the result: few enough for single precision and for the cache.
  // Another number gives other roundings.
  BLOCK = 256,
  // The most rows that a block of any instruction set takes.
  MOST_ROWS = 12,
};

struct kernels {
  void (*forward_strip)(size_t rows, const float *x, size_t panelStep, const float *w, size_t panels, float *z,
                        size_t stride, size_t columns, const float *bias, bool isFirst);
  void (*forward_tail)(size_t rows, const float *x, size_t panelStep, const float *w, size_t panels, float *z,
                       size_t stride, size_t columns, const float *bias);
  void (*backward_strip)(size_t rows, const float *dz, size_t step, const float *x, size_t count, float *dw,
                         size_t stride, size_t columns, bool isFirst);
};

#if defined(__x86_64__)
// 24 of 32 registers for sums.
#define SUFFIX avx512
#define TARGET __attribute__((target("avx512f,avx2,fma")))
#define LANES 16
#define ROWS 12
#define VECTORS 2
#include "product_kernel.h"

// 12 of 16.
#define SUFFIX avx2
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#define ROWS 6
#define VECTORS 2
#include "product_kernel.h"
#endif

#define SUFFIX portable
#define TARGET
#define LANES 4
#define ROWS 4
#define VECTORS 2
#include "product_kernel.h"

static const struct kernels *chosen(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma")) return &kernels_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &kernels_avx2;
#endif
  return &kernels_portable;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t panel_count(size_t columns) { return (columns + BAGS_PANEL - 1) / BAGS_PANEL; }

void bags_pack_rows(const float *x, size_t stride, const int32_t *rows, size_t first, size_t last, size_t columns,
                    size_t packedCount, float *panels) {
  for (size_t row = first; row < last; row++) {
    const float *from = x + (rows ? (size_t)rows[row] : row) * stride;
    float *to = panels + row * BAGS_PANEL;
    size_t left = columns;
    for (; left >= BAGS_PANEL; left -= BAGS_PANEL) {
      memcpy(to, from, BAGS_PANEL * sizeof(float));
      from += BAGS_PANEL;
      to += packedCount * BAGS_PANEL;
    }
    if (left > 0) {
      memcpy(to, from, left * sizeof(float));
      memset(to + left, 0, (BAGS_PANEL - left) * sizeof(float));
    }
  }
}

// A block of 8 × 8 numbers, transposed in registers where there are such large ones.
typedef float eight __attribute__((vector_size(32), aligned(4)));
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define FIRST_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define LAST_HALVES(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)

static inline __attribute__((always_inline)) void transpose(const float *from, size_t stride, float *to) {
  eight row[8], single[8], pair[8];
  for (int i = 0; i < 8; i++) row[i] = *(const eight *)(from + i * stride);
  for (int i = 0; i < 8; i += 2) {
    single[i] = LOW(row[i], row[i + 1]);
    single[i + 1] = HIGH(row[i], row[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    pair[i] = LOW_PAIRS(single[i], single[i + 2]);
    pair[i + 1] = HIGH_PAIRS(single[i], single[i + 2]);
    pair[i + 2] = LOW_PAIRS(single[i + 1], single[i + 3]);
    pair[i + 3] = HIGH_PAIRS(single[i + 1], single[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    *(eight *)(to + i * BAGS_PANEL) = FIRST_HALVES(pair[i], pair[i + 4]);
    *(eight *)(to + (i + 4) * BAGS_PANEL) = LAST_HALVES(pair[i], pair[i + 4]);
  }
}

MULTIVERSION void bags_pack_weights(const float *w, size_t stride, size_t count, size_t columns, float *panel) {
  const size_t padded = panel_count(columns) * BAGS_PANEL;
  if (count <= BAGS_TAIL) {
    for (size_t row = 0; row < count; row++) {
      memcpy(panel + row * padded, w + row * stride, columns * sizeof(float));
      memset(panel + row * padded + columns, 0, (padded - columns) * sizeof(float));
    }
    return;
  }
  const size_t whole = columns / 8 * 8;
  if (count < BAGS_PANEL) memset(panel, 0, whole * BAGS_PANEL * sizeof(float));
  memset(panel + whole * BAGS_PANEL, 0, (padded - whole) * BAGS_PANEL * sizeof(float));
  size_t row = 0;
  for (; row + 8 <= count; row += 8) {
    for (size_t column = 0; column < whole; column += 8) {
      transpose(w + row * stride + column, stride, panel + column * BAGS_PANEL + row);
    }
    for (size_t column = whole; column < columns; column++) {
      for (size_t i = row; i < row + 8; i++) panel[column * BAGS_PANEL + i] = w[i * stride + column];
    }
  }
  for (; row < count; row++) {
    for (size_t column = 0; column < columns; column++) panel[column * BAGS_PANEL + row] = w[row * stride + column];
  }
}

MULTIVERSION void bags_pack_gradient(const float *dz, size_t stride, size_t rows, size_t count, float *strip,
                                     float *sums) {
  float total[BAGS_STRIP] = {0};
  if (count == BAGS_STRIP) {
    for (size_t row = 0; row < rows; row++) {
      for (size_t j = 0; j < BAGS_STRIP; j++) {
        float value = dz[row * stride + j];
        strip[row * BAGS_STRIP + j] = value;
        total[j] += value;
      }
    }
  } else {
    for (size_t row = 0; row < rows; row++) {
      for (size_t j = 0; j < count; j++) {
        float value = dz[row * stride + j];
        strip[row * BAGS_STRIP + j] = value;
        total[j] += value;
      }
    }
  }
  memcpy(sums, total, count * sizeof(float));
}

void bags_multiply_forward(const float *x, size_t rowCount, size_t columns, size_t first, size_t last,
                           const float *panel, size_t count, const float *bias, float *z, size_t stride) {
  const struct kernels *kernels = chosen();
  const size_t panels = panel_count(columns), panelStep = rowCount * BAGS_PANEL;
  if (count <= BAGS_TAIL) {
    kernels->forward_tail(last - first, x + first * BAGS_PANEL, panelStep, panel, panels, z + first * stride, stride,
                          count, bias);
    return;
  }
  for (size_t block = 0; block < panels; block += BLOCK / BAGS_PANEL) {
    const size_t some = least(panels - block, BLOCK / BAGS_PANEL);
    for (size_t row = first; row < last; row += BAGS_STRIP) {
      kernels->forward_strip(least(last - row, BAGS_STRIP), x + block * panelStep + row * BAGS_PANEL, panelStep,
                             panel + block * BAGS_PANEL * BAGS_PANEL, some, z + row * stride, stride, count, bias,
                             block == 0);
    }
  }
}

void bags_multiply_backward(const float *strips, size_t rowCount, size_t count, const float *panel, size_t columns,
                            float *dw, size_t stride) {
  const struct kernels *kernels = chosen();
  // No rows, no gradient.
  if (rowCount == 0) {
    for (size_t logit = 0; logit < count; logit++) memset(dw + logit * stride, 0, columns * sizeof(float));
  }
  for (size_t row = 0; row < rowCount; row += BLOCK) {
    const size_t some = least(rowCount - row, BLOCK);
    for (size_t logit = 0; logit < count; logit += BAGS_STRIP) {
      kernels->backward_strip(least(count - logit, BAGS_STRIP),
                              strips + logit * rowCount + row * BAGS_STRIP, BAGS_STRIP, panel + row * BAGS_PANEL,
                              some, dw + logit * stride, stride, columns, row == 0);
    }
  }
}

void bags_multiply_panels(const float *x, size_t columns, const float *dz, size_t rowCount, float *product) {
  const struct kernels *kernels = chosen();
  for (size_t column = 0; column < columns; column += BAGS_STRIP) {
    kernels->backward_strip(least(columns - column, BAGS_STRIP), x + column, BAGS_PANEL, dz, rowCount,
                            product + column * BAGS_PANEL, BAGS_PANEL, BAGS_PANEL, false);
  }
}
