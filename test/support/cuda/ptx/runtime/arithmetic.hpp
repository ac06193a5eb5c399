// Instructions of one thread.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;

static inline float number(u32 x) { float f; memcpy(&f, &x, 4); return f; }
static inline double real(u64 x) { double d; memcpy(&d, &x, 8); return d; }
static inline u32 bits(float f) { u32 x; memcpy(&x, &f, 4); return x; }
static inline u64 bits(double d) { u64 x; memcpy(&x, &d, 8); return x; }

static inline bool unordered(double a, double b) { return std::isnan(a) || std::isnan(b); }
static inline float saturate(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }
static inline float min_or_nan(float a, float b) { return unordered(a, b) ? NAN : std::fmin(a, b); }
static inline float max_or_nan(float a, float b) { return unordered(a, b) ? NAN : std::fmax(a, b); }
template <class T> static inline T magnitude(T x) { return x < 0 ? -x : x; }

template <class T> static inline T shift_left(T x, u32 n) { return n >= sizeof(T) * 8 ? 0 : (T)((std::make_unsigned_t<T>)x << n); }
template <class T> static inline T shift_right(T x, u32 n) { return n >= sizeof(T) * 8 ? (x < 0 ? (T)-1 : 0) : (T)(x >> n); }
static inline u32 funnel_shift_l(u32 low, u32 high, u32 by, bool clamp) { const u32 n = clamp ? std::min(by, 32u) : by & 31; return (u32)(((u64)high << 32 | low) << n >> 32); }
static inline u32 funnel_shift_r(u32 low, u32 high, u32 by, bool clamp) { const u32 n = clamp ? std::min(by, 32u) : by & 31; return (u32)(((u64)high << 32 | low) >> n); }
static inline u32 bit_insert(u32 a, u32 b, u32 position, u32 length) {
  position &= 255, length &= 255;
  if (position > 31 || length == 0) return b;
  const u32 mask = (u32)((length >= 32 ? ~0ull : (1ull << length) - 1) << position);
  return (b & ~mask) | (a << position & mask);
}
template <class T> static inline T bit_extract(T a, u32 position, u32 length) {
  const int width = sizeof(T) * 8, from = position & 255, count = length & 255;
  if (count == 0) return 0;
  const int sign = std::is_signed_v<T> && (a >> std::min(from + count - 1, width - 1) & 1);
  T result = 0;
  for (int i = 0; i < width; i++) {
    const int bit = i < count && from + i < width ? (int)(a >> (from + i) & 1) : sign;
    result = (T)((std::make_unsigned_t<T>)result | (std::make_unsigned_t<T>)bit << i);
  }
  return result;
}
static inline u32 permute(u32 a, u32 b, u32 selector) {
  const u64 bytes = a | (u64)b << 32;
  u32 result = 0;
  for (int i = 0; i < 4; i++) {
    const u32 k = selector >> 4 * i & 15;
    u32 byte = bytes >> 8 * (k & 7) & 255;
    if (k & 8) byte = byte & 128 ? 255 : 0;
    result |= byte << 8 * i;
  }
  return result;
}
static inline u32 logic3(u32 a, u32 b, u32 c, u32 table) {
  u32 result = 0;
  for (u32 k = 0; k < 8; k++) if (table >> k & 1) result |= (k & 4 ? a : ~a) & (k & 2 ? b : ~b) & (k & 1 ? c : ~c);
  return result;
}
static inline u32 leading_zeros(u32 x) { return x ? __builtin_clz(x) : 32; }
static inline u32 leading_zeros(u64 x) { return x ? __builtin_clzll(x) : 64; }
template <class T> static inline T bit_reverse(T x) { T r = 0; for (unsigned i = 0; i < sizeof(T) * 8; i++) r = (T)(r << 1 | (x >> i & 1)); return r; }
template <class T> static inline T multiply_high(T a, T b) { return (T)((__int128)a * (__int128)b >> sizeof(T) * 8); }
// Division by zero gives all ones, as on the device.
template <class T> static inline T divide(T a, T b) { return b == 0 ? (T)-1 : std::is_signed_v<T> && b == (T)-1 ? (T)(0 - (std::make_unsigned_t<T>)a) : a / b; }
template <class T> static inline T remainder_of(T a, T b) { return b == 0 ? (T)-1 : std::is_signed_v<T> && b == (T)-1 ? 0 : a % b; }
template <class A, class B> static inline i32 dot_bytes(u32 a, u32 b, i32 c) { for (int i = 0; i < 4; i++) c += (i32)(A)(a >> 8 * i) * (i32)(B)(b >> 8 * i); return c; }

