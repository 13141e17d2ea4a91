#ifndef CVECTORKERNELS_PRODUCT_H
#define CVECTORKERNELS_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

// Products of matrices that were packed beforehand, once for all threads, so that a tile of any size costs what its
// arithmetic costs. Every sum is taken in one order, whatever the tile and the instruction set: the same numbers for any
// number of threads, on AVX2 as on AVX-512.
//
// Shapes: N examples, D features, K logits. A panel holds 32 neighbouring columns of a matrix, row after row, the last
// one padded with 0; ⌈D / 32⌉ panels of X [N, D] stand one behind another. W [K, D] is packed transposed: panels of 32
// logits, each [D, 32]; a last panel of at most 4 logits is [4, D] instead, since most of a register would be idle. dZ
// [N, K] is packed in strips of 12 logits, each [N, 12].

enum { BAGS_PANEL = 32, BAGS_TAIL = 4, BAGS_STRIP = 12 };

/// Packs rows first..<last of X.
///
/// `rows` names the rows of X by their place in the packed matrix; NULL for its own order. `packedCount` is N, the number
/// of rows that the packed matrix has in all.
void bags_pack_rows(const float *x, size_t stride, const int32_t *rows, size_t first, size_t last, size_t columns,
                    size_t packedCount, float *panels);

/// Packs one panel of W: `count` rows of it, at most 32. The panel is ⌈D / 32⌉ · 32 · 32 numbers, or 4 in place of 32
/// rows where `count` is at most 4.
void bags_pack_weights(const float *w, size_t stride, size_t count, size_t columns, float *panel);

/// Packs one strip of dZ, `count` columns of it, at most 12; sums[j] ← Σ_rows of the same columns.
void bags_pack_gradient(const float *dz, size_t stride, size_t rows, size_t count, float *strip, float *sums);

/// Rows first..<last of Z = X Wᵀ + b, for one packed panel of `count` logits.
///
/// `x` are the panels of X [rowCount, columns]; `z` is Z at row 0 and the panel's first logit, `bias` b at the latter.
void bags_multiply_forward(const float *x, size_t rowCount, size_t columns, size_t first, size_t last,
                           const float *panel, size_t count, const float *bias, float *z, size_t stride);

/// Rows of dW = dZᵀ X for strips of `count` logits in all, and one panel of X that holds `columns` columns.
///
/// `strips` are those of dZ, each [rowCount, 12]; `dw` is dW at the first of the logits and of the columns.
void bags_multiply_backward(const float *strips, size_t rowCount, size_t count, const float *panel, size_t columns,
                            float *dw, size_t stride);

/// product[columns, 32] += Xᵀ dZ of one panel of either: the first `columns` of X [rowCount, 32], and dZ [rowCount, 32];
/// of few rows, whose products are summed before they are added.
void bags_multiply_panels(const float *x, size_t columns, const float *dz, size_t rowCount, float *product);

#endif
