#include "CSimdJSON.h"

#include <cstring>

size_t csimdjson_scan(
    CSimdJSONScan *scan, const char *bytes, size_t count, bool stops_at_comma, int64_t *last_comma) {
  *last_comma = -1;
  size_t i = 0;
  while (i < count) {
    if (scan->in_string) {
      if (scan->is_escaped) {
        scan->is_escaped = false;
        i++;
        continue;
      }
      while (i < count && bytes[i] != '"' && bytes[i] != '\\') i++;
      if (i == count) break;
      if (bytes[i] == '"') scan->in_string = false;
      else scan->is_escaped = true;
      i++;
      continue;
    }
    switch (bytes[i]) {
    case '"':
      scan->in_string = true;
      break;
    case '[':
    case '{':
      scan->depth++;
      break;
    case ']':
    case '}':
      if (scan->depth == 0) return i;
      scan->depth--;
      break;
    case ',':
      if (scan->depth == 0) {
        *last_comma = int64_t(i);
        if (stops_at_comma) return i;
      }
      break;
    default:
      break;
    }
    i++;
  }
  return count;
}
