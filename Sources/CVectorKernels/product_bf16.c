#include "product_bf16.h"

#include "product.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define KERNEL static inline __attribute__((always_inline)) TARGET
#define UNROLL _Pragma("clang loop unroll(full)")

enum {
  // Products that are summed before they are added to the result, as in product.c.
  BLOCK = 256,
  // The numbers of a pair of logits or features of a panel, and of a pair of examples of a strip.
  PAIRED_PANEL = 2 * BAGS_PANEL,
  PAIRED_STRIP = 2 * BAGS_STRIP,
};

int bags_multiplies_bf16(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t panel_count(size_t columns) { return (columns + BAGS_PANEL - 1) / BAGS_PANEL; }
static size_t pair_count(size_t rows) { return (rows + 1) / 2; }

/// 32 numbers, the first `count` of them from memory, the others 0, rounded to nearest.
KERNEL __m512i rounded(const float *from, size_t count) {
  const __mmask16 low = count >= 16 ? 0xffff : (__mmask16)((1u << count) - 1);
  const __mmask16 high = count >= 32 ? 0xffff : count > 16 ? (__mmask16)((1u << (count - 16)) - 1) : 0;
  return (__m512i)_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(high, from + (high ? 16 : 0)),
                                      _mm512_maskz_loadu_ps(low, from));
}

/// Numbers of two rows in turn: those of the lower and of the upper half.
KERNEL void interleave(__m512i a, __m512i b, uint16_t *to) {
  const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37,
                                       5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  _mm512_storeu_si512(to, _mm512_permutex2var_epi16(a, low, b));
  _mm512_storeu_si512(to + BAGS_PANEL, _mm512_permutex2var_epi16(a, high, b));
}

TARGET void bags_pack_rows_bf16(const float *x, size_t stride, const int32_t *rows, size_t first, size_t last,
                                size_t columns, size_t packedCount, uint16_t *panels, uint16_t *pairs) {
  for (size_t row = first; row < last; row += 2) {
    const bool isPair = row + 1 < last;
    const float *one = x + (rows ? (size_t)rows[row] : row) * stride;
    const float *other = isPair ? x + (rows ? (size_t)rows[row + 1] : row + 1) * stride : one;
    for (size_t panel = 0; panel < panel_count(columns); panel++) {
      const size_t column = panel * BAGS_PANEL, some = least(columns - column, BAGS_PANEL);
      const __m512i a = rounded(one + column, some);
      const __m512i b = isPair ? rounded(other + column, some) : _mm512_setzero_si512();
      uint16_t *to = panels + (panel * packedCount + row) * BAGS_PANEL;
      _mm512_storeu_si512(to, a);
      if (isPair) _mm512_storeu_si512(to + BAGS_PANEL, b);
      if (pairs) interleave(a, b, pairs + (panel * packedCount + row) * BAGS_PANEL);
    }
  }
}

