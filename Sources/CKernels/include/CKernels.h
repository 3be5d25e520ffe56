// The one header of the C kernels.
#ifndef CKERNELS_H
#define CKERNELS_H

#include "cpu_features.h"
#include "kernels.h"
#include "paint.h"
#include "thread_control.h"

#endif
