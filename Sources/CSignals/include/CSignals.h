#ifndef CSIGNALS_H
#define CSIGNALS_H

#include <stddef.h>

// What a signal handler needs in C, where only calls that are safe there are made.

// Notes that a file is mapped at `start`, so that a fault there can be told in words. `path` is copied.
void bags_mapping_add(const void *start, size_t length, const char *path);

// Forgets the mapping at `start`; to be called before it is unmapped.
void bags_mapping_remove(const void *start);

// From now on SIGINT and SIGTERM write their number to a descriptor, as one byte, and do nothing else; a fault in a mapped
// file that another process shortened says so on standard error, writes a zero byte, and ends the process with status 1
// after a while where nobody else does. A write beyond the limit of file sizes fails with EFBIG instead of a signal.
void bags_signals_forward(int descriptor);

#endif