// Conversions to integers clamp; NaN is 0.
template <class T> static inline T to_integer(double x) {
  if (std::isnan(x)) return 0;
  if (x <= (double)std::numeric_limits<T>::min()) return std::numeric_limits<T>::min();
  if (x >= (double)std::numeric_limits<T>::max()) return std::numeric_limits<T>::max();
  return (T)x;
}
template <class T, class S> static inline T clamp_integer(S x) { return (T)std::min<__int128>(std::max<__int128>(x, std::numeric_limits<T>::min()), std::numeric_limits<T>::max()); }

struct Bf16 {
  static float widen(u16 x) { return number((u32)x << 16); }
  static u16 narrow(float f) { const u32 x = bits(f); return std::isnan(f) ? 0x7fff : (u16)((x + 0x7fff + (x >> 16 & 1)) >> 16); }
};
struct F16 {
  static float widen(u16 x) {
    const u32 sign = (u32)(x & 0x8000) << 16, exponent = x >> 10 & 31, fraction = x & 1023;
    if (exponent == 31) return number(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0) return number(bits((float)fraction) == 0 ? sign : sign | bits((float)fraction * 0x1p-24f));
    return number(sign | (exponent + 112) << 23 | fraction << 13);
  }
  static u16 narrow(float f) {
    const u32 x = bits(f), sign = x >> 16 & 0x8000, magnitude = x & 0x7fffffff;
    if (magnitude > 0x7f800000) return 0x7fff;
    if (magnitude >= 0x477ff000) return (u16)(sign | 0x7c00);
    // Adding 0.5 leaves the rounded fraction of a subnormal in the low bits.
    if (magnitude < 0x38800000) return (u16)(sign | (bits(number(magnitude) + 0.5f) - 0x3f000000));
    return (u16)(sign | (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13);
  }
};
template <class N> static inline float widen(u16 x) { return N::widen(x); }
template <class N> static inline u16 narrow(float x) { return N::narrow(x); }
template <class N> static inline u32 pack(float low, float high) { return N::narrow(low) | (u32)N::narrow(high) << 16; }
static inline u32 round_tf32(float f) { const u32 x = bits(f); return std::isnan(f) || std::isinf(f) ? x : (x + 0x1000) & ~0x1fffu; }

// Arithmetic of 16 bits, one number or two in a register.
#define SMALL_BINARY(name, expression)                                                                                        \
  template <class N> static inline u16 single_##name(u16 a, u16 b) { const float x = N::widen(a), y = N::widen(b); return N::narrow(expression); } \
  template <class N> static inline u32 pair_##name(u32 a, u32 b) { return single_##name<N>((u16)a, (u16)b) | (u32)single_##name<N>(a >> 16, b >> 16) << 16; }
SMALL_BINARY(add, x + y)
SMALL_BINARY(sub, x - y)
SMALL_BINARY(mul, x *y)
SMALL_BINARY(min, std::fmin(x, y))
SMALL_BINARY(max, std::fmax(x, y))
template <class N> static inline u16 single_fma(u16 a, u16 b, u16 c) { return N::narrow((float)((double)N::widen(a) * N::widen(b) + N::widen(c))); }
template <class N> static inline u32 pair_fma(u32 a, u32 b, u32 c) { return single_fma<N>((u16)a, (u16)b, (u16)c) | (u32)single_fma<N>(a >> 16, b >> 16, c >> 16) << 16; }
template <class N> static inline u16 single_neg(u16 a) { return a ^ 0x8000; }
template <class N> static inline u32 pair_neg(u32 a) { return a ^ 0x80008000; }
template <class N> static inline u16 single_abs(u16 a) { return a & 0x7fff; }
template <class N> static inline u32 pair_abs(u32 a) { return a & 0x7fff7fff; }

// Atomics return what was there.
template <class T> static inline T atomic_exch(T *p, T v) { const T old = *p; *p = v; return old; }
template <class T> static inline T atomic_add(T *p, T v) { return atomic_exch<T>(p, (T)(*p + v)); }
template <class T> static inline T atomic_min(T *p, T v) { return atomic_exch<T>(p, std::min(*p, v)); }
template <class T> static inline T atomic_max(T *p, T v) { return atomic_exch<T>(p, std::max(*p, v)); }
template <class T> static inline T atomic_and(T *p, T v) { return atomic_exch<T>(p, *p & v); }
template <class T> static inline T atomic_or(T *p, T v) { return atomic_exch<T>(p, *p | v); }
template <class T> static inline T atomic_xor(T *p, T v) { return atomic_exch<T>(p, *p ^ v); }
template <class T> static inline T atomic_inc(T *p, T v) { return atomic_exch<T>(p, *p >= v ? 0 : *p + 1); }
template <class T> static inline T atomic_dec(T *p, T v) { return atomic_exch<T>(p, *p == 0 || *p > v ? v : *p - 1); }
template <class T> static inline T atomic_cas(T *p, T expected, T v) { return *p == expected ? atomic_exch<T>(p, v) : *p; }