TARGET void bags_pack_weights_bf16(const float *w, size_t stride, size_t count, size_t columns, uint16_t *panel) {
  const size_t panels = panel_count(columns);
  if (count <= BAGS_TAIL) {
    for (size_t row = 0; row < count; row++) {
      for (size_t part = 0; part < panels; part++) {
        const size_t column = part * BAGS_PANEL;
        _mm512_storeu_si512(panel + row * panels * BAGS_PANEL + column,
                            rounded(w + row * stride + column, least(columns - column, BAGS_PANEL)));
      }
    }
    return;
  }
  for (size_t part = 0; part < panels; part++) {
    const size_t column = part * BAGS_PANEL, some = least(columns - column, BAGS_PANEL);
    // 16 pairs of features of each of 16 logits, transposed as numbers of 32 bits.
    for (size_t half = 0; half < 2; half++) {
      __m512i row[16], other[16];
      UNROLL for (int i = 0; i < 16; i++) {
        row[i] = half * 16 + i < count ? rounded(w + (half * 16 + i) * stride + column, some) : _mm512_setzero_si512();
      }
      UNROLL for (int i = 0; i < 16; i += 2) {
        other[i] = _mm512_unpacklo_epi32(row[i], row[i + 1]);
        other[i + 1] = _mm512_unpackhi_epi32(row[i], row[i + 1]);
      }
      UNROLL for (int i = 0; i < 16; i += 4) {
        row[i] = _mm512_unpacklo_epi64(other[i], other[i + 2]);
        row[i + 1] = _mm512_unpackhi_epi64(other[i], other[i + 2]);
        row[i + 2] = _mm512_unpacklo_epi64(other[i + 1], other[i + 3]);
        row[i + 3] = _mm512_unpackhi_epi64(other[i + 1], other[i + 3]);
      }
      UNROLL for (int i = 0; i < 4; i++) {
        const __m512i a = _mm512_shuffle_i32x4(row[i], row[i + 4], 0x88);
        const __m512i b = _mm512_shuffle_i32x4(row[i], row[i + 4], 0xdd);
        const __m512i c = _mm512_shuffle_i32x4(row[i + 8], row[i + 12], 0x88);
        const __m512i d = _mm512_shuffle_i32x4(row[i + 8], row[i + 12], 0xdd);
        uint16_t *to = panel + (part * 16 + i) * PAIRED_PANEL + half * BAGS_PANEL;
        _mm512_storeu_si512(to, _mm512_shuffle_i32x4(a, c, 0x88));
        _mm512_storeu_si512(to + 4 * PAIRED_PANEL, _mm512_shuffle_i32x4(b, d, 0x88));
        _mm512_storeu_si512(to + 8 * PAIRED_PANEL, _mm512_shuffle_i32x4(a, c, 0xdd));
        _mm512_storeu_si512(to + 12 * PAIRED_PANEL, _mm512_shuffle_i32x4(b, d, 0xdd));
      }
    }
  }
}

TARGET void bags_pack_gradient_bf16(const float *dz, size_t stride, size_t rows, size_t count, uint16_t *strip,
                                    float *sums) {
  const __mmask16 wanted = (__mmask16)((1u << count) - 1);
  __m512 total = _mm512_setzero_ps();
  for (size_t row = 0; row < rows; row += 2) {
    const __m512 one = _mm512_maskz_loadu_ps(wanted, dz + row * stride);
    total = _mm512_add_ps(total, one);
    __m512 other = _mm512_setzero_ps();
    if (row + 1 < rows) {
      other = _mm512_maskz_loadu_ps(wanted, dz + (row + 1) * stride);
      total = _mm512_add_ps(total, other);
    }
    // The first rows's numbers in the lower halves of 32 bits, the second one's in the upper.
    const __m512i a = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(one));
    const __m512i b = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(other));
    _mm512_mask_storeu_epi32(strip + row / 2 * PAIRED_STRIP, 0xfff, _mm512_or_si512(a, _mm512_slli_epi32(b, 16)));
  }
  _mm512_mask_storeu_ps(sums, wanted, total);
}

/// sums[i][j] += Σ_p a(i, p) b(p, j) over pairs p, where a(i, p) stands at a[i · rowStep + p · step].
KERNEL void accumulate(__m512 (*sums)[2], const int rows, const int vectors, const uint16_t *a, const size_t rowStep,
                       const size_t step, const uint16_t *b, size_t count) {
  for (size_t p = 0; p < count; p++) {
    __m512bh values[2];
    UNROLL for (int v = 0; v < vectors; v++) values[v] = (__m512bh)_mm512_loadu_si512(b + v * BAGS_PANEL);
    UNROLL for (int i = 0; i < rows; i++) {
      int32_t pair;
      memcpy(&pair, a + i * rowStep, sizeof pair);
      const __m512bh both = (__m512bh)_mm512_set1_epi32(pair);
      UNROLL for (int v = 0; v < vectors; v++) sums[i][v] = _mm512_dpbf16_ps(sums[i][v], both, values[v]);
    }
    __builtin_prefetch(b + 16 * PAIRED_PANEL);
    __builtin_prefetch(b + 16 * PAIRED_PANEL + BAGS_PANEL);
    a += step;
    b += PAIRED_PANEL;
  }
}

