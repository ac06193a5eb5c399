/*
 * A stand-in for the CUDA driver and NVML on host memory, for tests only; it is not shipped.
 * It exports the functions that the package calls, keeps their rules (a current context, ranges inside
 * live allocations, nothing readable before access is granted, a memory limit per device) and answers
 * their status values. Any call can be made to fail, and streams can be held so that nothing on them runs.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, INVALID_DEVICE = 101, INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_READY = 600 };
enum { MAX_DEVICES = 8, MAX_RANGES = 65536, MAX_OPS = 65536, MAX_STREAMS = 256, GRANULARITY = 2097152 };

typedef int status_t;
typedef uint64_t ptr_t;

/* ---- control, called by the tests ---- */
static char fail_name[64];
static int fail_status, fail_after, fail_forever;
static int device_count = 2;
static uint64_t device_bytes = 256ull << 20;
static int has_vmm = 1;
static int is_held;
static volatile int is_gated; /* nvmlDeviceGetTemperature waits for another thread to let it go on */
static int has_mig; /* of the first device, in two instances */
static uint64_t shift; /* set while nothing is allocated */
static uint64_t call_count;

void standin_fail(const char *name, int status, int after, int forever) {
  snprintf(fail_name, sizeof fail_name, "%s", name);
  fail_status = status;
  fail_after = after;
  fail_forever = forever;
}
void standin_set_devices(int count, uint64_t bytes, int vmm) {
  device_count = count;
  device_bytes = bytes;
  has_vmm = vmm;
}
void standin_gate(int closed) { is_gated = closed; }
void standin_split(int on) { has_mig = on; }
void standin_misalign(int on) { shift = on ? 256 : 0; }
uint64_t standin_calls(void) { return call_count; }

/* Each function begins with this: counts the call and fails it where the test asked for it. */
static status_t injected(const char *name) {
  call_count++;
  if (fail_name[0] == 0 || strcmp(name, fail_name) != 0) return OK;
  if (fail_after-- > 0) return OK;
  if (!fail_forever) fail_name[0] = 0;
  else fail_after = 0;
  return fail_status;
}
#define ENTER status_t failed_ = injected(__func__); if (failed_) return failed_

/* ---- state ---- */
typedef struct { uint64_t base, size; int device, kind; void *memory; size_t whole; } range_t; /* kind 1: alloc, 2: mapped and readable, 3: mapped */
typedef struct { int device, live; uint64_t queued, done; } stream_t;
typedef struct { stream_t *stream; uint64_t at; int device; } event_t;
typedef struct { uint64_t size; int device, mapped; } handle_t;
typedef struct { int kind; uint64_t to, from, size; uint32_t value; stream_t *stream; } op_t;

static range_t ranges[MAX_RANGES];
static int range_count;
static stream_t default_streams[MAX_DEVICES];
static op_t ops[MAX_OPS];
static int op_count;
static uint64_t own_used[MAX_DEVICES], *used = own_used;
static int contexts[MAX_DEVICES], retained[MAX_DEVICES];
static int live_streams, live_events, live_pinned, live_handles, live_reservations, is_initialized, nvml_users;
static __thread int current = -1;

/* For programs that only load it, such as benchmarks. */
__attribute__((constructor)) static void read_environment(void) {
  const char *bytes = getenv("STAND_IN_BYTES"), *devices = getenv("STAND_IN_DEVICES");
  if (bytes) device_bytes = strtoull(bytes, NULL, 10);
  if (devices) device_count = atoi(devices);
  /* A file that processes share, as they share a card. */
  const char *shared = getenv("STAND_IN_SHARED");
  int file = shared ? open(shared, O_RDWR | O_CREAT, 0600) : -1;
  if (file < 0 || ftruncate(file, sizeof own_used)) return;
  void *memory = mmap(NULL, sizeof own_used, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED) used = memory;
}

int standin_live(int what) {
  int live = 0;
  switch (what) {
    case 0: for (int i = 0; i < range_count; i++) live += ranges[i].size != 0; return live;
    case 1: return live_streams;
    case 2: return live_events;
    case 3: return live_pinned;
    case 4: return live_handles;
    case 5: return live_reservations;
    case 6: for (int i = 0; i < MAX_DEVICES; i++) live += retained[i]; return live;
    default: return nvml_users;
  }
}
uint64_t standin_used(int device) { return used[device]; }
void standin_use(int device, int64_t bytes) { used[device] += bytes; }

