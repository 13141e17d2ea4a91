#ifndef CVECTORKERNELS_WINOGRAD_H
#define CVECTORKERNELS_WINOGRAD_H

#include <stddef.h>

// The transforms of Winograd's minimal filtering F(4 × 4, 3 × 3) (Lavin and Gray, CVPR 2016, §4.3): 4 × 4 outputs of a
// 3 × 3 convolution from 36 products of each channel and output instead of 144. Its points are 0, ±3/4, ±3/2 and ∞:
// with the usual 0, ±1, ±2 and ∞ roundings are twice as large.
//
// Shapes: C channels of the maps, K outputs, T tiles of 4 × 4 locations, 36 points. Behind a transform the numbers of a
// point are matrices in panels of 32 columns, as in product.h, which multiplies them; `pointStep` leads from the matrix
// of a point to that of the next. What a map has not of a tile is 0.

enum { BAGS_TILE = 4, BAGS_TILE_POINTS = 36 };

/// V = Bᵀ d B of one tile: a row of V [36, T, C].
///
/// `map` is the first of 6 × 6 locations, of which `rows` × `columns` are there; `rowLength` leads from a row to the
/// next. `v` is the tile's row of the first point's first panel, `panelStep` leads to the next panel.
void bags_winograd_inputs(const float *map, size_t rowLength, size_t rows, size_t columns, size_t channels,
                          size_t panelStep, size_t pointStep, float *v);

/// U = G g Gᵀ of `count` outputs: from rows [9, C] of W to [36, count, C], not in panels.
void bags_winograd_weights(const float *w, size_t count, size_t channels, size_t pointStep, float *u);

/// Y = Aᵀ m A + b of one tile: at most 4 × 4 locations of `count` outputs, at most 32.
///
/// `m` is the tile's row of a panel of M [36, T, 32]. `stride` leads from a location to the next, `rowLength` from a
/// row to the next.
void bags_winograd_outputs(const float *m, size_t pointStep, const float *bias, size_t rows, size_t columns,
                           size_t count, size_t rowLength, size_t stride, float *y);

/// dM = A dY Aᵀ of one tile, the other way round; sums[32] += Σ dY.
void bags_winograd_gradients(const float *dy, size_t rowLength, size_t stride, size_t rows, size_t columns,
                             size_t count, size_t pointStep, float *m, float *sums);

/// dW = Gᵀ dU G of `count` outputs, at most 32: from a panel of dU [36, C, 32] to rows [9, C].
void bags_winograd_weight_gradients(const float *du, size_t count, size_t channels, float *dw);

#endif