/// Adds the sums to C; the first ones to `start`, or to nothing where that is NULL.
KERNEL void put(__m512 (*sums)[2], const int rows, const int vectors, float *c, size_t stride, size_t columns,
                const float *start, bool isFirst) {
  UNROLL for (int v = 0; v < vectors; v++) {
    const size_t some = columns > (size_t)v * 16 ? least(columns - (size_t)v * 16, 16) : 0;
    const __mmask16 wanted = some == 16 ? 0xffff : (__mmask16)((1u << some) - 1);
    const __m512 first = isFirst && start ? _mm512_maskz_loadu_ps(wanted, start + v * 16) : _mm512_setzero_ps();
    UNROLL for (int i = 0; i < rows; i++) {
      float *to = c + i * stride + v * 16;
      const __m512 before = isFirst ? first : _mm512_maskz_loadu_ps(wanted, to);
      _mm512_mask_storeu_ps(to, wanted, _mm512_add_ps(before, sums[i][v]));
    }
  }
}

#define ZERO_SUMS(rows, vectors) \
  __m512 sums[BAGS_STRIP][2];    \
  UNROLL for (int i = 0; i < rows; i++) { UNROLL for (int v = 0; v < vectors; v++) sums[i][v] = _mm512_setzero_ps(); }

KERNEL void forward_block(const int rows, const int vectors, const uint16_t *x, size_t panelStep, const uint16_t *w,
                          size_t panels, float *z, size_t stride, size_t columns, const float *start, bool isFirst) {
  ZERO_SUMS(rows, vectors)
  for (size_t panel = 0; panel < panels; panel++) {
    accumulate(sums, rows, vectors, x, BAGS_PANEL, 2, w, BAGS_PANEL / 2);
    x += panelStep;
    w += BAGS_PANEL / 2 * PAIRED_PANEL;
  }
  put(sums, rows, vectors, z, stride, columns, start, isFirst);
}

KERNEL void backward_block(const int rows, const int vectors, const uint16_t *dz, const uint16_t *x, size_t pairs,
                           float *dw, size_t stride, size_t columns, bool isFirst) {
  ZERO_SUMS(rows, vectors)
  accumulate(sums, rows, vectors, dz, 2, PAIRED_STRIP, x, pairs);
  put(sums, rows, vectors, dw, stride, columns, NULL, isFirst);
}

// As many rows at a time as the registers hold, then fewer.
#define TAKE(CALL, ROWS, FROM_STEP)      \
  while (left >= ROWS) {                 \
    if (columns <= 16) CALL(ROWS, 1);    \
    else CALL(ROWS, 2);                  \
    from += ROWS * FROM_STEP;            \
    to += ROWS * stride;                 \
    left -= ROWS;                        \
  }
#define TAKE_ALL(CALL, FROM_STEP) \
  TAKE(CALL, 12, FROM_STEP)       \
  TAKE(CALL, 8, FROM_STEP)        \
  TAKE(CALL, 4, FROM_STEP)        \
  TAKE(CALL, 2, FROM_STEP)        \
  TAKE(CALL, 1, FROM_STEP)

/// A strip of rows of Z against some of the features of a panel of W.
static TARGET void forward_strip(size_t left, const uint16_t *from, size_t panelStep, const uint16_t *w, size_t panels,
                                 float *to, size_t stride, size_t columns, const float *bias, bool isFirst) {
#define CALL(ROWS, VECTORS) \
  forward_block(ROWS, VECTORS, from, panelStep, w, panels, to, stride, columns, bias, isFirst)
  TAKE_ALL(CALL, BAGS_PANEL)
#undef CALL
}

/// A strip of dZ against some of the rows of a panel of X.
static TARGET void backward_strip(size_t left, const uint16_t *from, const uint16_t *x, size_t pairs, float *to,
                                  size_t stride, size_t columns, bool isFirst) {
#define CALL(ROWS, VECTORS) backward_block(ROWS, VECTORS, from, x, pairs, to, stride, columns, isFirst)
  TAKE_ALL(CALL, 2)
#undef CALL
}

