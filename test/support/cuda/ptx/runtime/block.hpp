// One block of threads: which thread goes on, where they meet, and what memory they may access.
#pragma once
#include <cstdarg>
#include <cstdio>
#include <vector>
#include "launch.h"
#include "warp.hpp"
#ifdef PTX_COUNTS
#include "counts.hpp"
#endif

struct Size3 { u32 x, y, z; };
struct Range { u64 start, bytes; };

enum { ILLEGAL_ADDRESS = 700, MISALIGNED_ADDRESS = 716, LAUNCH_FAILED = 719 };
struct Failure { int status; };

class Block;
struct Kernel {
  const char *name;
  int parameter_count;
  const u8 *parameter_bytes;
  u32 max_threads, static_shared, record_bytes;
  int site_count;
  // Runs a thread from a meeting (0: its start) to the next one; returns that, or -1 at its end.
  int (*run)(Block &, void *record, int meet);
  // Does what the lanes of a warp do together; `records` are those of its first lane.
  void (*meet)(Block &, int meet, void *records, u32 lanes);
  const char *const *meet_names;
  const bool *is_block_meet;
#ifdef PTX_COUNTS
  KernelCounts *counts;
#endif
};

class Block {
 public:
  Size3 tid, ntid, ctaid, nctaid;
  u32 thread;

  Block(const Kernel &kernel, ptx_launch &launch, const Range *constants)
      : ntid{launch.block[0], launch.block[1], launch.block[2]}, nctaid{launch.grid[0], launch.grid[1], launch.grid[2]},
        kernel_(kernel), launch_(launch), constants_(constants), count_((int)(ntid.x * ntid.y * ntid.z)),
        shared_bytes_(kernel.static_shared + launch.dynamic_shared), stride_(kernel.record_bytes) {
    records_.resize(stride_ * (size_t)count_ + 16);
    shared_.resize(shared_bytes_ + 256);
    base_ = ((u64)shared_.data() + 127) & ~127ull;
    sites_.resize((size_t)kernel.site_count);
    for (int t = 0; t < count_; t++) tids_.push_back({(u32)t % ntid.x, (u32)t / ntid.x % ntid.y, (u32)t / ntid.x / ntid.y});
    ready_.resize((size_t)count_), at_.resize((size_t)count_), mask_.resize((size_t)count_), barrier_.resize((size_t)count_), expected_.resize((size_t)count_);
    warps_.resize((size_t)(count_ + 31) / 32), copies_.resize((size_t)count_);
  }

  void run(u32 x, u32 y, u32 z) {
    ctaid = {x, y, z};
    chance_ = (launch_.seed + 1) * 0x9e3779b97f4a7c15ull ^ ((u64)z << 42 | (u64)y << 21 | x) * 0xd1342543de82ef95ull;
    // NaN as numbers of 32 and of 16 bits.
    memset((void *)base_, 0xff, shared_bytes_);
    memset(records_.data(), 0xff, records_.size());
    live_ = count_;
    ready_count_ = 0;
    for (int t = count_ - 1; t >= 0; t--) make_ready(t);
    for (size_t w = 0; w < warps_.size(); w++) {
      const int lanes = std::min(32, count_ - (int)w * 32);
      warps_[w] = {lanes == 32 ? ~0u : (1u << lanes) - 1, 0};
    }
    std::fill(at_.begin(), at_.end(), 0);
    for (auto &copies : copies_) copies = {};
    while (live_ > 0) {
      if (ready_count_ == 0) release_barrier();
      step(take());
    }
#ifdef PTX_COUNTS
    counts.finish();
#endif
  }

  // ---- what kernels call ----
  template <class T> T parameter(int i) const { return *(const T *)launch_.parameters[i]; }
  u64 shared_base() const { return base_; }
  void wait_block(u32 id, u32 expected) { barrier_[thread] = id, expected_[thread] = expected; }
  void wait_warp(u32 mask) { mask_[thread] = mask; }
  [[noreturn]] void trap() { fail(LAUNCH_FAILED, "trap"); }

