#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H
#include <zlib.h>

// Macros in zlib.h, which Swift does not see. 31: a window of 32 KB, and the header of gzip.
static inline int czlib_inflate_begin(z_stream *stream) { return inflateInit2(stream, 31); }
static inline int czlib_deflate_begin(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
}
#endif
