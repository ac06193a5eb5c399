// Runs recorded launches (packages/memory/test/cuda/stand-in/record.h) with the kernels of one module and compares what they
// write with what was recorded: `replay SEED FILE…`. Exits with 0 where nothing was found. Each allocation is memory of its
// own; addresses among the parameters and in memory are those of that memory instead.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>
#include "host-block.hpp"
#if defined(__x86_64__)
#include <immintrin.h>
#endif
extern const host::Kernel kernels[];
extern const int kernel_count;

namespace {
struct Allocation { uint64_t base, size; unsigned char *memory; std::vector<unsigned char> before, after; };
struct Launch { std::string name; uint32_t grid[3], block[3], shared; std::vector<uint64_t> parameters; std::vector<Allocation> allocations; };

struct Reader {
  FILE *file;
  void bytes(void *to, size_t count) { if (fread(to, 1, count, file) != count) { fprintf(stderr, "expected a whole record, got its beginning\n"); exit(2); } }
  template <class T> T number() { T value; bytes(&value, sizeof value); return value; }
};
Launch read(const char *path) {
  Reader in{fopen(path, "rb")};
  if (!in.file) { perror(path); exit(2); }
  char magic[8];
  in.bytes(magic, 8);
  if (memcmp(magic, "launch01", 8)) { fprintf(stderr, "%s: expected launch01\n", path); exit(2); }
  Launch launch;
  launch.name.resize(in.number<uint32_t>());
  in.bytes(launch.name.data(), launch.name.size());
  in.bytes(launch.grid, 12);
  in.bytes(launch.block, 12);
  launch.shared = in.number<uint32_t>();
  launch.parameters.resize(in.number<uint32_t>());
  in.bytes(launch.parameters.data(), 8 * launch.parameters.size());
  launch.allocations.resize(in.number<uint32_t>());
  for (Allocation &a : launch.allocations) {
    a.base = in.number<uint64_t>(), a.size = in.number<uint64_t>();
    a.before.resize(a.size);
    in.bytes(a.before.data(), a.size);
    if (posix_memalign((void **)&a.memory, 256, a.size)) abort();
  }
  for (Allocation &a : launch.allocations) a.after.resize(a.size), in.bytes(a.after.data(), a.size);
  fclose(in.file);
  return launch;
}
uint64_t translate(const Launch &launch, uint64_t value) {
  for (const Allocation &a : launch.allocations) if (value - a.base < a.size) return (uint64_t)a.memory + (value - a.base);
  return value;
}
void translate_all(const Launch &launch, std::vector<unsigned char> &contents) {
  for (size_t at = 0; at + 8 <= contents.size(); at += 8) {
    uint64_t value;
    memcpy(&value, &contents[at], 8);
    const uint64_t now = value >> 32 == 0 || value >> 47 ? value : translate(launch, value);
    memcpy(&contents[at], &now, 8);
  }
}
// The sources are compiled by another compiler: sums are rounded elsewhere. What the memory holds is not known, so that
// a word may differ as a float, as two of 16 bits, or as four small integers.
bool close(float a, float b, float relative, float absolute) { return std::isfinite(a) && std::isfinite(b) && std::fabs(a - b) <= relative * std::fmax(std::fabs(a), std::fabs(b)) + absolute; }
float as_float(uint32_t word) { float f; memcpy(&f, &word, 4); return f; }
bool is_near(uint32_t a, uint32_t b, float scale) {
  if (a == b || close(as_float(a), as_float(b), 1e-3f, 1e-4f * scale)) return true;
  bool halves = true, bytes = true;
  for (int i = 0; i < 2; i++) halves &= std::abs((int)(a >> 16 * i & 65535) - (int)(b >> 16 * i & 65535)) <= 2 || close(as_float(a >> 16 * i << 16), as_float(b >> 16 * i << 16), 2e-2f, 1e-4f * scale);
  for (int i = 0; i < 4; i++) bytes &= std::abs((int8_t)(a >> 8 * i) - (int8_t)(b >> 8 * i)) <= 1;
  return halves || bytes;
}
int compare(const Launch &launch, const char *path) {
  int differences = 0;
  for (size_t k = 0; k < launch.allocations.size(); k++) {
    const Allocation &a = launch.allocations[k];
    float scale = 0;
    const size_t words = a.size / 4;
    const auto word = [&](const unsigned char *from, size_t i) { uint32_t w; memcpy(&w, from + 4 * i, 4); return w; };
    for (size_t i = 0; i < words; i++) { const float f = std::fabs(as_float(word(a.after.data(), i))); if (std::isfinite(f) && f < 1e6f) scale = std::fmax(scale, f); }
    for (size_t i = 0; i < words; i++) {
      const uint32_t expected = word(a.after.data(), i), got = word(a.memory, i);
      if (is_near(expected, got, scale)) continue;
      if (differences++ < 4) fprintf(stderr, "%s, allocation %zu, byte %zu of %zu: expected %08x (%g), got %08x (%g): %s\n", launch.name.c_str(), k, 4 * i, words * 4, expected, as_float(expected), got, as_float(got), path);
    }
  }
  return differences;
}
}  // namespace

int main(int count, char **words) {
#if defined(__x86_64__)
  // Denormal numbers are zero, as the kernels are compiled.
  _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
  if (count < 3) return 2;
  int differences = 0;
  for (int i = 2; i < count; i++) {
    Launch launch = read(words[i]);
    const host::Kernel *kernel = kernels;
    while (kernel < kernels + kernel_count && launch.name != kernel->name) kernel++;
    if (kernel == kernels + kernel_count) { fprintf(stderr, "expected a kernel of the module, got %s\n", launch.name.c_str()); return 2; }
    std::vector<void *> arguments;
    for (uint64_t &value : launch.parameters) {
      value = translate(launch, value);
      arguments.push_back(&value);
    }
    for (Allocation &a : launch.allocations) {
      translate_all(launch, a.before);
      translate_all(launch, a.after);
      memcpy(a.memory, a.before.data(), a.size);
    }
    const auto index = [](const uint32_t (&n)[3]) { return host::Index3{n[0], n[1], n[2]}; };
    host::launch(*kernel, index(launch.grid), index(launch.block), launch.shared, arguments.data(), strtoull(words[1], nullptr, 10));
    differences += compare(launch, words[i]);
    for (Allocation &a : launch.allocations) free(a.memory);
  }
  return differences ? 1 : 0;
}
