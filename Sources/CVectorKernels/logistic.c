#include "logistic.h"

#include "exponential.h"
#include "multiversion.h"

// Sums may be reordered, which is what lets them be vectorised.
#pragma clang fp reassociate(on) contract(fast)

MULTIVERSION float bags_logistic_loss(float *restrict logits, const float *restrict weights, float scale,
                                      size_t count) {
  float loss = 0;
  for (size_t i = 0; i < count; i++) {
    float z = logits[i];
    float e = exponential(-fabsf(z));
    float positive = 1 / (1 + e);
    float sigma = z >= 0 ? positive : e * positive;
    float softplus = (z > 0 ? z : 0) + log_one_plus(e);
    loss += weights[i] * softplus;
    logits[i] = scale * weights[i] * sigma;
  }
  return loss;
}

/// The focal loss of one logit as a negative, and its derivative in place of the logit.
static inline __attribute__((always_inline)) float focal(float *logit, float gamma, int isSquare, float weight,
                                                         float scale) {
  float z = *logit;
  float e = exponential(-fabsf(z));
  float larger = 1 / (1 + e);
  float smaller = e * larger;
  float sigma = z >= 0 ? larger : smaller;
  float rest = z >= 0 ? smaller : larger;
  float tail = log_one_plus(e);
  // softplus(z) = -log(1 - sigma), and -log(sigma) = softplus(-z).
  float softplus = (z > 0 ? z : 0) + tail;
  float power = weight * (isSquare ? sigma * sigma : exponential(-gamma * ((z < 0 ? -z : 0) + tail)));
  *logit = scale * power * (gamma * rest * softplus + sigma);
  return power * softplus;
}

MULTIVERSION float bags_focal_loss(float *restrict logits, float gamma, float scale, size_t count) {
  float loss = 0;
  if (gamma == 2) {
    for (size_t i = 0; i < count; i++) loss += focal(logits + i, gamma, 1, 1, scale);
  } else {
    for (size_t i = 0; i < count; i++) loss += focal(logits + i, gamma, 0, 1, scale);
  }
  return loss;
}

MULTIVERSION float bags_focal_losses(float *restrict logits, const float *restrict gammas,
                                     const float *restrict weights, float scale, size_t count) {
  float loss = 0;
  for (size_t i = 0; i < count; i++) loss += focal(logits + i, gammas[i], 0, weights[i], scale);
  return loss;
}