static range_t *find_range(uint64_t at, uint64_t size) {
  for (int i = 0; i < range_count; i++)
    if (ranges[i].size && ranges[i].kind != 3 && at >= ranges[i].base && at + size <= ranges[i].base + ranges[i].size) return &ranges[i];
  /* Mapped chunks that lie side by side count as one. */
  uint64_t end = at;
  for (int again = 1; again && end < at + size;) {
    again = 0;
    for (int i = 0; i < range_count; i++)
      if (ranges[i].size && ranges[i].kind == 2 && end >= ranges[i].base && end < ranges[i].base + ranges[i].size) {
        end = ranges[i].base + ranges[i].size;
        again = 1;
      }
  }
  if (end >= at + size && size > 0)
    for (int i = 0; i < range_count; i++) if (ranges[i].size && at >= ranges[i].base && at < ranges[i].base + ranges[i].size) return &ranges[i];
  return NULL;
}
static status_t add_range(uint64_t base, uint64_t size, int device, int kind) {
  for (int i = 0; i < MAX_RANGES; i++) {
    if (i == range_count) range_count++;
    if (ranges[i].size == 0) {
      ranges[i] = (range_t){base, size, device, kind, NULL, 0};
      return OK;
    }
  }
  return OUT_OF_MEMORY;
}
static range_t *exact_range(uint64_t base) {
  for (int i = 0; i < range_count; i++) if (ranges[i].size && ranges[i].base == base) return &ranges[i];
  return NULL;
}

static void run_op(op_t *op) {
  if (op->kind == 0) memmove((void *)op->to, (void *)op->from, op->size);
  else if (op->kind == 1) memset((void *)op->to, (int)op->value, op->size);
  else if (op->kind == 2) for (uint64_t i = 0; i < op->size; i++) ((uint32_t *)op->to)[i] = op->value;
  op->stream->done++;
}
static stream_t *stream_of(uint64_t handle) {
  if (handle == 0) return current < 0 ? NULL : &default_streams[current];
  stream_t *stream = (stream_t *)handle;
  return stream->live ? stream : NULL;
}
static status_t queue(op_t op) {
  if (op.stream == NULL) return INVALID_HANDLE;
  op.stream->queued++;
  if (!is_held) run_op(&op);
  else if (op_count == MAX_OPS) return OUT_OF_MEMORY;
  else ops[op_count++] = op;
  return OK;
}
static void release_all(void) {
  for (int i = 0; i < op_count; i++) run_op(&ops[i]);
  op_count = 0;
}
void standin_hold(int hold) {
  is_held = hold;
  if (!hold) release_all();
}
void standin_reset(void) {
  fail_name[0] = 0;
  standin_hold(0);
  device_count = 2;
  device_bytes = 256ull << 20;
  has_vmm = 1;
  memset(used, 0, sizeof own_used);
  call_count = 0;
  shift = 0;
  has_mig = 0;
  is_gated = 0;
}

