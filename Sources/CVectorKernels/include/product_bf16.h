#ifndef CVECTORKERNELS_PRODUCT_BF16_H
#define CVECTORKERNELS_PRODUCT_BF16_H

#include <stddef.h>
#include <stdint.h>

// The products of product.h with operands in bfloat16 and sums in single precision, for processors with AVX-512 BF16;
// none of these may be called on others. An instruction multiplies two neighbours of a sum at a time: features of
// forward, examples of backward. So pairs of them stand together, and X is packed in two ways.
//
// Shapes as there. X by features: panels of 32 features, each [N, 32]. X by examples: panels of 32 features, each
// [⌈N / 2⌉, 32, 2]. W transposed: panels of 32 logits, each [⌈D / 32⌉ · 16, 32, 2]; a last panel of at most 4 logits is
// [4, ⌈D / 32⌉ · 32]. dZ: strips of 12 logits, each [⌈N / 2⌉, 12, 2]. What is missing of a pair or a panel is 0.

/// Whether the processor multiplies in bfloat16.
int bags_multiplies_bf16(void);

/// Packs rows first..<last of X, rounded to nearest; `first` is even, and `last` too, unless it is the last row.
///
/// `rows` names the rows of X by their place in the packed matrix; NULL for its own order. `packedCount` is the even
/// number of rows that the packed matrix has in all. `pairs`, by examples, may be NULL.
void bags_pack_rows_bf16(const float *x, size_t stride, const int32_t *rows, size_t first, size_t last, size_t columns,
                         size_t packedCount, uint16_t *panels, uint16_t *pairs);

/// Packs one panel of W: `count` rows of it, at most 32.
void bags_pack_weights_bf16(const float *w, size_t stride, size_t count, size_t columns, uint16_t *panel);

/// Packs one strip of dZ, `count` columns of it, at most 12; sums[j] ← Σ_rows of the same columns, not rounded.
void bags_pack_gradient_bf16(const float *dz, size_t stride, size_t rows, size_t count, uint16_t *strip, float *sums);

/// Rows first..<last of Z = X Wᵀ + b, for one packed panel of `count` logits; as `bags_multiply_forward`.
void bags_multiply_forward_bf16(const uint16_t *x, size_t packedCount, size_t columns, size_t first, size_t last,
                                const uint16_t *panel, size_t count, const float *bias, float *z, size_t stride);

/// Rows of dW = dZᵀ X for strips of `count` logits in all, and one panel of X by examples; as `bags_multiply_backward`.
void bags_multiply_backward_bf16(const uint16_t *strips, size_t rowCount, size_t count, const uint16_t *pairs,
                                 size_t columns, float *dw, size_t stride);

#endif
