// A GPU emulated for sanitizers: every CUDA thread is a fiber that runs until it meets others. Implemented in
// host-block.cc, which is never instrumented.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace host {
struct Index3 { uint32_t x, y, z; };
struct Grid { Index3 grid, block, index; };
const Grid &grid();
Index3 thread();
int linear_thread();
// Memory of the block, new for each block: `key` names it. Without a key, what the launch asks for.
void *shared_array(const void *key, size_t bytes);
void *dynamic_shared();
void sync_block(const char *file, int line);
void sync_some(int barrier, int threads);
// A barrier of lanes, which orders their accesses to memory; other meetings do not.
void sync_warp(uint32_t mask);
uint64_t shuffle(uint32_t mask, uint64_t value, int from);
uint32_t ballot(uint32_t mask, bool value);
void load_matrix(uint32_t *out, const void *row, int count, bool transposed);
enum Product { BF16, F16, INT8 };
void multiply(Product product, void *sum, const uint32_t *a, uint32_t b0, uint32_t b1);
void copy_queue(void *to, const void *from, int bytes);
void copy_commit();
void copy_wait(int left);
void check_aligned(const void *p, size_t bytes);
[[noreturn]] void fail(const char *format, ...);

struct Kernel { const char *name; int max_threads; void (*call)(void **); };
// `seed` chooses the order of threads.
void launch(const Kernel &kernel, Index3 grid, Index3 block, size_t shared_bytes, void **arguments, uint64_t seed);

template <class F> struct Caller;
template <class... A> struct Caller<void (*)(A...)> {
  template <void (*F)(A...), size_t... I> static void go(void **p, std::index_sequence<I...>) { F(*static_cast<A *>(p[I])...); }
  template <void (*F)(A...)> static void call(void **p) { go<F>(p, std::index_sequence_for<A...>{}); }
};
}  // namespace host
// A kernel of this translation unit, to be launched.
#define HOST_KERNEL(name) (host::Kernel{#name, name##_threads, host::Caller<decltype(&name)>::call<&name>})
