#ifndef CVECTORKERNELS_H
#define CVECTORKERNELS_H

#include "sgd.h"
#include "softmax.h"
#include "widen.h"

#endif
