// The names of device.cuh where kernels are compiled for the host.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include "host-block.hpp"
namespace ptx {
#include "arithmetic.hpp"
}
// The kernels have functions of their own with the names of these.
#define expf device_expf
#define logf device_logf
#define tanhf device_tanhf
#define erff device_erff
typedef uint8_t u8;
typedef int8_t i8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) uint2 { u32 x, y; };
struct alignas(16) uint4 { u32 x, y, z, w; };

#define KERNEL(name, threads) [[maybe_unused]] static const int name##_threads = threads; static void name
#define KERNEL_OF_BLOCKS(name, threads, blocks) KERNEL(name, threads)
#define SHARED(type, name, n) static char name##_key; type (&name)[n] = *reinterpret_cast<type(*)[n]>(host::shared_array(&name##_key, sizeof(type) * (n)))
#define DYNAMIC_SHARED(type, name) type *name = reinterpret_cast<type *>(host::dynamic_shared())
#define DEV inline
#define __global__
#define __constant__
#define FULL_WARP 0xffffffffu
#define threadIdx (host::thread())
#define blockIdx (host::grid().index)
#define blockDim (host::grid().block)
#define gridDim (host::grid().grid)

DEV u32 float_bits(float x) { return ptx::bits(x); }
DEV float float_from_bits(u32 x) { return ptx::number(x); }
#define sync_block() host::sync_block(__FILE__, __LINE__)
DEV void sync_warp(u32 mask = FULL_WARP) { host::sync_warp(mask); }
template <int Barrier> DEV void sync_threads(int threads) { host::sync_some(Barrier, threads); }
template <class T> DEV T shuffle_from(T v, int lane, u32 mask) {
  u64 word = 0;
  memcpy(&word, &v, sizeof v);
  word = host::shuffle(mask, word, lane);
  memcpy(&v, &word, sizeof v);
  return v;
}
DEV int own_lane() { return host::linear_thread() & 31; }
template <class T> DEV T shuffle(T v, int lane, u32 mask = FULL_WARP) { return shuffle_from(v, lane & 31, mask); }
template <class T> DEV T shuffle_xor(T v, int other, u32 mask = FULL_WARP) { return shuffle_from(v, own_lane() ^ other, mask); }
template <class T> DEV T shuffle_up(T v, int delta, u32 mask = FULL_WARP) { return shuffle_from(v, own_lane() < delta ? own_lane() : own_lane() - delta, mask); }
template <class T> DEV T shuffle_down(T v, int delta, u32 mask = FULL_WARP) { return shuffle_from(v, own_lane() + delta > 31 ? own_lane() : own_lane() + delta, mask); }
DEV u32 ballot(bool p, u32 mask = FULL_WARP) { return host::ballot(mask, p); }
DEV bool any_lane(bool p, u32 mask = FULL_WARP) { return host::ballot(mask, p) != 0; }
DEV bool all_lanes(bool p, u32 mask = FULL_WARP) { return host::ballot(mask, p) == mask; }

using std::max;
using std::min;
DEV float rsqrtf(float x) { return 1.f / sqrtf(x); }
DEV float reciprocal(float x) { return 1.f / x; }
DEV float sin_approximate(float x) { return sinf(x); }
DEV float cos_approximate(float x) { return cosf(x); }
DEV int float_to_int_nearest(float x) { return ptx::to_integer<int32_t>(std::rint(x)); }
DEV int dot_bytes(u32 a, u32 b, int c) { return ptx::dot_bytes<int8_t, int8_t>(a, b, c); }
DEV u32 pack_bf16(float low, float high) { return ptx::pack<ptx::Bf16>(low, high); }
DEV u32 pack_f16(float low, float high) { return ptx::pack<ptx::F16>(low, high); }
DEV u16 float_to_f16(float x) { return ptx::F16::narrow(x); }
DEV float f16_to_float(u16 x) { return ptx::F16::widen(x); }

DEV uint4 load_stream(const void *p) { host::check_aligned(p, 16); return *static_cast<const uint4 *>(p); }
DEV uint4 load_read_only16(const void *p) { return load_stream(p); }
DEV uint2 load_stream8(const void *p) { host::check_aligned(p, 8); return *static_cast<const uint2 *>(p); }
DEV uint2 load_read_only8(const void *p) { return load_stream8(p); }
DEV void copy_async16(void *to, const void *from, bool valid = true) {
  host::check_aligned(to, 16);
  if (valid) host::check_aligned(from, 16);
  host::copy_queue(to, valid ? from : nullptr, 16);
}
template <int Bytes> DEV void copy_async_cached(void *to, const void *from, bool valid = true) {
  host::check_aligned(to, Bytes);
  if (valid) host::check_aligned(from, Bytes);
  host::copy_queue(to, valid ? from : nullptr, Bytes);
}
DEV void copy_commit() { host::copy_commit(); }
template <int N> DEV void copy_wait() { host::copy_wait(N); }
template <class T> DEV T atomic_add(T *p, T v) {
  T old = __atomic_load_n((std::conditional_t<sizeof(T) == 4, u32, u64> *)p, __ATOMIC_RELAXED), sum;
  std::conditional_t<sizeof(T) == 4, u32, u64> seen, next;
  memcpy(&seen, &old, sizeof old);
  do {
    memcpy(&old, &seen, sizeof old);
    sum = old + v;
    memcpy(&next, &sum, sizeof sum);
  } while (!__atomic_compare_exchange_n((decltype(seen) *)p, &seen, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
  return old;
}
template <class T> DEV T atomic_max(T *p, T v) {
  T old = __atomic_load_n(p, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(p, &old, std::max(old, v), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {}
  return old;
}
template <class T> DEV T atomic_compare_swap(T *p, T expected, T v) { __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE); return expected; }
DEV void fence_device() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

DEV void load_matrix_x4(u32 (&r)[4], const void *row) { host::check_aligned(row, 16); host::load_matrix(r, row, 4, false); }
DEV void load_matrix_x2(u32 (&r)[2], const void *row) { host::check_aligned(row, 16); host::load_matrix(r, row, 2, false); }
DEV void load_matrix_x4_transposed(u32 (&r)[4], const void *row) { host::check_aligned(row, 16); host::load_matrix(r, row, 4, true); }
DEV void load_matrix_x2_transposed(u32 (&r)[2], const void *row) { host::check_aligned(row, 16); host::load_matrix(r, row, 2, true); }
DEV void mma_bf16(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { host::multiply(host::BF16, d, a, b0, b1); }
DEV void mma_f16(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { host::multiply(host::F16, d, a, b0, b1); }
DEV void mma_int8(int (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { host::multiply(host::INT8, d, a, b0, b1); }
