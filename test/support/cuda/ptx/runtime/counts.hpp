// What the instructions of a kernel ask of memory, counted by published rules; only in modules that are translated to be counted.
//
// A request is an instruction of a warp with the lanes that execute it together: those that are in the same iterations of the
// loops around it. Global memory moves sectors of 32 bytes. Shared memory has 32 banks of 4 bytes, and a pass reads or writes
// one word of each; lanes that access the same word share it. Accesses of 8 and 16 bytes are made by half and by quarter warps.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>
#include "warp.hpp"

struct Access {
  int line;  // of the PTX
  const char *opcode;
  bool is_shared;
};
struct AccessCounts { u64 requests, bytes, units, ideal; };  // units: sectors or passes
struct KernelCounts {
  const Access *accesses;
  int access_count;
  u64 instructions, products, operations;
  AccessCounts *counts;
};

// The iterations of the loops around an instruction, from the outermost on.
static inline u64 path() { return 0; }
template <class... Inner> static inline u64 path(u32 outer, Inner... inner) { return (path(inner...) ^ outer) * 0x9e3779b97f4a7c15ull + 1; }

// The requests of one block.
class BlockCounts {
 public:
  explicit BlockCounts(KernelCounts &counts, int threads) : counts_(counts), threads_(threads) {}

  // A thread is at the start of a run of instructions, which the warp issues once.
  void run(u32 thread, int at, int instructions, u64 iterations) {
    u32 &lanes = runs_[key(thread, -1 - at, iterations)];
    if (lanes == 0) counts_.instructions += instructions;
    lanes |= 1u << (thread & 31);
    if (lanes == all_lanes(thread)) runs_.erase(key(thread, -1 - at, iterations));
  }
  // A thread accesses memory.
  void access(u32 thread, int at, u64 iterations, u64 address, u32 bytes) {
    const u64 name = key(thread, at, iterations);
    Request &request = requests_[name];
    request.at = at;
    request.lanes |= 1u << (thread & 31);
    request.address[thread & 31] = address;
    request.bytes = std::max(request.bytes, bytes);
    if (request.lanes != all_lanes(thread)) return;
    add(at, request.lanes, request.address, bytes);
    requests_.erase(name);
  }
  // The lanes of a warp do something together.
  void together(int instructions, int products, int operations) { counts_.instructions += instructions, counts_.products += products, counts_.operations += operations; }
  void add(int at, u32 lanes, const u64 *address, u32 bytes) {
    AccessCounts &counts = counts_.counts[at];
    counts.requests++;
    if (counts_.accesses[at].is_shared) add_passes(counts, lanes, address, bytes);
    else add_sectors(counts, lanes, address, bytes);
  }
  // Requests that not all lanes of a warp took part in.
  void finish() {
    for (const auto &[name, request] : requests_) add(request.at, request.lanes, request.address, request.bytes);
    requests_.clear();
    runs_.clear();
  }

 private:
  struct Request { int at = 0; u32 lanes = 0, bytes = 0; u64 address[32]; };
  KernelCounts &counts_;
  const int threads_;
  std::unordered_map<u64, Request> requests_;
  std::unordered_map<u64, u32> runs_;

  static u64 key(u32 thread, int at, u64 iterations) {
    u64 x = iterations ^ ((u64)(thread / 32) << 32 | (u32)at) * 0xd1342543de82ef95ull;
    x ^= x >> 32, x *= 0x9e3779b97f4a7c15ull;
    return x ^ x >> 29;
  }
  u32 all_lanes(u32 thread) const {
    const int lanes = std::min(32, threads_ - (int)(thread / 32) * 32);
    return lanes == 32 ? ~0u : (1u << lanes) - 1;
  }
  // Adds a number to a list that does not have it.
  static bool add_new(u64 *list, int &count, u64 x) {
    for (int i = count - 1; i >= 0; i--) if (list[i] == x) return false;
    list[count++] = x;
    return true;
  }
  // At most one sector an access, as accesses are aligned.
  static void add_sectors(AccessCounts &counts, u32 lanes, const u64 *address, u32 bytes) {
    u64 sectors[32], places[32];
    int sector_count = 0, place_count = 0;
    FOR_LANES(i) add_new(sectors, sector_count, address[i] / 32), add_new(places, place_count, address[i]);
    counts.units += sector_count;
    counts.bytes += (u64)place_count * bytes;
    counts.ideal += ((u64)place_count * bytes + 31) / 32;
  }
  static void add_passes(AccessCounts &counts, u32 lanes, const u64 *address, u32 bytes) {
    const u32 group = bytes <= 4 ? 32 : 128 / bytes;
    for (u32 first = 0; first < 32; first += group) {
      const u32 here = lanes & (group == 32 ? ~0u : ((1u << group) - 1) << first);
      if (here == 0) continue;
      u64 words[32][32];
      int word_counts[32] = {}, most = 0;
      for (u32 rest = here; rest; rest &= rest - 1) {
        const u64 at = address[__builtin_ctz(rest)];
        for (u64 word = at / 4; word <= (at + bytes - 1) / 4; word++) {
          int &count = word_counts[word % 32];
          add_new(words[word % 32], count, word);
          most = std::max(most, count);
        }
        counts.bytes += bytes;
      }
      counts.units += most;
      counts.ideal++;
    }
  }
};

// What the kernels of a module have counted, as JSON.
static inline std::string write_counts(const char *name, const KernelCounts &counts) {
  std::string text = std::string("{\"kernel\":\"") + name + "\",\"instructions\":" + std::to_string(counts.instructions) + ",\"products\":" + std::to_string(counts.products) +
                     ",\"operations\":" + std::to_string(counts.operations) + ",\"accesses\":[";
  for (int i = 0; i < counts.access_count; i++) {
    const Access &access = counts.accesses[i];
    const AccessCounts &found = counts.counts[i];
    text += std::string(i ? "," : "") + "{\"line\":" + std::to_string(access.line) + ",\"opcode\":\"" + access.opcode + "\",\"space\":\"" + (access.is_shared ? "shared" : "global") +
            "\",\"requests\":" + std::to_string(found.requests) + ",\"bytes\":" + std::to_string(found.bytes) + ",\"units\":" + std::to_string(found.units) + ",\"ideal\":" + std::to_string(found.ideal) + "}";
  }
  return text + "]}";
}
static inline void forget_counts(KernelCounts &counts) {
  counts.instructions = counts.products = counts.operations = 0;
  for (int i = 0; i < counts.access_count; i++) counts.counts[i] = {};
}

#define COUNTED_MODULE(kernels)                                                                                              \
  extern "C" const char *ptx_counts() {                                                                                      \
    static std::string text;                                                                                                 \
    text = "[";                                                                                                              \
    for (int i = 0; kernels[i]; i++) text += (i ? "," : "") + write_counts(kernels[i]->name, *kernels[i]->counts);           \
    return (text += "]").c_str();                                                                                            \
  }                                                                                                                          \
  extern "C" void ptx_forget_counts() { for (int i = 0; kernels[i]; i++) forget_counts(*kernels[i]->counts); }