  template <class T, int N> T *shared_at(u64 at) {
    constexpr u64 bytes = sizeof(T) * N;
    if (at + bytes > shared_bytes_ || at > shared_bytes_) fail(ILLEGAL_ADDRESS, "%llu bytes at %lld of %u bytes of shared memory", (unsigned long long)bytes, (long long)at, shared_bytes_);
    if (at % bytes) misaligned(at, bytes);
    return (T *)(base_ + at);
  }
  template <class T, int N> T *global_at(u64 at, int site) {
    constexpr u64 bytes = sizeof(T) * N;
    const Site &found = sites_[(size_t)site];
    if (__builtin_expect(at - found.start > found.last, 0)) find(at, bytes, site);
    if (__builtin_expect(at % bytes, 0)) misaligned(at, bytes);
    return (T *)at;
  }
  template <class T, int N, class R> T *local_at(u64 at, R &record) {
    constexpr u64 bytes = sizeof(T) * N;
    if (at - (u64)&record > sizeof(R) - bytes) fail(ILLEGAL_ADDRESS, "%llu bytes outside of the thread's own memory", (unsigned long long)bytes);
    if (at % bytes) misaligned(at, bytes);
    return (T *)at;
  }
  template <class T, int N, class R> T *generic_at(u64 at, int site, R &record) {
    if (at - base_ < shared_bytes_) return shared_at<T, N>(at - base_);
    if (at - (u64)&record < sizeof(R)) return local_at<T, N>(at, record);
    return global_at<T, N>(at, site);
  }
  template <int Bytes> void copy_queue(u64 to, u64 from, u32 valid, int site) {
    if (valid > Bytes) fail(LAUNCH_FAILED, "cp.async of %u of %d bytes", valid, Bytes);
    shared_at<u8, Bytes>(to);
    if (valid) global_at<u8, Bytes>(from, site);
    copies_[thread].open.push_back({to, from, Bytes, valid});
  }
  void copy_commit() { auto &copies = copies_[thread]; copies.groups.push_back(std::move(copies.open)); copies.open.clear(); }
  // Copies land only here, which is as late as the kernel allows.
  void copy_wait(int left) {
    auto &copies = copies_[thread];
    while ((int)copies.groups.size() - copies.landed > left) {
      for (const Copy &copy : copies.groups[(size_t)copies.landed]) { memset((void *)(base_ + copy.to), 0, copy.bytes); memcpy((void *)(base_ + copy.to), (const void *)copy.from, copy.valid); }
      copies.groups[(size_t)copies.landed++].clear();
    }
  }
  bool is_shared(u64 generic) const { return generic - base_ < shared_bytes_; }
  void whole_warp(u32 lanes) { if (lanes != ~0u) fail(LAUNCH_FAILED, "a product or matrix of a warp with lanes %08x only", lanes); }
  void load_matrix(int count, bool transposed, const u64 *rows, const Lanes &got) {
    const u16 *row[32];
    for (int i = 0; i < 8 * count; i++) row[i] = shared_at<u16, 8>(rows[i]);
    for (int i = 0; i < 32; i++) for (int m = 0; m < count; m++) {
      const u16 *const *tile = row + 8 * m;
      const int g = i / 4, t = i % 4 * 2;
      got.get<u32>(i, m) = transposed ? tile[t][g] | (u32)tile[t + 1][g] << 16 : tile[g][t] | (u32)tile[g][t + 1] << 16;
    }
  }

 private:
  // The live memory that an access found last: starts at `start`, and `last` is the last offset for its size.
  struct Site { u64 start = 1, last = 0; };
  struct Warp { u32 live, waiting; };
  struct Copy { u64 to, from; u32 bytes, valid; };
  struct Copies { std::vector<Copy> open; std::vector<std::vector<Copy>> groups; int landed = 0; };

  const Kernel &kernel_;
  ptx_launch &launch_;
  const Range *constants_;
  const int count_;
  const u32 shared_bytes_;
  const size_t stride_;
  std::vector<u8> records_, shared_;
  u64 base_, chance_;
  int live_, ready_count_;
  std::vector<Size3> tids_;
  std::vector<Site> sites_;
  std::vector<int> at_, ready_;
  std::vector<u32> mask_, barrier_, expected_;
  std::vector<Warp> warps_;
  std::vector<Copies> copies_;

