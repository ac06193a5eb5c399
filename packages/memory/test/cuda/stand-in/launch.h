// The border between the stand-in driver and translated kernels: plain C, so that the driver needs no C++.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PTX_TEXT = 512 };

// One kernel as the driver sees it.
struct ptx_kernel_info {
  const char *name;
  const uint8_t *parameter_bytes;
  int parameter_count;
  unsigned max_threads, static_shared, record_bytes;
};

struct ptx_launch {
  unsigned grid[3], block[3], dynamic_shared;
  void **parameters;
  uint64_t seed;
  int in_order;  // threads run by number, not at random
  // Finds the live memory around an address; returns 0 where there is none.
  int (*find)(uint64_t at, uint64_t *start, uint64_t *end);
  char failure[PTX_TEXT];  // what went wrong, for people
};

// Exported by each translated module: entry `index`, or NULL behind the last.
typedef const struct ptx_kernel_info *ptx_describe_function(int index);
// Runs a kernel; returns a CUresult.
typedef int ptx_run_function(int index, struct ptx_launch *launch);

#ifdef __cplusplus
}
#endif
