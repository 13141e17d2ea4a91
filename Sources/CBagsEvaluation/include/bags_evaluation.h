// Scoring of detections by LVIS's and COCO's rules, for C and whatever calls C: buffers in, metrics out.
//
// All arrays belong to the caller, and are read only during a call. Functions that can fail write why, as UTF-8, into
// `message` of `room` bytes and return NULL or -1. An evaluation may be used by several threads at a time.
#ifndef BAGS_EVALUATION_H
#define BAGS_EVALUATION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Masks of n records. Run lengths in COCO's compressed form: record i has the bytes starts[i] to starts[i + 1] and an image
// of sizes[2 i] rows and sizes[2 i + 1] columns. A record without bytes may have polygons, drawn in its image: those from
// polygon_starts[i] to polygon_starts[i + 1], where polygon p has the coordinates x, y, x, y, ... from polygon_ends[p - 1],
// or 0, to polygon_ends[p]. `starts` and `polygon_starts` may be NULL.
typedef struct {
  const uint8_t *bytes;
  const int64_t *starts;
  const int64_t *sizes;
  const double *coordinates;
  const int64_t *polygon_ends;
  const int64_t *polygon_starts;
} bags_masks;

enum { BAGS_CROWD = 1, BAGS_IGNORE = 2 };

// Images, categories and objects. Lists of categories by image are given as starts of image_count + 1 places and the ids;
// NULL for data without them. Frequencies are 'r', 'c', 'f' or 0, one a category; NULL for none. Boxes are x, y, width,
// height in pixels. `object_flags` may be NULL.
typedef struct {
  int64_t image_count;
  const int64_t *image_ids, *image_heights, *image_widths;
  const int64_t *negative_starts, *negative_ids, *not_exhaustive_starts, *not_exhaustive_ids;
  int64_t category_count;
  const int64_t *category_ids;
  const char *category_frequencies;
  int64_t object_count;
  const int64_t *object_ids, *object_image_ids, *object_category_ids;
  const double *object_boxes, *object_areas;
  const uint8_t *object_flags;
  bags_masks object_masks;
} bags_ground_truth;

// Detections. `boxes` is NULL where there are masks alone.
typedef struct {
  int64_t count;
  const int64_t *image_ids, *category_ids;
  const double *boxes, *scores;
  bags_masks masks;
} bags_detections;

enum { BAGS_BOXES = 0, BAGS_MASKS = 1, BAGS_BOUNDARIES = 2 };
enum { BAGS_LVIS = 0, BAGS_COCO = 1 };

// How to score. Arrays of count 0 leave the standard: ten IoU thresholds, the areas small, medium and large, all images
// and all categories. Areas are lower and upper bounds, `all` left out. `max_detections` is LVIS's cap an image, 0 for
// its 300 and -1 for none.
typedef struct {
  int32_t iou_type, rules;
  int64_t max_detections;
  int64_t threshold_count;
  const double *thresholds;
  int64_t area_count;
  const double *areas;
  int64_t image_count;
  const int64_t *image_ids;
  int64_t category_count;
  const int64_t *category_ids;
} bags_options;

// The numbers of a scoring: thresholds T, recall points R, categories K, areas A with `all`, limits of detections M (1, 10
// and 100 by COCO's rules, else one), and named metrics.
typedef struct {
  int64_t thresholds, recalls, categories, areas, limits, metrics;
} bags_sizes;

typedef struct bags_evaluation bags_evaluation;

// Prepares ground truth from buffers, or from a file where `path` is not NULL.
bags_evaluation *bags_evaluation_create(
    const bags_ground_truth *truth, const char *path, const bags_options *options, char *message, int64_t room);

bags_sizes bags_evaluation_sizes(const bags_evaluation *evaluation);

// The ids of the categories (K) and of the images that are scored; returns the number of images. Either may be NULL.
int64_t bags_evaluation_ids(
    const bags_evaluation *evaluation, int64_t *category_ids, char *category_frequencies, int64_t *image_ids);

// The names of the metrics, one a line; returns the bytes that it takes with the zero at the end.
int64_t bags_evaluation_metric_names(const bags_evaluation *evaluation, char *names, int64_t room);

// Scores detections from buffers, or from a file where `path` is not NULL. Gets `metrics`, and where they are not NULL
// `precision` and `scores` [T, R, K, A, M] and `recall` [T, K, A, M]; -1 where there is no object. Returns 0.
int32_t bags_evaluation_score(
    const bags_evaluation *evaluation, const bags_detections *detections, const char *path, double *metrics,
    double *precision, double *scores, double *recall, char *message, int64_t room);

void bags_evaluation_destroy(bags_evaluation *evaluation);

#ifdef __cplusplus
}
#endif
#endif