  void *record(int t) { return (void *)((((u64)records_.data() + 15) & ~15ull) + stride_ * (u64)t); }
  u32 random(u32 below) {
    chance_ ^= chance_ << 13, chance_ ^= chance_ >> 7, chance_ ^= chance_ << 17;
    return (u32)((chance_ >> 32) * below >> 32);
  }
  void make_ready(int t) { ready_[(size_t)ready_count_++] = t; }
  int take() {
    int *const last = &ready_[(size_t)--ready_count_];
    if (!launch_.in_order) std::swap(ready_[random((u32)ready_count_ + 1)], *last);
    return *last;
  }
  void step(int t) {
    thread = (u32)t;
    tid = tids_[(size_t)t];
    const int meet = at_[(size_t)t] = kernel_.run(*this, record(t), at_[(size_t)t]);
    Warp &warp = warps_[(size_t)t / 32];
    const u32 lane = 1u << (t & 31);
    if (meet < 0) {
      live_--;
      warp.live &= ~lane;
      // Those that wait for this lane need it no more.
      for (u32 rest = warp.waiting; rest; rest &= rest - 1) {
        const int other = __builtin_ctz(rest);
        if (warp.waiting >> other & 1) join_warp(t / 32 * 32 + other, warp);
      }
    } else if (!kernel_.is_block_meet[meet]) {
      if (!(mask_[(size_t)t] & lane)) fail(LAUNCH_FAILED, "%s with lanes %08x, without the lane itself", kernel_.meet_names[meet], mask_[(size_t)t]);
      warp.waiting |= lane;
      join_warp(t, warp);
    } else if (expected_[(size_t)t] != 0) join_some(t);
  }
  // Lets the lanes of a warp go on once all that thread `t` waits for are there.
  void join_warp(int t, Warp &warp) {
    const u32 mask = mask_[(size_t)t], lanes = mask & warp.live;
    if (lanes & ~warp.waiting) return;
    const int first = t / 32 * 32, meet = at_[(size_t)t];
    FOR_LANES(i) if (at_[(size_t)first + i] != meet || mask_[(size_t)first + i] != mask) return;
    kernel_.meet(*this, meet, record(first), lanes);
    warp.waiting &= ~lanes;
    wake(first, lanes);
  }
  void wake(int first, u32 lanes) {
    for (int i = 31; i >= 0; i--) if (lanes >> i & 1) make_ready(first + i);
  }
  bool waits_at_barrier(int t) const { return at_[(size_t)t] > 0 && kernel_.is_block_meet[at_[(size_t)t]]; }
  bool is_ready(int t) const { const auto end = ready_.begin() + ready_count_; return std::find(ready_.begin(), end, t) != end; }
  // A barrier of some threads.
  void join_some(int t) {
    const u32 id = barrier_[(size_t)t], expected = expected_[(size_t)t];
    std::vector<int> there;
    for (int i = 0; i < count_; i++) if (waits_at_barrier(i) && barrier_[(size_t)i] == id && expected_[(size_t)i] == expected && (i == t || !is_ready(i))) there.push_back(i);
    if (there.size() == expected) for (auto i = there.rbegin(); i != there.rend(); i++) make_ready(*i);
  }
  // All wait: at one barrier of the block, or it is a mistake.
  void release_barrier() {
    int first = -1;
    for (int t = 0; t < count_; t++) {
      if (at_[(size_t)t] < 0) continue;
      if (first < 0) first = t;
      const bool same = waits_at_barrier(t) && at_[(size_t)t] == at_[(size_t)first] && expected_[(size_t)t] == 0;
      if (same) continue;
      thread = (u32)t;
      fail(LAUNCH_FAILED, "threads wait for ever: thread %d at %s, thread %d at %s", first, kernel_.meet_names[at_[(size_t)first]], t, kernel_.meet_names[at_[(size_t)t]]);
    }
    for (int t = count_ - 1; t >= 0; t--) if (at_[(size_t)t] >= 0) make_ready(t);
  }

  [[gnu::noinline]] void find(u64 at, u64 bytes, int site) {
    u64 start = 0, end = 0;
    for (const Range *constant = constants_; constant->bytes && !end; constant++) if (at - constant->start < constant->bytes) start = constant->start, end = start + constant->bytes;
    if (!end && !launch_.find(at, &start, &end)) fail(ILLEGAL_ADDRESS, "%llu bytes at %#llx, which is in no live allocation", (unsigned long long)bytes, (unsigned long long)at);
    if (at + bytes > end) fail(ILLEGAL_ADDRESS, "%llu bytes at %#llx, beyond the allocation that ends at %#llx", (unsigned long long)bytes, (unsigned long long)at, (unsigned long long)end);
    Site &found = sites_[(size_t)site];
    found.start = start;
    found.last = end - start - bytes;
  }
  [[noreturn, gnu::noinline]] void misaligned(u64 at, u64 bytes) { fail(MISALIGNED_ADDRESS, "%llu bytes at %#llx, which is misaligned", (unsigned long long)bytes, (unsigned long long)at); }
  [[noreturn, gnu::noinline, gnu::format(printf, 3, 4)]] void fail(int status, const char *format, ...) {
    char text[PTX_TEXT];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    snprintf(launch_.failure, PTX_TEXT, "%s, block (%u, %u, %u), thread (%u, %u, %u): %s; seed %llu", kernel_.name, ctaid.x, ctaid.y, ctaid.z,
             thread % ntid.x, thread / ntid.x % ntid.y, thread / ntid.x / ntid.y, text, (unsigned long long)launch_.seed);
    throw Failure{status};
  }

#ifdef PTX_COUNTS
 public:
  BlockCounts counts{*kernel_.counts, count_};
#endif
};
