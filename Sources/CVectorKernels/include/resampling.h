#ifndef CVECTORKERNELS_RESAMPLING_H
#define CVECTORKERNELS_RESAMPLING_H
#include <stddef.h>
#include <stdint.h>

// Average precision of detections on images that count several times, or not at all: sixteen draws of images at a time, a
// lane each. Weights are [images, 16], how often each draw has an image.

enum { BAGS_RESAMPLING_LANES = 16 };

/// For each stop s the sum of the weights of the images before `ends[s]`, [stops, 16].
///
/// - images: The image of every detection, best first.
/// - ends: Ascending places among them.
void bags_resampled_totals(
    const int32_t *images, const int32_t *ends, size_t stops, const uint16_t *weights, float *totals);

/// A detection that is right, with the stop up to which all detections count against it; or, where `stop` is −1, one that
/// the totals hold but that does not count.
typedef struct {
  int32_t image;
  int32_t stop;
} bags_resampled_event;

/// The mean over recall 0, .01, …, 1 of the highest precision at that recall or a higher one.
///
/// - events: Best first.
/// - objects: How many objects each draw has, [16]; a lane of 0 gets a number that means nothing.
/// - scratch: Room for 32 numbers an event.
/// - averages: [16].
void bags_resampled_precision(
    const bags_resampled_event *events, size_t count, const uint16_t *weights, const float *totals,
    const int32_t *objects, float *scratch, float *averages);

#endif
