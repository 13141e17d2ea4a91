#include "bags_evaluation.h"
