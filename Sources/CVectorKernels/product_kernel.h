// The kernels of product.c for one instruction set; included once for each.
//
// SUFFIX names them, TARGET is their attribute, LANES the numbers of a vector register; ROWS × VECTORS registers hold the
// sums of a block of results.

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAMED(name) JOIN(name, SUFFIX)
#define WIDTH (LANES * VECTORS)
#define KERNEL static inline __attribute__((always_inline)) TARGET void
#define UNROLL _Pragma("clang loop unroll(full)")

// Numbers need not stand at a multiple of the register's size.
typedef float NAMED(vector) __attribute__((vector_size(4 * LANES), aligned(4)));

/// sums[i][j] += Σ_p a(i, p) b(p, j), where a(i, p) stands at a[i · rowStep + p · step]. `rows`, `vectors` and the steps
/// are constants where this is inlined.
KERNEL NAMED(accumulate)(NAMED(vector) (*sums)[VECTORS], const int rows, const int vectors, const float *a,
                         const size_t rowStep, const size_t step, const float *b, size_t count) {
  for (size_t p = 0; p < count; p++) {
    NAMED(vector) values[VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) values[v] = *(const NAMED(vector) *)(b + v * LANES);
    UNROLL for (int i = 0; i < rows; i++) {
      UNROLL for (int v = 0; v < vectors; v++) sums[i][v] += a[i * rowStep] * values[v];
    }
    // Most of B comes from the second-level cache, which the processor alone fetches from too late.
    __builtin_prefetch(b + 16 * BAGS_PANEL);
    __builtin_prefetch(b + 16 * BAGS_PANEL + BAGS_PANEL / 2);
    a += step;
    b += BAGS_PANEL;
  }
}

/// Adds the sums to C; the first ones to `start`, or to nothing where that is NULL.
KERNEL NAMED(put)(NAMED(vector) (*sums)[VECTORS], const int rows, const int vectors, float *c, size_t stride,
                  size_t columns, const float *start, bool isFirst) {
  if (columns >= (size_t)vectors * LANES) {
    UNROLL for (int i = 0; i < rows; i++) {
      UNROLL for (int v = 0; v < vectors; v++) {
        NAMED(vector) *to = (NAMED(vector) *)(c + i * stride + v * LANES);
        if (!isFirst) *to += sums[i][v];
        else if (start) *to = *(const NAMED(vector) *)(start + v * LANES) + sums[i][v];
        else *to = sums[i][v];
      }
    }
    return;
  }
  float edge[MOST_ROWS][WIDTH];
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int v = 0; v < vectors; v++) *(NAMED(vector) *)&edge[i][v * LANES] = sums[i][v];
  }
  for (int i = 0; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) {
      float *to = c + i * stride + j;
      if (!isFirst) *to += edge[i][j];
      else if (start) *to = start[j] + edge[i][j];
      else *to = edge[i][j];
    }
  }
}

#define ZERO_SUMS(rows, vectors)                              \
  NAMED(vector) sums[MOST_ROWS][VECTORS];                     \
  UNROLL for (int i = 0; i < rows; i++) {                     \
    UNROLL for (int v = 0; v < vectors; v++) sums[i][v] = (NAMED(vector)){0}; \
  }

KERNEL NAMED(forward_block)(const int rows, const int vectors, const float *x, size_t panelStep, const float *w,
                            size_t panels, float *z, size_t stride, size_t columns, const float *start,
                            bool isFirst) {
  ZERO_SUMS(rows, vectors)
  for (size_t panel = 0; panel < panels; panel++) {
    NAMED(accumulate)(sums, rows, vectors, x, BAGS_PANEL, 1, w, BAGS_PANEL);
    x += panelStep;
    w += BAGS_PANEL * BAGS_PANEL;
  }
  NAMED(put)(sums, rows, vectors, z, stride, columns, start, isFirst);
}

KERNEL NAMED(backward_block)(const int rows, const int vectors, const float *dz, size_t step, const float *x,
                             size_t count, float *dw, size_t stride, size_t columns, bool isFirst) {
  ZERO_SUMS(rows, vectors)
  NAMED(accumulate)(sums, rows, vectors, dz, 1, step, x, count);
  NAMED(put)(sums, rows, vectors, dw, stride, columns, NULL, isFirst);
}

// As many rows at a time as the registers hold, then fewer.
#define TAKE(CALL, ROWS_, FROM_STEP)                             \
  while (left >= ROWS_) {                                        \
    if (width <= WIDTH / 2) CALL(ROWS_, VECTORS / 2);            \
    else CALL(ROWS_, VECTORS);                                   \
    from += ROWS_ * FROM_STEP;                                   \
    to += ROWS_ * stride;                                        \
    left -= ROWS_;                                               \
  }
