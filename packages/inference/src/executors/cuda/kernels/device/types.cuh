// Types, indices, and the words in which kernels are declared.
#pragma once
#define __device__ __attribute__((device))
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))

// A kernel of at most `threads` threads a block. Parameters are pointers, int, u32, i64 and float.
#define KERNEL(name, threads) extern "C" __global__ void __launch_bounds__(threads) name
// Registers are shared out so that a multiprocessor can have so many blocks at once.
#define KERNEL_OF_BLOCKS(name, threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks) name
// Shared memory of the block: an array of fixed size, or what the launch asks for (one in a kernel).
#define SHARED(type, name, n) __shared__ type name[n]
#define DYNAMIC_SHARED(type, name)                                   \
  extern __shared__ __attribute__((aligned(16))) u8 dynamic_shared[]; \
  type *name = reinterpret_cast<type *>(dynamic_shared)
// A function of the device.
#define DEV __device__ inline __attribute__((always_inline))

typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) uint2 { u32 x, y; };
struct alignas(16) uint4 { u32 x, y, z, w; };

struct Index3 { u32 x, y, z; };
DEV Index3 thread_index() { return {(u32)__nvvm_read_ptx_sreg_tid_x(), (u32)__nvvm_read_ptx_sreg_tid_y(), (u32)__nvvm_read_ptx_sreg_tid_z()}; }
DEV Index3 block_index() { return {(u32)__nvvm_read_ptx_sreg_ctaid_x(), (u32)__nvvm_read_ptx_sreg_ctaid_y(), (u32)__nvvm_read_ptx_sreg_ctaid_z()}; }
DEV Index3 block_size() { return {(u32)__nvvm_read_ptx_sreg_ntid_x(), (u32)__nvvm_read_ptx_sreg_ntid_y(), (u32)__nvvm_read_ptx_sreg_ntid_z()}; }
DEV Index3 grid_size() { return {(u32)__nvvm_read_ptx_sreg_nctaid_x(), (u32)__nvvm_read_ptx_sreg_nctaid_y(), (u32)__nvvm_read_ptx_sreg_nctaid_z()}; }
#define threadIdx thread_index()
#define blockIdx block_index()
#define blockDim block_size()
#define gridDim grid_size()
