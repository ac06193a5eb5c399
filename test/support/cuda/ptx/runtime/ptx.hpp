// What translated modules include: the runtime, and the functions that the driver finds in them.
#pragma once
#include <random>
#include "block.hpp"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Denormal numbers are zero, as the kernels are compiled.
struct FlushDenormals {
#if defined(__x86_64__)
  unsigned before = _mm_getcsr();
  FlushDenormals() { _mm_setcsr(before | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before); }
#endif
};

static int run_kernel(const Kernel &kernel, const Range *constants, ptx_launch &launch) {
  FlushDenormals flush;
  try {
    Block block(kernel, launch, constants);
    std::vector<u64> blocks((u64)launch.grid[0] * launch.grid[1] * launch.grid[2]);
    for (u64 i = 0; i < blocks.size(); i++) blocks[i] = i;
    if (!launch.in_order) std::shuffle(blocks.begin(), blocks.end(), std::mt19937_64(launch.seed));
    for (const u64 i : blocks) block.run((u32)(i % launch.grid[0]), (u32)(i / launch.grid[0] % launch.grid[1]), (u32)(i / launch.grid[0] / launch.grid[1]));
    return 0;
  } catch (const Failure &failure) {
    return failure.status;
  }
}

#define MODULE(kernels, constants)                                                                                           \
  extern "C" const ptx_kernel_info *ptx_describe(int index) {                                                                \
    static ptx_kernel_info infos[sizeof kernels / sizeof *kernels];                                                          \
    const Kernel *kernel = kernels[index];                                                                                   \
    if (!kernel) return nullptr;                                                                                             \
    infos[index] = {kernel->name, kernel->parameter_bytes, kernel->parameter_count, kernel->max_threads, kernel->static_shared, kernel->record_bytes}; \
    return &infos[index];                                                                                                    \
  }                                                                                                                          \
  extern "C" int ptx_run(int index, ptx_launch *launch) { return run_kernel(*kernels[index], constants, *launch); }
