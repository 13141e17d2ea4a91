#ifndef CVECTORKERNELS_H
#define CVECTORKERNELS_H

#include "convolution.h"
#include "logistic.h"
#include "processor.h"
#include "product.h"
#include "product_bf16.h"
#include "resampling.h"
#include "sgd.h"
#include "select.h"
#include "softmax.h"
#include "widen.h"
#include "winograd.h"

#endif