/* ---- driver ---- */
static const struct { int status; const char *name, *text; } names[] = {
  {OK, "CUDA_SUCCESS", "no error"}, {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
  {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}, {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
  {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}, {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
  {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}, {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
  {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}, {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
  {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};
static status_t describe(int status, const char **out, int text) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].status == status) { *out = text ? names[i].text : names[i].name; return OK; }
  *out = NULL;
  return INVALID_VALUE;
}
status_t cuGetErrorName(int status, const char **out) { return describe(status, out, 0); }
status_t cuGetErrorString(int status, const char **out) { return describe(status, out, 1); }
status_t cuInit(unsigned flags) { ENTER; is_initialized = 1; return flags ? INVALID_VALUE : OK; }
status_t cuDriverGetVersion(int *out) { ENTER; *out = 13000; return OK; }
status_t cuDeviceGetCount(int *out) { ENTER; if (!is_initialized) return NOT_INITIALIZED; *out = device_count; return OK; }
status_t cuDeviceGet(int *out, int ordinal) { ENTER; if (ordinal < 0 || ordinal >= device_count) return INVALID_DEVICE; *out = ordinal; return OK; }
status_t cuDeviceGetName(char *out, int size, int device) { ENTER; snprintf(out, (size_t)size, "Stand-in GPU %d", device); return OK; }
status_t cuDeviceGetUuid(unsigned char *out, int device) { ENTER; for (int i = 0; i < 16; i++) out[i] = (unsigned char)(0x10 * device + i); return OK; }
status_t cuDeviceTotalMem_v2(size_t *out, int device) { ENTER; (void)device; *out = device_bytes; return OK; }
status_t cuDeviceGetAttribute(int *out, int which, int device) {
  ENTER;
  (void)device;
  *out = which == 75 ? 9 : which == 76 ? 0 : which == 16 ? 132 : which == 102 ? has_vmm : which == 115 ? 1 : 0;
  return OK;
}
status_t cuDeviceGetPCIBusId(char *out, int size, int device) { ENTER; snprintf(out, (size_t)size, "0000:%02X:00.0", 0x17 + device); return OK; }
status_t cuDevicePrimaryCtxRetain(uint64_t *out, int device) { ENTER; retained[device]++; *out = (uint64_t)&contexts[device]; return OK; }
status_t cuDevicePrimaryCtxRelease_v2(int device) { ENTER; if (!retained[device]) return INVALID_CONTEXT; retained[device]--; return OK; }
status_t cuCtxSetCurrent(uint64_t context) {
  ENTER;
  current = -1;
  for (int i = 0; i < MAX_DEVICES; i++) if (context == (uint64_t)&contexts[i]) current = i;
  return current < 0 && context ? INVALID_CONTEXT : OK;
}
#define NEED_CONTEXT if (current < 0 || !retained[current]) return INVALID_CONTEXT
status_t cuMemGetInfo_v2(size_t *free_bytes, size_t *total) { ENTER; NEED_CONTEXT; *free_bytes = device_bytes - used[current]; *total = device_bytes; return OK; }
static status_t take(uint64_t size) {
  if (size == 0) return INVALID_VALUE;
  if (used[current] + size > device_bytes) return OUT_OF_MEMORY;
  used[current] += size;
  return OK;
}
static status_t allocate(ptr_t *out, size_t size) {
  NEED_CONTEXT;
  status_t status = take(size);
  if (status) return status;
  /* Large pieces begin at a page of the device, unless the test wants the 256 bytes that are promised.
     They take memory when it is touched, so that a stand-in can be larger than the machine. */
  size_t alignment = size < GRANULARITY || shift ? 4096 : GRANULARITY, whole = size + alignment + shift;
  uint8_t *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) { used[current] -= size; return OUT_OF_MEMORY; }
  *out = (((uint64_t)memory + alignment - 1) & ~(uint64_t)(alignment - 1)) + shift;
  memset((void *)*out, 0xa5, size < 4096 ? size : 4096);
  status = add_range(*out, size, current, 1);
  range_t *range = exact_range(*out);
  if (status == OK) { range->memory = memory; range->whole = whole; }
  return status;
}
static status_t release(ptr_t at) {
  range_t *range = exact_range(at);
  if (range == NULL || range->kind != 1) return INVALID_VALUE;
  used[range->device] -= range->size;
  range->size = 0;
  munmap(range->memory, range->whole);
  return OK;
}
status_t cuMemAlloc_v2(ptr_t *out, size_t size) { ENTER; return allocate(out, size); }
status_t cuMemFree_v2(ptr_t at) { ENTER; NEED_CONTEXT; return release(at); }
status_t cuMemAllocAsync(ptr_t *out, size_t size, uint64_t stream) { ENTER; (void)stream; return allocate(out, size); }
status_t cuMemFreeAsync(ptr_t at, uint64_t stream) { ENTER; (void)stream; return release(at); }
status_t cuMemHostAlloc(void **out, size_t size, unsigned flags) { ENTER; NEED_CONTEXT; (void)flags; if (posix_memalign(out, 4096, size)) return OUT_OF_MEMORY; live_pinned++; return OK; }
status_t cuMemFreeHost(void *at) { ENTER; NEED_CONTEXT; live_pinned--; free(at); return OK; }

static status_t copy(uint64_t to, uint64_t from, uint64_t size, uint64_t stream) { return queue((op_t){0, to, from, size, 0, stream_of(stream)}); }
status_t cuMemcpyHtoDAsync_v2(ptr_t to, void *from, size_t size, uint64_t stream) { ENTER; NEED_CONTEXT; if (size && !find_range(to, size)) return INVALID_VALUE; return copy(to, (uint64_t)from, size, stream); }
status_t cuMemcpyDtoHAsync_v2(void *to, ptr_t from, size_t size, uint64_t stream) { ENTER; NEED_CONTEXT; if (size && !find_range(from, size)) return INVALID_VALUE; return copy((uint64_t)to, from, size, stream); }
status_t cuMemcpyDtoDAsync_v2(ptr_t to, ptr_t from, size_t size, uint64_t stream) { ENTER; NEED_CONTEXT; if (size && (!find_range(to, size) || !find_range(from, size))) return INVALID_VALUE; return copy(to, from, size, stream); }
status_t cuMemsetD8Async(ptr_t to, unsigned value, size_t size, uint64_t stream) { ENTER; NEED_CONTEXT; if (size && !find_range(to, size)) return INVALID_VALUE; return queue((op_t){1, to, 0, size, value, stream_of(stream)}); }

status_t cuStreamCreate(uint64_t *out, unsigned flags) {
  ENTER; NEED_CONTEXT; (void)flags;
  stream_t *stream = calloc(1, sizeof *stream);
  stream->device = current; stream->live = 1; live_streams++;
  *out = (uint64_t)stream;
  return OK;
}
status_t cuStreamDestroy_v2(uint64_t handle) { ENTER; stream_t *stream = stream_of(handle); if (!stream || !handle) return INVALID_HANDLE; release_all(); stream->live = 0; live_streams--; return OK; }
status_t cuStreamSynchronize(uint64_t handle) { ENTER; if (!stream_of(handle)) return INVALID_HANDLE; release_all(); return OK; }
status_t cuStreamQuery(uint64_t handle) { ENTER; stream_t *stream = stream_of(handle); return !stream ? INVALID_HANDLE : stream->done == stream->queued ? OK : NOT_READY; }
status_t cuStreamWaitEvent(uint64_t handle, uint64_t event, unsigned flags) { ENTER; (void)flags; return stream_of(handle) && event ? OK : INVALID_HANDLE; }
status_t cuEventCreate(uint64_t *out, unsigned flags) { ENTER; NEED_CONTEXT; (void)flags; event_t *event = calloc(1, sizeof *event); event->device = current; live_events++; *out = (uint64_t)event; return OK; }
status_t cuEventDestroy_v2(uint64_t handle) { ENTER; if (!handle) return INVALID_HANDLE; live_events--; free((void *)handle); return OK; }
status_t cuEventRecord(uint64_t handle, uint64_t stream) {
  ENTER;
  stream_t *target = stream_of(stream);
  if (!target || !handle) return INVALID_HANDLE;
  /* A mark is work of its own: on a held stream it is not reached. */
  status_t status = queue((op_t){3, 0, 0, 0, 0, target});
  if (status) return status;
  event_t *event = (event_t *)handle;
  event->stream = target;
  event->at = target->queued;
  return OK;
}
static int reached(event_t *event) { return event->stream == NULL || event->stream->done >= event->at; }
status_t cuEventQuery(uint64_t handle) { ENTER; return !handle ? INVALID_HANDLE : reached((event_t *)handle) ? OK : NOT_READY; }
status_t cuEventSynchronize(uint64_t handle) { ENTER; if (!handle) return INVALID_HANDLE; if (!reached((event_t *)handle)) release_all(); return OK; }

status_t cuMemGetAllocationGranularity(size_t *out, const void *properties, unsigned option) { ENTER; (void)properties; (void)option; *out = GRANULARITY; return OK; }
status_t cuMemAddressReserve(ptr_t *out, size_t size, size_t alignment, ptr_t hint, uint64_t flags) {
  ENTER; (void)alignment; (void)hint; (void)flags;
  if (size == 0 || size % GRANULARITY) return INVALID_VALUE;
  uint8_t *memory = mmap(NULL, size + GRANULARITY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return OUT_OF_MEMORY;
  *out = ((uint64_t)memory + GRANULARITY - 1) & ~(uint64_t)(GRANULARITY - 1);
  live_reservations++;
  return OK;
}
status_t cuMemAddressFree(ptr_t at, size_t size) {
  ENTER;
  for (int i = 0; i < range_count; i++) if (ranges[i].size && ranges[i].kind != 1 && ranges[i].base >= at && ranges[i].base < at + size) return INVALID_VALUE;
  munmap((void *)at, size);
  live_reservations--;
  return OK;
}
status_t cuMemCreate(uint64_t *out, size_t size, const int *properties, uint64_t flags) {
  ENTER; (void)flags;
  int device = properties[3];
  if (properties[0] != 1 || properties[2] != 1 || size % GRANULARITY) return INVALID_VALUE;
  if (used[device] + size > device_bytes) return OUT_OF_MEMORY;
  used[device] += size;
  handle_t *handle = calloc(1, sizeof *handle);
  handle->size = size; handle->device = device; live_handles++;
  *out = (uint64_t)handle;
  return OK;
}
status_t cuMemMap(ptr_t at, size_t size, size_t offset, uint64_t handle, uint64_t flags) { ENTER; (void)flags; handle_t *memory = (handle_t *)handle; if (!memory || memory->mapped || offset || size != memory->size || exact_range(at)) return INVALID_VALUE; memory->mapped = 1; return add_range(at, size, memory->device, 3); }
status_t cuMemSetAccess(ptr_t at, size_t size, const int *access, size_t count) {
  ENTER;
  if (count != 1 || access[0] != 1 || access[2] != 3) return INVALID_VALUE;
  for (int i = 0; i < range_count; i++)
    if (ranges[i].size && ranges[i].kind == 3 && ranges[i].base >= at && ranges[i].base + ranges[i].size <= at + size) {
      ranges[i].kind = 2;
      mprotect((void *)ranges[i].base, ranges[i].size, PROT_READ | PROT_WRITE);
    }
  return OK;
}
status_t cuMemUnmap(ptr_t at, size_t size) {
  ENTER;
  uint64_t found = 0;
  for (int i = 0; i < range_count; i++)
    if (ranges[i].size && ranges[i].kind != 1 && ranges[i].base >= at && ranges[i].base + ranges[i].size <= at + size) { found += ranges[i].size; ranges[i].size = 0; }
  if (found != size) return INVALID_VALUE;
  mmap((void *)at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  return OK;
}
status_t cuMemRelease(uint64_t handle) { ENTER; if (!handle) return INVALID_VALUE; handle_t *memory = (handle_t *)handle; used[memory->device] -= memory->size; live_handles--; free(memory); return OK; }

/* ---- NVML ---- */
enum { NVML_INVALID_ARGUMENT = 2, NVML_NOT_SUPPORTED = 3, NVML_INSUFFICIENT_SIZE = 7 };
const char *nvmlErrorString(int status) { return status == 3 ? "Not Supported" : status == 9 ? "Driver Not Loaded" : status == 15 ? "GPU is lost" : status == 999 ? "Unknown Error" : "Invalid Argument"; }
status_t nvmlInit_v2(void) { ENTER; nvml_users++; return OK; }
status_t nvmlShutdown(void) { ENTER; nvml_users--; return OK; }
status_t nvmlSystemGetDriverVersion(char *out, unsigned size) { ENTER; snprintf(out, size, "580.65.06"); return OK; }
status_t nvmlSystemGetCudaDriverVersion_v2(int *out) { ENTER; *out = 13000; return OK; }
status_t nvmlDeviceGetCount_v2(unsigned *out) { ENTER; *out = (unsigned)device_count; return OK; }
status_t nvmlDeviceGetHandleByIndex_v2(unsigned index, uint64_t *out) { ENTER; if ((int)index >= device_count) return NVML_INVALID_ARGUMENT; *out = index + 1; return OK; }
status_t nvmlDeviceGetName(uint64_t device, char *out, unsigned size) { ENTER; snprintf(out, size, "Stand-in GPU %d", (int)device - 1); return OK; }
status_t nvmlDeviceGetUUID(uint64_t device, char *out, unsigned size) {
  ENTER;
  if (device >= 100) { snprintf(out, size, "MIG-instance-%d", (int)device); return OK; }
  int at = snprintf(out, size, "GPU-");
  for (int i = 0; i < 16; i++) at += snprintf(out + at, size - (unsigned)at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", (unsigned)(0x10 * (device - 1) + (unsigned)i));
  return OK;
}
status_t nvmlDeviceGetPciInfo_v3(uint64_t device, char *out) { ENTER; memset(out, 0, 68); snprintf(out + 36, 32, "00000000:%02X:00.0", (unsigned)(0x17 + device - 1)); return OK; }
status_t nvmlDeviceGetMemoryInfo(uint64_t device, uint64_t *out) { ENTER; if (device >= 100) { out[0] = device_bytes / 2; out[1] = device_bytes / 4; out[2] = out[0] - out[1]; return OK; } out[0] = device_bytes; out[2] = used[device - 1]; out[1] = device_bytes - out[2]; return OK; }
status_t nvmlDeviceGetCudaComputeCapability(uint64_t device, int *major, int *minor) { ENTER; (void)device; *major = 9; *minor = 0; return OK; }
status_t nvmlDeviceGetUtilizationRates(uint64_t device, unsigned *out) { ENTER; out[0] = 10 * (unsigned)device; out[1] = 5; return OK; }
status_t nvmlDeviceGetTemperature(uint64_t device, unsigned sensor, unsigned *out) { ENTER; for (int i = 0; is_gated && i < 5000; i++) usleep(1000); if (is_gated) return 999; (void)sensor; *out = 30 + (unsigned)device; return OK; }
status_t nvmlDeviceGetPowerUsage(uint64_t device, unsigned *out) { ENTER; *out = 75500 + (unsigned)device; return OK; }
status_t nvmlDeviceGetEnforcedPowerLimit(uint64_t device, unsigned *out) { ENTER; if (device == 2) return NVML_NOT_SUPPORTED; *out = 700000; return OK; }
status_t nvmlDeviceGetTotalEccErrors(uint64_t device, unsigned type, unsigned counter, uint64_t *out) { ENTER; (void)counter; if (device == 2) return NVML_NOT_SUPPORTED; *out = type ? 0 : 3; return OK; }
status_t nvmlDeviceGetMigMode(uint64_t device, unsigned *now, unsigned *pending) { ENTER; if (device == 2) return NVML_NOT_SUPPORTED; *now = *pending = (unsigned)has_mig; return OK; }
status_t nvmlDeviceGetMaxMigDeviceCount(uint64_t device, unsigned *out) { ENTER; (void)device; *out = 7; return OK; }
status_t nvmlDeviceGetMigDeviceHandleByIndex(uint64_t device, unsigned index, uint64_t *out) { ENTER; (void)device; if (index != 0 && index != 3) return 6; *out = 100 + index; return OK; }
status_t nvmlDeviceGetGpuInstanceId(uint64_t device, unsigned *out) { ENTER; *out = (unsigned)device - 99; return OK; }
status_t nvmlDeviceGetComputeInstanceId(uint64_t device, unsigned *out) { ENTER; (void)device; *out = 0; return OK; }
status_t nvmlDeviceGetComputeRunningProcesses_v3(uint64_t device, unsigned *count, uint8_t *out) {
  ENTER;
  /* More than fit at first, so that the retry is exercised. */
  unsigned have = device == 1 ? 70 : 0;
  if (*count < have) { *count = have; return NVML_INSUFFICIENT_SIZE; }
  for (unsigned i = 0; i < have; i++) { memset(out + 24 * i, 0, 24); *(unsigned *)(out + 24 * i) = 1000 + i; *(uint64_t *)(out + 24 * i + 8) = i == 69 ? UINT64_MAX : (uint64_t)(i + 1) << 20; }
  *count = have;
  return OK;
}
status_t nvmlDeviceGetGraphicsRunningProcesses_v3(uint64_t device, unsigned *count, uint8_t *out) {
  ENTER;
  if (device == 2) { *count = 0; return OK; }
  if (*count < 2) { *count = 2; return NVML_INSUFFICIENT_SIZE; }
  memset(out, 0, 48);
  *(unsigned *)out = 1000; /* also a compute process */
  *(unsigned *)(out + 24) = 2000;
  *(uint64_t *)(out + 32) = 3 << 20;
  *count = 2;
  return OK;
}
status_t nvmlSystemGetProcessName(unsigned pid, char *out, unsigned size) { ENTER; if (pid == 1001) return 6; snprintf(out, size, "worker-%u", pid); return OK; }
