// LVIS and COCO records read with simdjson, behind C.
//
// A reader is given a *window*: a JSON array "[" records "]" that stands in a buffer with CSIMDJSON_PADDING more bytes
// before and behind it. It turns the records into rows of plain values that stay valid until its next window.
#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Bytes that must be readable before a window, and behind it.
enum { CSIMDJSON_PADDING = 64 };

// What is wrong with a record.
typedef enum {
  CSIMDJSON_OK = 0,
  // Not JSON: `detail` says why, `offset` where.
  CSIMDJSON_SYNTAX,
  // The value is of another type than `expected` says.
  CSIMDJSON_WRONG_TYPE,
  CSIMDJSON_MISSING_FIELD,
  // An integer beyond 64 bits, or beyond what the field can hold.
  CSIMDJSON_OUT_OF_RANGE,
  // A number with a fraction where an integer must stand.
  CSIMDJSON_NOT_INTEGER,
  // NaN, an infinity, or a number that no double can hold.
  CSIMDJSON_NOT_FINITE,
  CSIMDJSON_NEGATIVE,
  // A list of `count` numbers where `expected` must stand.
  CSIMDJSON_WRONG_LENGTH,
  CSIMDJSON_OUT_OF_MEMORY,
} CSimdJSONProblem;

typedef struct {
  CSimdJSONProblem problem;
  // The record, counted from 0 within the window.
  size_t element;
  // The field's name, or NULL where the record itself is meant.
  const char *field;
  // The place within the field's list, or -1; and within a list in that list, or -1.
  int64_t index, subindex;
  // What should stand there.
  const char *expected;
  // What stands there, as the file has it, cut after a few bytes.
  char found[48];
  size_t found_count;
  // For CSIMDJSON_WRONG_LENGTH.
  size_t count;
  // For CSIMDJSON_SYNTAX: what simdjson says, and the byte within the window.
  const char *detail;
  size_t offset;
} CSimdJSONFailure;

// Which fields a record had.
enum {
  CSIMDJSON_HAS_ID = 1,
  CSIMDJSON_HAS_BOX = 2,
  CSIMDJSON_HAS_AREA = 4,
  CSIMDJSON_HAS_SEGMENTATION = 8,
  CSIMDJSON_IS_CROWD = 16,
  CSIMDJSON_IS_IGNORED = 32,
  CSIMDJSON_HAS_SIZE = 64,
  CSIMDJSON_HAS_NEGATIVE = 128,
  CSIMDJSON_HAS_NOT_EXHAUSTIVE = 256,
  CSIMDJSON_HAS_NAME = 512,
  CSIMDJSON_HAS_INSTANCE_COUNT = 1024,
  CSIMDJSON_HAS_IMAGE_COUNT = 2048,
  CSIMDJSON_HAS_FREQUENCY = 4096,
  // An id of 2^63 or more, held as the negative number of the same 64 bits.
  CSIMDJSON_HAS_WIDE_ID = 8192,
};

// A stretch of one of the reader's lists.
typedef struct {
  uint32_t first, count;
} CSimdJSONRange;

typedef enum {
  CSIMDJSON_NO_SEGMENTATION = 0,
  // `parts` is a stretch of polygon_ends.
  CSIMDJSON_POLYGONS,
  // `parts` is a stretch of runs.
  CSIMDJSON_RUN_LENGTHS,
  // `parts` is a stretch of bytes.
  CSIMDJSON_COMPRESSED,
} CSimdJSONSegmentationKind;

typedef struct {
  uint32_t kind;
  uint32_t height, width;
  CSimdJSONRange parts;
  // The pixels inside compressed run lengths that cover height × width exactly; else -1.
  int64_t area;
} CSimdJSONSegmentation;

typedef struct {
  int64_t id, width, height;
  // Stretches of integers.
  CSimdJSONRange negative, not_exhaustive;
  // A hash of what names the picture (file_name, coco_url), to tell an entry that is repeated from another of its id.
  uint64_t identity;
  uint32_t flags;
} CSimdJSONImage;

