#ifndef CVECTORKERNELS_H
#define CVECTORKERNELS_H

#include "softmax.h"
#include "widen.h"

#endif
