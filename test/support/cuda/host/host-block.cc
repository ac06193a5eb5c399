// Never compiled with -fsanitize=thread: HOST_TSAN tells the detector about the fibers instead, which is how it sees what
// is ordered by a barrier and what is not.
#include "host-block.hpp"
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>
#include "warp.hpp"
#ifdef HOST_TSAN
extern "C" { void *__tsan_get_current_fiber(); void *__tsan_create_fiber(unsigned); void __tsan_switch_to_fiber(void *, unsigned); void __tsan_acquire(void *); void __tsan_release(void *); void __tsan_read_range(void *, unsigned long); void __tsan_write_range(void *, unsigned long); }
#define TSAN(...) __VA_ARGS__
#else
#define TSAN(...)
#endif
#ifdef __SANITIZE_ADDRESS__
extern "C" { void __sanitizer_start_switch_fiber(void **, const void *, size_t); void __sanitizer_finish_switch_fiber(void *, const void **, size_t *); }
#define ASAN(...) __VA_ARGS__
#else
#define ASAN(...)
#endif

namespace host {
enum State { READY, AT_BLOCK, AT_SOME, AT_WARP, DONE };
constexpr size_t STACK = 128 << 10;
struct Copy { void *to; const void *from; int bytes; };
struct Fiber {
  ucontext_t context;
  unsigned char *stack = nullptr;
  State state = DONE;
  Index3 index;
  const char *file = nullptr;
  int line = 0, barrier = 0, expected = 0;
  uint32_t mask = 0;
  std::vector<Copy> open;
  std::vector<std::vector<Copy>> groups;
  void *tsan = nullptr;
};
struct Warp { alignas(16) unsigned char in[32][64], out[32][16]; };
static Grid state;
static std::vector<Fiber> fibers;
static std::vector<Warp> warps;
static std::vector<int> ready;
static std::vector<std::pair<const void *, void *>> arrays;
static int current = -1, live;
static ucontext_t main_context;
static const Kernel *kernel;
static void **arguments;
static void *dynamic;
static std::mt19937_64 chance;
TSAN(static void *main_tsan; static char start_tag, end_tag, array_tag, *block_tag, block_tags[1 << 20]; static uint64_t tag_count;)
ASAN(static const void *main_stack; static size_t main_size;)

const Grid &grid() { return state; }
Index3 thread() { return fibers[(size_t)current].index; }
int linear_thread() { return current; }
static Fiber &me() { return fibers[(size_t)current]; }
void fail(const char *format, ...) {
  fprintf(stderr, "%s, block (%u, %u, %u), thread %d: ", kernel->name, state.index.x, state.index.y, state.index.z, current);
  va_list list;
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fprintf(stderr, "\n");
  _exit(3);
}
void check_aligned(const void *p, size_t bytes) { if ((uintptr_t)p % bytes) fail("%zu bytes at %p, which is misaligned", bytes, p); }
// memcpy is instrumented even here.
static void words(void *to, const void *from, size_t bytes) { for (size_t i = 0; i < bytes / 4; i++) ((volatile uint32_t *)to)[i] = ((const volatile uint32_t *)from)[i]; }
static void make_ready(int i) { fibers[(size_t)i].state = READY; ready.push_back(i); }
static int take() {
  if (ready.empty()) fail("threads wait for ever");
  std::swap(ready[chance() % ready.size()], ready.back());
  const int i = ready.back();
  ready.pop_back();
  return i;
}
// Switches to a fiber, or to the launch (-1).
static void jump(ucontext_t *from, int to, [[maybe_unused]] bool last) {
  current = to;
  TSAN(__tsan_switch_to_fiber(to < 0 ? main_tsan : fibers[(size_t)to].tsan, 1);)
  ASAN(void *fake = nullptr; __sanitizer_start_switch_fiber(last ? nullptr : &fake, to < 0 ? main_stack : fibers[(size_t)to].stack, to < 0 ? main_size : STACK);)
  swapcontext(from, to < 0 ? &main_context : &fibers[(size_t)to].context);
  ASAN(__sanitizer_finish_switch_fiber(fake, nullptr, nullptr);)
}
static void yield() {
  Fiber &self = me();
  const int next = take();
  if (&fibers[(size_t)next] != &self) jump(&self.context, next, false);
}
static void release_block() {
  int waiting = 0;
  for (const Fiber &f : fibers) waiting += f.state == AT_BLOCK;
  if (!waiting || waiting != live) return;
  for (size_t i = 0; i < fibers.size(); i++) if (fibers[i].state == AT_BLOCK) make_ready((int)i);
}
static void body() {
  ASAN(const void *bottom; size_t size; __sanitizer_finish_switch_fiber(nullptr, &bottom, &size); if (!main_stack) main_stack = bottom, main_size = size;)
  kernel->call(arguments);
  Fiber &self = me();
  self.open.clear();
  self.groups.clear();
  TSAN(__tsan_release(&end_tag);)
  self.state = DONE;
  live--;
  release_block();
  jump(&self.context, live ? take() : -1, true);
}
void sync_block(const char *file, int line) {
  Fiber &self = me();
  self.file = file, self.line = line;
  for (const Fiber &f : fibers) if (f.state == AT_BLOCK && (f.line != line || strcmp(f.file, file))) fail("a divergent barrier: line %d and line %d", line, f.line);
  TSAN(char *tag = block_tag; __tsan_release(tag);)
  self.state = AT_BLOCK;
  release_block();
  yield();
  TSAN(__tsan_acquire(tag);)
}
void sync_some(int barrier, int threads) {
  Fiber &self = me();
  self.barrier = barrier, self.expected = threads, self.state = AT_SOME;
  TSAN(char *tag = block_tag + barrier; __tsan_release(tag);)
  std::vector<int> there;
  for (size_t i = 0; i < fibers.size(); i++) if (fibers[i].state == AT_SOME && fibers[i].barrier == barrier) there.push_back((int)i);
  if ((int)there.size() == threads) for (const int i : there) make_ready(i);
  yield();
  TSAN(__tsan_acquire(tag);)
}
// All lanes of the mask meet; the last to come does `combine` for all. This orders no accesses to memory.
template <class F> static void meet(uint32_t mask, const void *in, size_t in_bytes, void *out, size_t out_bytes, F combine) {
  Fiber &self = me();
  const int lane = current & 31, base = current & ~31;
  Warp &warp = warps[(size_t)current / 32];
  if (!(mask >> lane & 1)) fail("lanes %08x without lane %d itself", mask, lane);
  self.mask = mask;
  words(warp.in[lane], in, in_bytes);
  self.state = AT_WARP;
  uint32_t lanes = 0;
  for (int i = 0; i < 32 && base + i < (int)fibers.size(); i++) if (fibers[(size_t)(base + i)].state == AT_WARP && fibers[(size_t)(base + i)].mask == mask) lanes |= 1u << i;
  if ((lanes & mask) == mask) {
    combine(warp);
    for (int i = 0; i < 32; i++) if (mask >> i & 1) make_ready(base + i);
  }
  yield();
  words(out, warp.out[lane], out_bytes);
}
void sync_warp(uint32_t mask) {
  uint32_t none = 0;
  TSAN(void *tag = &warps[(size_t)current / 32]; __tsan_release(tag);)
  meet(mask, &none, 4, &none, 4, [](Warp &) {});
  TSAN(__tsan_acquire(tag);)
}
uint64_t shuffle(uint32_t mask, uint64_t value, int from) {
  uint64_t in[2] = {value, (uint64_t)from}, out;
  meet(mask, in, 16, &out, 8, [mask](Warp &warp) {
    for (int i = 0; i < 32; i++) {
      if (!(mask >> i & 1)) continue;
      const uint64_t lane = ((uint64_t *)warp.in[i])[1] & 31;
      if (!(mask >> lane & 1)) fail("a shuffle from a lane that does not take part");
      words(warp.out[i], warp.in[lane], 8);
    }
  });
  return out;
}
uint32_t ballot(uint32_t mask, bool value) {
  uint32_t in = value, out;
  meet(mask, &in, 4, &out, 4, [mask](Warp &warp) {
    uint32_t votes = 0;
    for (int i = 0; i < 32; i++) if (mask >> i & 1) votes |= (uint32_t)warp.in[i][0] << i;
    for (int i = 0; i < 32; i++) words(warp.out[i], &votes, 4);
  });
  return out;
}
void load_matrix(uint32_t *out, const void *row, int count, bool transposed) {
  unsigned char in[16] = {};
  TSAN(if ((current & 31) < 8 * count) __tsan_read_range((void *)row, 16);)
  if ((current & 31) < 8 * count) words(in, row, 16);
  meet(~0u, in, 16, out, 4 * (size_t)count, [=](Warp &warp) {
    for (int i = 0; i < 32; i++) for (int m = 0; m < count; m++) {
      const auto at = [&](int r, int c) { return ((u16 *)warp.in[8 * m + r])[c]; };
      const int g = i / 4, t = i % 4 * 2;
      ((u32 *)warp.out[i])[m] = transposed ? at(t, g) | (u32)at(t + 1, g) << 16 : at(g, t) | (u32)at(g, t + 1) << 16;
    }
  });
}
void multiply(Product product, void *sum, const uint32_t *a, uint32_t b0, uint32_t b1) {
  uint32_t in[10] = {a[0], a[1], a[2], a[3], b0, b1};
  words(in + 6, sum, 16);
  meet(~0u, in, 40, sum, 16, [=](Warp &warp) {
    u32 left[32][4], right[32][2];
    union { float real[32][4]; i32 whole[32][4]; } c;
    for (int i = 0; i < 32; i++) { words(left[i], warp.in[i], 16); words(right[i], warp.in[i] + 16, 8); words(c.real[i], warp.in[i] + 24, 16); }
    if (product == BF16) mma_16<::Bf16>(left, right, c.real);
    else if (product == F16) mma_16<::F16>(left, right, c.real);
    else mma_int8(left, right, c.whole);
    for (int i = 0; i < 32; i++) words(warp.out[i], c.real[i], 16);
  });
}
void copy_queue(void *to, const void *from, int bytes) { me().open.push_back({to, from, bytes}); }
void copy_commit() { me().groups.push_back(std::move(me().open)); me().open.clear(); }
// Copies land as late as the kernel allows.
void copy_wait(int left) {
  auto &groups = me().groups;
  while ((int)groups.size() > left) {
    for (const Copy &copy : groups.front()) {
      TSAN(if (copy.from) __tsan_read_range((void *)copy.from, (unsigned long)copy.bytes); __tsan_write_range(copy.to, (unsigned long)copy.bytes);)
      const uint32_t zeros[4] = {};
      words(copy.to, copy.from ? copy.from : zeros, (size_t)copy.bytes);
    }
    groups.erase(groups.begin());
  }
}
static void *poison(size_t bytes) {
  void *p = nullptr;
  if (posix_memalign(&p, 16, bytes ? bytes : 1)) abort();
  memset(p, 0xff, bytes);
  return p;
}
void *dynamic_shared() { return dynamic; }
void *shared_array(const void *key, size_t bytes) {
  for (auto &array : arrays) if (array.first == key) { TSAN(__tsan_acquire(&array_tag);) return array.second; }
  // Not made by one of the threads.
  TSAN(__tsan_switch_to_fiber(main_tsan, 1);)
  arrays.push_back({key, poison(bytes)});
  TSAN(__tsan_release(&array_tag); __tsan_switch_to_fiber(me().tsan, 1); __tsan_acquire(&array_tag);)
  return arrays.back().second;
}
void launch(const Kernel &launched, Index3 blocks, Index3 size, size_t shared_bytes, void **given, uint64_t seed) {
  kernel = &launched;
  arguments = given;
  state.grid = blocks, state.block = size;
  const size_t count = (size_t)size.x * size.y * size.z, total = (size_t)blocks.x * blocks.y * blocks.z;
  if ((int)count > launched.max_threads) fail("%zu threads, more than %d", count, launched.max_threads);
  TSAN(main_tsan = __tsan_get_current_fiber();)
  // They grow in no fiber.
  ready.reserve(1 << 12), arrays.reserve(64);
  fibers.resize(count), warps.resize((count + 31) / 32);
  for (Fiber &f : fibers) {
    if (!f.stack) f.stack = (unsigned char *)mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    TSAN(if (!f.tsan) f.tsan = __tsan_create_fiber(0);)
  }
  for (size_t b = 0; b < total; b++) {
    state.index = {(uint32_t)(b % blocks.x), (uint32_t)(b / blocks.x % blocks.y), (uint32_t)(b / blocks.x / blocks.y)};
    chance.seed(seed * 1000003 + b);
    dynamic = poison(shared_bytes);
    live = (int)count;
    // The race detector's fibers, each with its stack, are dealt out anew, so that what one does in turn hides no race
    // between blocks.
    TSAN(if (b > 0) for (size_t i = 1; i < count; i++) std::swap(fibers[i - 1].tsan, fibers[i].tsan), std::swap(fibers[i - 1].stack, fibers[i].stack);)
    TSAN(block_tag = &block_tags[tag_count += 32, tag_count % ((1 << 20) - 32)]; __tsan_release(&start_tag);)
    for (size_t i = 0; i < count; i++) {
      Fiber &f = fibers[i];
      f.index = {(uint32_t)(i % size.x), (uint32_t)(i / size.x % size.y), (uint32_t)(i / size.x / size.y)};
      getcontext(&f.context);
      f.context.uc_stack.ss_sp = f.stack;
      f.context.uc_stack.ss_size = STACK;
      f.context.uc_link = nullptr;
      makecontext(&f.context, body, 0);
      make_ready((int)i);
      TSAN(__tsan_switch_to_fiber(f.tsan, 1); __tsan_acquire(&start_tag);)
    }
    TSAN(__tsan_switch_to_fiber(main_tsan, 1);)
    jump(&main_context, take(), false);
    // The race detector would take a free for a use.
#ifndef HOST_TSAN
    for (auto &array : arrays) free(array.second);
    free(dynamic);
#endif
    arrays.clear();
  }
  TSAN(__tsan_acquire(&end_tag);)
}
}  // namespace host