typedef struct {
  int64_t id, instance_count, image_count;
  // Stretches of bytes.
  CSimdJSONRange name, frequency;
  uint32_t flags;
} CSimdJSONCategory;

// An annotation or a detection; `area` is the first one's, `score` the second one's.
typedef struct {
  int64_t id, image_id, category_id;
  double box[4];
  union {
    double area;
    double score;
  };
  CSimdJSONSegmentation segmentation;
  uint32_t flags;
} CSimdJSONObject;

// What the rows of the last window refer to.
typedef struct {
  size_t count;
  const CSimdJSONImage *images;
  const CSimdJSONCategory *categories;
  const CSimdJSONObject *objects;
  // Detections that all have a box and no mask stand in these columns instead, boxes as x, y, width, height; else NULL.
  const int64_t *image_ids, *category_ids;
  const double *boxes, *scores;
  const int64_t *integers;
  size_t integer_count;
  const uint8_t *bytes;
  size_t byte_count;
  // Polygon corners x, y, x, y…; polygon_ends[i] is where polygon i stops and the next one starts.
  const double *coordinates;
  size_t coordinate_count;
  const uint32_t *polygon_ends;
  size_t polygon_count;
  const uint32_t *runs;
  size_t run_count;
  // Where what follows the array begins: the window's length, or less where a bracket ended the array early.
  size_t consumed;
} CSimdJSONRows;

typedef enum {
  CSIMDJSON_IMAGES,
  CSIMDJSON_CATEGORIES,
  CSIMDJSON_ANNOTATIONS,
  CSIMDJSON_DETECTIONS,
} CSimdJSONRecordKind;

typedef struct CSimdJSONReader CSimdJSONReader;

// What else is asked of the records.
enum {
  CSIMDJSON_READ_SEGMENTATIONS = 1,
  CSIMDJSON_REQUIRE_BOX = 2,
};

// NULL without memory.
CSimdJSONReader *csimdjson_reader_create(void);
void csimdjson_reader_destroy(CSimdJSONReader *reader);

// Reads a window; false and `failure` where a record is not as it should be. `rows` then holds the ones before it.
bool csimdjson_read(
    CSimdJSONReader *reader, CSimdJSONRecordKind kind, const char *window, size_t length, uint32_t options,
    CSimdJSONRows *rows, CSimdJSONFailure *failure);

// The pixels inside compressed run lengths; -1 where they are malformed or do not cover so many pixels.
int64_t csimdjson_run_length_area(const uint8_t *bytes, size_t count, uint64_t pixels);

// The lengths of compressed runs, into room for as many as there are bytes and eight more. Returns how many there are; -1
// where they are malformed or one is beyond 32 bits.
int64_t csimdjson_run_lengths(const uint8_t *bytes, size_t count, uint32_t *lengths);

// Where each of these runs ends. Returns whether none but the first is empty.
bool csimdjson_run_ends(const uint32_t *lengths, size_t count, uint32_t *ends);

// The pixels inside two masks, of which the ends of runs are given and none but the first run is empty.
uint32_t csimdjson_common_pixels(
    const uint32_t *first, size_t first_count, const uint32_t *second, size_t second_count);

// The name of the instruction set that simdjson uses here.
const char *csimdjson_implementation(void);

// Where a walk over the bytes of an array or object stands; zero at its first element.
typedef struct {
  int64_t depth;
  bool in_string, is_escaped;
} CSimdJSONScan;

// Walks over whole elements, by nothing but brackets, strings and commas. Returns the offset of the bracket that closes
// the array or object (or of the first comma between elements, if that is to stop it), or `count`. `last_comma` is the
// offset of the last comma between elements, or -1.
size_t csimdjson_scan(
    CSimdJSONScan *scan, const char *bytes, size_t count, bool stops_at_comma, int64_t *last_comma);

#ifdef __cplusplus
}
#endif

#endif