#define TAKE_ALL(CALL, FROM_STEP)       \
  TAKE(CALL, ROWS, FROM_STEP)           \
  if (ROWS > 8) TAKE(CALL, 8, FROM_STEP) \
  if (ROWS > 4) TAKE(CALL, 4, FROM_STEP) \
  TAKE(CALL, 2, FROM_STEP)              \
  TAKE(CALL, 1, FROM_STEP)

/// A strip of rows of Z against some of the features of a panel of W.
static TARGET void NAMED(forward_strip)(size_t rows, const float *x, size_t panelStep, const float *w, size_t panels,
                                        float *z, size_t stride, size_t columns, const float *bias, bool isFirst) {
  for (size_t half = 0; half < columns; half += WIDTH) {
    const size_t width = columns - half < WIDTH ? columns - half : WIDTH;
    const float *from = x;
    float *to = z + half;
    size_t left = rows;
#define CALL(ROWS_, VECTORS_)                                                                                  \
  NAMED(forward_block)                                                                                         \
  (ROWS_, VECTORS_, from, panelStep, w + half, panels, to, stride, width, bias + half, isFirst)
    TAKE_ALL(CALL, BAGS_PANEL)
#undef CALL
  }
}

/// A strip of dZ, its rows `step` apart, against some of the rows of a panel of X.
static TARGET void NAMED(backward_strip)(size_t rows, const float *dz, size_t step, const float *x, size_t count,
                                         float *dw, size_t stride, size_t columns, bool isFirst) {
  for (size_t half = 0; half < columns; half += WIDTH) {
    const size_t width = columns - half < WIDTH ? columns - half : WIDTH;
    const float *from = dz;
    float *to = dw + half;
    size_t left = rows;
#define CALL(ROWS_, VECTORS_) \
  NAMED(backward_block)(ROWS_, VECTORS_, from, step, x + half, count, to, stride, width, isFirst)
    TAKE_ALL(CALL, 1)
#undef CALL
  }
}

/// One logit of up to four rows: 16 sums over the features that are added in pairs, on every instruction set.
KERNEL NAMED(dot_block)(const int rows, const float *x, size_t panelStep, const float *w, size_t panels, float bias,
                        float *z, size_t stride) {
  enum { PARTS = 16 / LANES };
  NAMED(vector) sums[4][PARTS];
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int v = 0; v < PARTS; v++) sums[i][v] = (NAMED(vector)){0};
  }
  for (size_t panel = 0; panel < panels; panel++) {
    UNROLL for (int step = 0; step < BAGS_PANEL; step += 16) {
      UNROLL for (int v = 0; v < PARTS; v++) {
        const NAMED(vector) weight = *(const NAMED(vector) *)(w + step + v * LANES);
        UNROLL for (int i = 0; i < rows; i++) {
          sums[i][v] += *(const NAMED(vector) *)(x + i * BAGS_PANEL + step + v * LANES) * weight;
        }
      }
    }
    x += panelStep;
    w += BAGS_PANEL;
  }
  for (int i = 0; i < rows; i++) {
    float lanes[16];
    for (int v = 0; v < PARTS; v++) *(NAMED(vector) *)&lanes[v * LANES] = sums[i][v];
    for (int half = 8; half > 0; half /= 2) {
      for (int j = 0; j < half; j++) lanes[j] += lanes[j + half];
    }
    z[i * stride] = bias + lanes[0];
  }
}

/// Rows of Z against a panel of at most four logits.
static TARGET void NAMED(forward_tail)(size_t rows, const float *x, size_t panelStep, const float *w, size_t panels,
                                       float *z, size_t stride, size_t columns, const float *bias) {
  for (size_t column = 0; column < columns; column++) {
    const float *weight = w + column * panels * BAGS_PANEL;
    size_t row = 0;
    for (; row + 4 <= rows; row += 4) {
      NAMED(dot_block)(4, x + row * BAGS_PANEL, panelStep, weight, panels, bias[column],
                       z + row * stride + column, stride);
    }
    for (; row < rows; row++) {
      NAMED(dot_block)(1, x + row * BAGS_PANEL, panelStep, weight, panels, bias[column],
                       z + row * stride + column, stride);
    }
  }
}

static const struct kernels NAMED(kernels) = {NAMED(forward_strip), NAMED(forward_tail), NAMED(backward_strip)};

#undef TAKE_ALL
#undef TAKE
#undef ZERO_SUMS
#undef UNROLL
#undef KERNEL
#undef WIDTH
#undef NAMED
#undef JOIN
#undef JOIN2
#undef VECTORS
#undef ROWS
#undef LANES
#undef TARGET
#undef SUFFIX
