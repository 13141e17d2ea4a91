#ifndef CVECTORKERNELS_LOGISTIC_H
#define CVECTORKERNELS_LOGISTIC_H
#include <stddef.h>

/// Σ w log(1 + e^z), the loss of weighted logits whose target is 0; replaces every z by scale · w σ(z), its derivative.
float bags_logistic_loss(float *logits, const float *weights, float scale, size_t count);

/// Σ σ(z)^gamma log(1 + e^z), the focal loss of logits whose target is 0; replaces every z by scale times its derivative.
float bags_focal_loss(float *logits, float gamma, float scale, size_t count);

/// The same with a gamma and a weight for each logit: Σ w σ(z)^gamma log(1 + e^z).
float bags_focal_losses(float *logits, const float *gammas, const float *weights, float scale, size_t count);

#endif
