// What the lanes of a warp do together. `mask` names the lanes that take part; all of them must come.
#pragma once
#define FULL_WARP 0xffffffffu
DEV u32 float_bits(float x) { return __builtin_bit_cast(u32, x); }
DEV float float_from_bits(u32 x) { return __builtin_bit_cast(float, x); }

DEV float shuffle_xor(float v, int lane_mask, u32 mask = FULL_WARP) { return __nvvm_shfl_sync_bfly_f32(mask, v, lane_mask, 31); }
DEV int shuffle_xor(int v, int lane_mask, u32 mask = FULL_WARP) { return __nvvm_shfl_sync_bfly_i32(mask, v, lane_mask, 31); }
DEV u32 shuffle_xor(u32 v, int lane_mask, u32 mask = FULL_WARP) { return (u32)__nvvm_shfl_sync_bfly_i32(mask, (int)v, lane_mask, 31); }
DEV float shuffle(float v, int lane, u32 mask = FULL_WARP) { return __nvvm_shfl_sync_idx_f32(mask, v, lane, 31); }
DEV int shuffle(int v, int lane, u32 mask = FULL_WARP) { return __nvvm_shfl_sync_idx_i32(mask, v, lane, 31); }
DEV u32 shuffle(u32 v, int lane, u32 mask = FULL_WARP) { return (u32)__nvvm_shfl_sync_idx_i32(mask, (int)v, lane, 31); }
// From the lane `delta` below; the first lanes keep their own.
DEV float shuffle_up(float v, int delta, u32 mask = FULL_WARP) { return __nvvm_shfl_sync_up_f32(mask, v, delta, 0); }
DEV int shuffle_up(int v, int delta, u32 mask = FULL_WARP) { return __nvvm_shfl_sync_up_i32(mask, v, delta, 0); }
// From the lane `delta` above; the last lanes keep their own.
DEV float shuffle_down(float v, int delta, u32 mask = FULL_WARP) { return __nvvm_shfl_sync_down_f32(mask, v, delta, 31); }
DEV int shuffle_down(int v, int delta, u32 mask = FULL_WARP) { return __nvvm_shfl_sync_down_i32(mask, v, delta, 31); }

DEV u32 ballot(bool p, u32 mask = FULL_WARP) { return __nvvm_vote_ballot_sync(mask, p); }
DEV bool any_lane(bool p, u32 mask = FULL_WARP) { return __nvvm_vote_any_sync(mask, p); }
DEV bool all_lanes(bool p, u32 mask = FULL_WARP) { return __nvvm_vote_all_sync(mask, p); }
// A barrier of the lanes, which also orders their accesses to memory.
DEV void sync_warp(u32 mask = FULL_WARP) { __nvvm_bar_warp_sync(mask); }
// A barrier of the block.
DEV void sync_block() { __syncthreads(); }
// A barrier of `threads` threads (a multiple of 32) by number, from 1 to 15.
template <int Barrier> DEV void sync_threads(int threads) { asm volatile("bar.sync %0, %1;" ::"n"(Barrier), "r"(threads) : "memory"); }
