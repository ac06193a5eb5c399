// What kernels may use: no header of CUDA is included. On the device most functions are one instruction; with
// INFERNODE_HOST the same names come from a header that emulates a GPU for sanitizers (docs/cuda.md).
#pragma once
#ifdef INFERNODE_HOST
#include "host-device.hpp"
#else
#include "device/types.cuh"
#include "device/warp.cuh"
#include "device/math.cuh"
#include "device/memory.cuh"
#include "device/tensor.cuh"
#endif
#include "device/numbers.cuh"
#include "device/vectors.cuh"
