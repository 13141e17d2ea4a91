#ifndef CVECTORKERNELS_SOFTMAX_H
#define CVECTORKERNELS_SOFTMAX_H
#include <stddef.h>

/// Replaces `count` logits by their softmax; returns log Σ exp(logit). `count` must be at least 1.
float bags_softmax(float *logits, size_t count);

/// Replaces `count` logits z by σ(z) = 1 / (1 + e^−z).
void bags_sigmoid(float *logits, size_t count);

#endif
