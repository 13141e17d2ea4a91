#ifndef CVECTORKERNELS_H
#define CVECTORKERNELS_H

#include "processor.h"
#include "sgd.h"
#include "select.h"
#include "softmax.h"
#include "widen.h"

#endif
