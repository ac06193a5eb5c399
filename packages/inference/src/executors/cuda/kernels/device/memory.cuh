// Loads, asynchronous copies, atomics.
#pragma once
DEV u32 shared_address(const void *p) { return (u32)(u64)(__attribute__((address_space(3))) const void *)p; }
// 16 aligned bytes that are read once: past the caches that others need.
DEV uint4 load_stream(const void *p) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
  return v;
}
// 8 of them likewise.
DEV uint2 load_stream8(const void *p) {
  uint2 v;
  asm volatile("ld.global.nc.L1::no_allocate.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(p));
  return v;
}
// 16 aligned bytes that nothing writes while the kernel runs.
DEV uint4 load_read_only16(const void *p) {
  uint4 v;
  asm("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
  return v;
}
// 8 of them likewise.
DEV uint2 load_read_only8(const void *p) {
  uint2 v;
  asm("ld.global.nc.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(p));
  return v;
}
// Copies 16 aligned bytes to shared memory, or zeros; they are there after copy_wait, and a barrier for other threads.
DEV void copy_async16(void *shared, const void *global, bool valid = true) {
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(bytes) : "memory");
}
// Copies 4, 8 or 16 aligned bytes, or zeros, likewise; their neighbours stay near for the next copies.
template <int Bytes> DEV void copy_async_cached(void *shared, const void *global, bool valid = true) {
  const int bytes = valid ? Bytes : 0;
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(shared)), "l"(global), "n"(Bytes), "r"(bytes) : "memory");
}
DEV void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most N of the thread's last groups are under way.
template <int N> DEV void copy_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

DEV float atomic_add(float *p, float v) { return __nvvm_atom_add_gen_f(p, v); }
DEV int atomic_add(int *p, int v) { return __nvvm_atom_add_gen_i(p, v); }
DEV u32 atomic_add(u32 *p, u32 v) { return (u32)__nvvm_atom_add_gen_i((int *)p, (int)v); }
DEV u64 atomic_add(u64 *p, u64 v) { return (u64)__nvvm_atom_add_gen_ll((i64 *)p, (i64)v); }
DEV int atomic_max(int *p, int v) { return __nvvm_atom_max_gen_i(p, v); }
DEV u32 atomic_max(u32 *p, u32 v) { return __nvvm_atom_max_gen_ui(p, v); }
DEV u64 atomic_max(u64 *p, u64 v) { return __nvvm_atom_max_gen_ull(p, v); }
DEV u32 atomic_compare_swap(u32 *p, u32 expected, u32 v) { return (u32)__nvvm_atom_cas_gen_i((int *)p, (int)expected, (int)v); }
DEV u64 atomic_compare_swap(u64 *p, u64 expected, u64 v) { return (u64)__nvvm_atom_cas_gen_ll((i64 *)p, (i64)expected, (i64)v); }
// Earlier writes of the thread are seen by the grid before later ones.
DEV void fence_device() { __nvvm_membar_gl(); }
