// Runs one of the planted faults: `planted-faults NAME SEED`. Exits with 0 where nothing was found.
#include "device.cuh"
#include "planted-faults.cu"
#include <cstdio>
#include <cstdlib>

#define ALL(row)                                                                                                              \
  row(missing_barrier) row(warp_synchronous) row(missing_warp_barrier) row(blocks_write_one_address) row(divergent_barrier)   \
  row(lanes_that_never_come) row(missing_wait) row(out_of_bounds) row(write_out_of_bounds) row(shared_out_of_bounds)          \
  row(misaligned_vector) row(uninitialised_shared) row(uninitialised_global) row(with_warp_barrier)

int main(int count, char **words) {
  if (count != 3) return 2;
#define ROW(name) HOST_KERNEL(name),
  const host::Kernel kernels[] = {ALL(ROW)};
  for (const host::Kernel &kernel : kernels) {
    if (strcmp(kernel.name, words[1])) continue;
    const int n = std::max(64, kernel.max_threads);
    float *in = new float[(size_t)n], *out = new float[(size_t)n];
    for (int i = 0; i < n; i++) in[i] = (float)(i + 1), out[i] = NAN;
    void *arguments[] = {&out, &in};
    const bool two = !strcmp(kernel.name, "blocks_write_one_address");
    host::launch(kernel, {two ? 2u : 1u, 1, 1}, {(u32)kernel.max_threads, 1, 1}, 0, arguments, strtoull(words[2], nullptr, 10));
    int unset = 0;
    for (int i = 0; i < kernel.max_threads; i++) unset += std::isnan(out[i]);
    if (unset > (strcmp(kernel.name, "warp_synchronous") ? 0 : 31)) printf("%d results are NaN\n", unset);
    delete[] in;
    delete[] out;
    return 0;
  }
  return 2;
}