/// One logit of up to four rows.
KERNEL void dot_block(const int rows, const uint16_t *x, size_t panelStep, const uint16_t *w, size_t panels, float bias,
                      float *z, size_t stride) {
  __m512 sums[4];
  UNROLL for (int i = 0; i < rows; i++) sums[i] = _mm512_setzero_ps();
  for (size_t panel = 0; panel < panels; panel++) {
    const __m512bh weight = (__m512bh)_mm512_loadu_si512(w);
    UNROLL for (int i = 0; i < rows; i++) {
      sums[i] = _mm512_dpbf16_ps(sums[i], (__m512bh)_mm512_loadu_si512(x + i * BAGS_PANEL), weight);
    }
    x += panelStep;
    w += BAGS_PANEL;
  }
  UNROLL for (int i = 0; i < rows; i++) z[i * stride] = bias + _mm512_reduce_add_ps(sums[i]);
}

TARGET void bags_multiply_forward_bf16(const uint16_t *x, size_t packedCount, size_t columns, size_t first, size_t last,
                                       const uint16_t *panel, size_t count, const float *bias, float *z,
                                       size_t stride) {
  const size_t panels = panel_count(columns), panelStep = packedCount * BAGS_PANEL;
  if (count <= BAGS_TAIL) {
    for (size_t logit = 0; logit < count; logit++) {
      const uint16_t *weight = panel + logit * panels * BAGS_PANEL;
      size_t row = first;
      for (; row + 4 <= last; row += 4) {
        dot_block(4, x + row * BAGS_PANEL, panelStep, weight, panels, bias[logit], z + row * stride + logit, stride);
      }
      for (; row < last; row++) {
        dot_block(1, x + row * BAGS_PANEL, panelStep, weight, panels, bias[logit], z + row * stride + logit, stride);
      }
    }
    return;
  }
  for (size_t block = 0; block < panels; block += BLOCK / BAGS_PANEL) {
    const size_t some = least(panels - block, BLOCK / BAGS_PANEL);
    for (size_t row = first; row < last; row += BAGS_STRIP) {
      forward_strip(least(last - row, BAGS_STRIP), x + block * panelStep + row * BAGS_PANEL, panelStep,
                    panel + block * (BAGS_PANEL / 2) * PAIRED_PANEL, some, z + row * stride, stride, count, bias,
                    block == 0);
    }
  }
}

TARGET void bags_multiply_backward_bf16(const uint16_t *strips, size_t rowCount, size_t count, const uint16_t *pairs,
                                        size_t columns, float *dw, size_t stride) {
  if (rowCount == 0) {
    for (size_t logit = 0; logit < count; logit++) memset(dw + logit * stride, 0, columns * sizeof(float));
  }
  const size_t all = pair_count(rowCount);
  for (size_t pair = 0; pair < all; pair += BLOCK / 2) {
    const size_t some = least(all - pair, BLOCK / 2);
    for (size_t logit = 0; logit < count; logit += BAGS_STRIP) {
      backward_strip(least(count - logit, BAGS_STRIP), strips + logit * 2 * all + pair * PAIRED_STRIP,
                     pairs + pair * PAIRED_PANEL, some, dw + logit * stride, stride, columns, pair == 0);
    }
  }
}

#else

// Only asked where the answer is yes.
int bags_multiplies_bf16(void) { return 0; }
void bags_pack_rows_bf16(const float *x, size_t stride, const int32_t *rows, size_t first, size_t last, size_t columns,
                         size_t packedCount, uint16_t *panels, uint16_t *pairs) {}
void bags_pack_weights_bf16(const float *w, size_t stride, size_t count, size_t columns, uint16_t *panel) {}
void bags_pack_gradient_bf16(const float *dz, size_t stride, size_t rows, size_t count, uint16_t *strip, float *sums) {}
void bags_multiply_forward_bf16(const uint16_t *x, size_t packedCount, size_t columns, size_t first, size_t last,
                                const uint16_t *panel, size_t count, const float *bias, float *z, size_t stride) {}
void bags_multiply_backward_bf16(const uint16_t *strips, size_t rowCount, size_t count, const uint16_t *pairs,
                                 size_t columns, float *dw, size_t stride) {}

#endif
