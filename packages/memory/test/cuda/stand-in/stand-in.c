/*
 * A stand-in for the CUDA driver, NVML and cuBLASLt on host memory, for tests only; it is not shipped.
 * It exports the functions that the package calls, enforces their rules (a current context in each thread, ranges inside
 * live allocations, no access before it is granted, a memory limit per device, only the devices in
 * CUDA_VISIBLE_DEVICES, the calls that a recording forbids, the shared memory of the smallest card) and returns their
 * status values. Where the documents leave a rule open, it takes the strict one. Any call can be made to fail.
 * Streams can be held: then each runs only as far as it is awaited, and after release they run in random order.
 * Work on memory that is freed breaks the context, and so does freeing pinned memory or unloading kernels that queued work
 * still uses.
 * With STAND_IN_IDLE=<count> no kernel runs, and any is known: a launch costs no more than its call. Fresh memory then
 * holds integers below the count, so that what is read as sampled tokens is some of them. With STAND_IN_STEP_US events
 * are reached as if each graph took the device so many microseconds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101, INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600, ILLEGAL_ADDRESS = 700 };
/* Compute capability 8.6, 8.9 and 12.0 have no more shared memory for a block, whatever the stand-in says it is. */
enum { OPT_IN_SHARED = 99 * 1024 };
enum { MAX_DEVICES = 9, MAX_RANGES = 65536, MAX_OPS = 65536, MAX_STREAMS = 256, GRANULARITY = 2097152 };

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
static int has_mig; /* of the first device, in two GPU instances: NVML's MIG devices 0 and 3. 2: under a driver before R570 */
static int shown_mig; /* has_mig, as the driver found it */
static uint64_t shift; /* set while nothing is allocated */
static uint32_t idle_ids; /* of STAND_IN_IDLE; 0 where kernels run */
static uint64_t idle_step_ns; /* of STAND_IN_STEP_US */
static uint64_t call_count;
static int sticky; /* what every call returns once the context is broken */

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
void standin_break(int status) { sticky = status; }
void standin_misalign(int on) { shift = on ? 256 : 0; }
uint64_t standin_calls(void) { return call_count; }

/* A file that holds a function and a status, such as `cuEventQuery 700`: the next call of it takes the file, and the
   context is broken with the status. Another process writes it. */
static const char *fault_file;
static status_t from_file(const char *name) {
  char wanted[64];
  int status = OK;
  FILE *file = fopen(fault_file, "r");
  if (!file) return OK;
  int found = fscanf(file, "%63s %d", wanted, &status) == 2 && !strcmp(wanted, name);
  fclose(file);
  if (!found || unlink(fault_file)) return OK;
  sticky = status;
  return status;
}

/* Each function begins with this: counts the call, and fails it where the test requests it. */
static status_t injected(const char *name) {
  call_count++;
  if (fault_file) {
    status_t status = from_file(name);
    if (status != OK) return status;
  }
  if (fail_name[0] == 0 || strcmp(name, fail_name) != 0) return OK;
  if (fail_after-- > 0) return OK;
  if (!fail_forever) fail_name[0] = 0;
  else fail_after = 0;
  return fail_status;
}
/* Some calls come from other threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void unlock(int *held) { (void)held; pthread_mutex_unlock(&lock); }
#define ENTER __attribute__((cleanup(unlock))) int locked_ = pthread_mutex_lock(&lock); (void)locked_; status_t failed_ = injected(__func__); if (failed_) return failed_
#define ASK status_t failed_ = injected(__func__); if (failed_) return failed_

/* ---- state ---- */
typedef struct { uint64_t base, size; int device, kind; void *memory; size_t whole; } range_t; /* kind 1: alloc, 2: mapped and readable, 3: mapped */
typedef struct { int device, live; uint64_t queued, done, busy_until_ns; struct graph *recording; } stream_t;
typedef struct { stream_t *stream; uint64_t at, reached_ns, idle_until_ns; int device, is_timed, is_sleeping; } event_t;
typedef struct { uint64_t size; int device, mapped; } handle_t;
enum { TO_DEVICE, TO_HOST, ON_DEVICE, FILL, MARK, WAIT, SPIN, POKE, KERNEL, PRODUCT };
typedef struct { int kind, done; uint64_t to, from, size; uint32_t value; stream_t *stream, *other; struct launch *launch; struct product *product; } op_t;
typedef struct { uint64_t base, size; } reservation_t;

static range_t ranges[MAX_RANGES];
static int range_count;
static stream_t default_streams[MAX_DEVICES];
static op_t ops[MAX_OPS];
static int op_count;
static reservation_t reservations[MAX_RANGES];
static int visible[MAX_DEVICES], visible_count; /* the slots that the program's device numbers stand for */
static uint64_t own_used[MAX_DEVICES], *used = own_used;
static int contexts[MAX_DEVICES], retained[MAX_DEVICES];
static int live_streams, live_events, live_pinned, live_handles, live_reservations, is_initialized, nvml_users;
static __thread int current = -1;
/* The stream that this thread records. */
static __thread stream_t *capturing;
typedef struct pinned { uint64_t base, size; struct pinned *next; } pinned_t;
static pinned_t *pinned_ranges;

/* For programs that only load it, such as benchmarks. */
__attribute__((constructor)) static void read_environment(void) {
  const char *bytes = getenv("STAND_IN_BYTES"), *devices = getenv("STAND_IN_DEVICES");
  if (bytes) device_bytes = strtoull(bytes, NULL, 10);
  if (devices) device_count = atoi(devices);
  const char *mig = getenv("STAND_IN_MIG");
  if (mig) has_mig = atoi(mig);
  const char *ids = getenv("STAND_IN_IDLE");
  if (ids) idle_ids = (uint32_t)strtoul(ids, NULL, 10);
  const char *step = getenv("STAND_IN_STEP_US");
  if (ids && step) idle_step_ns = 1000 * strtoull(step, NULL, 10);
  fault_file = getenv("STAND_IN_FAULT");
  /* A file that processes share, as they share a GPU. */
  const char *shared = getenv("STAND_IN_SHARED");
  int file = shared ? open(shared, O_RDWR | O_CREAT, 0600) : -1;
  if (file < 0 || ftruncate(file, sizeof own_used)) return;
  void *memory = mmap(NULL, sizeof own_used, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED) used = memory;
}

static int live_kernel_objects(int is_module), live_lt_objects(void);
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
    case 7: return nvml_users;
    case 10: return live_lt_objects();
    default: return live_kernel_objects(what == 8);
  }
}
uint64_t standin_used(int device) { return used[device]; }
void standin_use(int device, int64_t bytes) { used[device] += bytes; }

static range_t *find_range(uint64_t at, uint64_t size) {
  for (int i = 0; i < range_count; i++)
    if (ranges[i].size && ranges[i].kind != 3 && at >= ranges[i].base && at + size <= ranges[i].base + ranges[i].size) return &ranges[i];
  /* Adjacent mapped chunks count as one. */
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

static uint64_t now_ns(void) { struct timespec at; clock_gettime(CLOCK_MONOTONIC, &at); return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec; }
static void run_launch(struct launch *launch), run_product(const struct product *product);
static status_t record(struct graph *graph, op_t op);
static status_t invalidate(struct graph *graph);
/* Returns whether the work is done; only a spinning kernel takes time. */
static int run_op(op_t *op) {
  int reads = op->kind == TO_HOST || op->kind == ON_DEVICE, writes = op->kind == TO_DEVICE || op->kind == ON_DEVICE || op->kind == FILL || op->kind == POKE;
  if (op->kind == SPIN) {
    if (op->from == 0) op->from = now_ns();
    if (now_ns() - op->from < op->size) return 0;
  } else if ((writes && !find_range(op->to, op->size)) || (reads && !find_range(op->from, op->size))) sticky = ILLEGAL_ADDRESS;
  else if (op->kind <= ON_DEVICE) memmove((void *)op->to, (void *)op->from, op->size);
  else if (op->kind == KERNEL && !sticky) run_launch(op->launch);
  else if (op->kind == PRODUCT && !sticky) run_product(op->product);
  else if (op->kind == FILL) memset((void *)op->to, (int)op->value, op->size);
  else if (op->kind == POKE) *(uint32_t *)op->to = op->value;
  else if (op->kind == MARK && op->to) ((event_t *)op->to)->reached_ns = now_ns();
  free(op->launch);
  free(op->product);
  op->done = 1;
  op->stream->done++;
  return 1;
}
/* Runs one stream, and those it waits for, up to an event; waits for kernels only if requested. */
static void advance(stream_t *stream, uint64_t to, int waits) {
  for (int i = 0; i < op_count && stream->done < to; i++) {
    op_t *op = &ops[i];
    if (op->done || op->stream != stream) continue;
    if (op->kind == WAIT && op->other) {
      advance(op->other, op->from, waits);
      if (op->other->done < op->from) return;
    }
    while (!run_op(op)) {
      if (!waits) return;
      pthread_mutex_unlock(&lock);
      usleep(200);
      pthread_mutex_lock(&lock);
      if (op->done) break;
    }
  }
  while (op_count > 0 && ops[op_count - 1].done) op_count--;
}
static stream_t *stream_of(uint64_t handle) {
  if (handle == 0) {
    if (current >= 0) default_streams[current].device = current;
    return current < 0 ? NULL : &default_streams[current];
  }
  stream_t *stream = (stream_t *)handle;
  return stream->live ? stream : NULL;
}
static void poll(stream_t *stream) { if (!is_held) advance(stream, stream->queued, 0); }
static status_t queue(op_t op) {
  if (op.stream == NULL) return INVALID_HANDLE;
  if (sticky) return sticky;
  if (op.stream->recording) return record(op.stream->recording, op);
  if (op_count == MAX_OPS) return OUT_OF_MEMORY;
  ops[op_count++] = op;
  op.stream->queued++;
  poll(op.stream);
  return OK;
}
/* Step by step, each on a random stream, with the same seed in every run. */
static void release_all(void) {
  static uint32_t chance = 1;
  while (op_count > 0) {
    chance = chance * 1664525u + 1013904223u;
    op_t *op = &ops[(uint64_t)chance * (uint64_t)op_count >> 32];
    if (!op->done) advance(op->stream, op->stream->done + 1, 1);
  }
}
void standin_hold(int hold) {
  pthread_mutex_lock(&lock);
  is_held = hold;
  if (!hold) release_all();
  pthread_mutex_unlock(&lock);
}
static void forget_failure(void), forget_objects(void), forget_lt_objects(void);
void standin_reset(void) {
  fail_name[0] = 0;
  standin_hold(0);
  device_count = 2;
  device_bytes = 256ull << 20;
  has_vmm = 1;
  memset(used, 0, sizeof own_used);
  sticky = 0;
  for (visible_count = 0; visible_count < device_count; visible_count++) visible[visible_count] = visible_count;
  call_count = 0;
  shift = 0;
  has_mig = shown_mig = 0;
  is_gated = 0;
  forget_failure();
}

/* What the driver does when a process ends: frees everything. After a failure that broke the context. */
void standin_abandon(void) {
  pthread_mutex_lock(&lock);
  for (int i = 0; i < range_count; i++) if (ranges[i].size && ranges[i].kind == 1) munmap(ranges[i].memory, ranges[i].whole);
  range_count = 0;
  memset(ranges, 0, sizeof ranges);
  memset(reservations, 0, sizeof reservations);
  memset(used, 0, sizeof own_used);
  memset(retained, 0, sizeof retained);
  memset(default_streams, 0, sizeof default_streams);
  op_count = live_streams = live_events = live_pinned = live_handles = live_reservations = sticky = 0;
  forget_objects();
  forget_lt_objects();
  pthread_mutex_unlock(&lock);
}

/* ---- driver ---- */
static const struct { int status; const char *name, *text; } names[] = {
  {OK, "CUDA_SUCCESS", "no error"}, {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
  {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}, {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
  {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}, {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
  {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}, {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
  {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}, {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
  {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}, {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
  {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}, {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
  {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"}, {716, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
  {401, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
  {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
  {908, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD", "attempt to terminate a thread-local capture sequence from another thread"},
  {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}, {906, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT", "operation would make the legacy stream depend on a capturing blocking stream"},
  {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};
static const char *failure_text(void);
static status_t describe(int status, const char **out, int text) {
  /* What a kernel did wrong is said in the text. */
  if (text && sticky == status && *failure_text()) { *out = failure_text(); return OK; }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].status == status) { *out = text ? names[i].text : names[i].name; return OK; }
  *out = NULL;
  return INVALID_VALUE;
}
status_t cuGetErrorName(int status, const char **out) { return describe(status, out, 0); }
status_t cuGetErrorString(int status, const char **out) { return describe(status, out, 1); }
static int first_byte(int device, int mig) { return mig < 0 ? 0x10 * device : 0xa0 + 0x10 * mig; }
static int write_uuid(char *out, unsigned size, int device, int mig) {
  int at = snprintf(out, size, mig < 0 ? "GPU-" : "MIG-");
  for (int i = 0; i < 16; i++) at += snprintf(out + at, size - (unsigned)at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", (unsigned)(first_byte(device, mig) + i));
  return at;
}
/* The state of a device is in a slot: that of the first instance in its GPU's, that of the second in one of its own. */
enum { SECOND = MAX_DEVICES - 1 };
static int mig_of(int slot) { return !shown_mig || (slot && slot != SECOND) ? -1 : slot ? 3 : 0; }
static int device_of(int slot) { return shown_mig && slot == SECOND ? 0 : slot; }
static int show_slot(int slot) {
  for (int i = 0; i < visible_count; i++) if (visible[i] == slot) return 0;
  visible[visible_count++] = slot;
  return 1;
}
static int kind_of(const char *entry) { return *entry == 'G' || *entry == 'M' ? *entry : '0'; }
/* Of `all`, the devices that a list names by index, and any device by abbreviated UUID; the first invalid entry ends it, as
   does one of another kind than the first, and a device named twice empties it. A GPU in MIG mode is used through its first
   instance. */
static void read_visible_list(const char *list, const int *all, int all_count) {
  static const int migs[] = {-1, 0, 3};
  int kind = kind_of(list);
  for (; *list; list += strcspn(list, ","), list += *list == ',') {
    size_t length = strcspn(list, ",");
    int found = -1, count = 0;
    char *end;
    long index = strtol(list, &end, 10);
    if (kind_of(list) != kind) return;
    if (end != list) { count = index >= 0 && index < all_count; if (count) found = all[index]; }
    else for (int i = 0; i < device_count; i++) for (int k = 0; k < (has_mig && i == 0 ? 3 : 1); k++) {
      char uuid[64];
      write_uuid(uuid, sizeof uuid, i, migs[k]);
      if (strncmp(list, uuid, length) == 0) { found = migs[k] == 3 ? SECOND : i; count++; }
    }
    if (count != 1) return;
    if (!show_slot(found)) { visible_count = 0; return; }
  }
}
/* A driver before R570 shows one instance, and nothing beside it. */
static void read_visible_devices(void) {
  const char *list = getenv("CUDA_VISIBLE_DEVICES");
  int all[MAX_DEVICES], all_count = 0;
  for (int i = 0; i < device_count; i++) {
    all[all_count++] = i;
    if (i == 0 && has_mig == 1) all[all_count++] = SECOND;
  }
  shown_mig = has_mig;
  visible_count = 0;
  if (list) read_visible_list(list, all, all_count);
  else for (int i = 0; i < all_count; i++) show_slot(all[i]);
  for (int i = 0; i < visible_count && has_mig == 2; i++) if (mig_of(visible[i]) >= 0) {
    visible[0] = visible[i];
    visible_count = 1;
  }
}
/* An instance has half of the memory. */
static uint64_t bytes_of(int slot) { return mig_of(slot) >= 0 ? device_bytes / 2 : device_bytes; }
status_t cuInit(unsigned flags) {
  ENTER;
  if (flags) return INVALID_VALUE;
  read_visible_devices();
  if (visible_count == 0) return NO_DEVICE;
  is_initialized = 1;
  return OK;
}
status_t cuDriverGetVersion(int *out) { ENTER; *out = has_mig == 2 ? 12040 : 13000; return OK; }
status_t cuDeviceGetCount(int *out) { ENTER; if (!is_initialized) return NOT_INITIALIZED; *out = visible_count; return OK; }
status_t cuDeviceGet(int *out, int ordinal) { ENTER; if (ordinal < 0 || ordinal >= visible_count) return INVALID_DEVICE; *out = ordinal; return OK; }
status_t cuDeviceGetName(char *out, int size, int device) { ENTER; int slot = visible[device]; snprintf(out, (size_t)size, mig_of(slot) < 0 ? "Stand-in GPU %d" : "Stand-in GPU %d MIG", device_of(slot)); return OK; }
status_t cuDeviceGetUuid(unsigned char *out, int device) { ENTER; for (int i = 0; i < 16; i++) out[i] = (unsigned char)(0x10 * device_of(visible[device]) + i); return OK; }
/* For a MIG instance the second version returns the UUID of the instance. */
status_t cuDeviceGetUuid_v2(unsigned char *out, int device) { ENTER; for (int i = 0; i < 16; i++) out[i] = (unsigned char)(first_byte(device_of(visible[device]), mig_of(visible[device])) + i); return OK; }
status_t cuDeviceTotalMem_v2(size_t *out, int device) { ENTER; *out = bytes_of(visible[device]); return OK; }
status_t cuDeviceGetAttribute(int *out, int which, int device) {
  ENTER;
  (void)device;
  static const int others[][2] = {{8, 49152}, {13, 1980000}, {16, 132}, {36, 2619000}, {37, 5120}, {38, 52428800}, {39, 2048}, {75, 9}, {81, 233472}, {82, 65536}, {97, OPT_IN_SHARED}, {115, 1}};
  *out = which == 102 ? has_vmm : 0;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) if (others[i][0] == which) *out = others[i][1];
  return OK;
}
status_t cuDeviceGetPCIBusId(char *out, int size, int device) { ENTER; snprintf(out, (size_t)size, "0000:%02X:00.0", 0x17 + device_of(visible[device])); return OK; }
status_t cuDevicePrimaryCtxRetain(uint64_t *out, int device) { ENTER; retained[visible[device]]++; *out = (uint64_t)&contexts[visible[device]]; return OK; }
status_t cuDevicePrimaryCtxRelease_v2(int device) { ENTER; device = visible[device]; if (!retained[device]) return INVALID_CONTEXT; retained[device]--; return OK; }
status_t cuCtxSetCurrent(uint64_t context) {
  ENTER;
  current = -1;
  for (int i = 0; i < MAX_DEVICES; i++) if (context == (uint64_t)&contexts[i]) current = i;
  return current < 0 && context ? INVALID_CONTEXT : OK;
}
#define NEED_CONTEXT if (current < 0 || !retained[current]) return INVALID_CONTEXT; if (sticky) return sticky
/* Calls that may wait for the device: a thread that records must not make them. */
#define NOT_IN_CAPTURE if (capturing) return invalidate(capturing->recording)
status_t cuMemGetInfo_v2(size_t *free_bytes, size_t *total) { ENTER; NEED_CONTEXT; *total = bytes_of(current); *free_bytes = *total - used[current]; return OK; }
static status_t take(uint64_t size) {
  if (size == 0) return INVALID_VALUE;
  if (used[current] + size > bytes_of(current)) return OUT_OF_MEMORY;
  used[current] += size;
  return OK;
}
/* Fresh memory is NaN, as numbers of 32 and of 16 bits. It is mapped from one file, so that it costs nothing until it is
   written; of an allocation, the first GiB. */
static void poison(uint64_t at, uint64_t size, int access) {
  enum { FILE_BYTES = 8 << 20 };
  static int file;
  if (!file) {
    static uint32_t page[1 << 14];
    memset(page, 0xff, sizeof page);
    for (uint32_t i = 0; idle_ids && i < sizeof page / sizeof *page; i++) page[i] = i * 7919 % idle_ids;
    file = memfd_create("poison", 0);
    for (int i = 0; i < FILE_BYTES; i += (int)sizeof page) if (write(file, page, sizeof page) != sizeof page) abort();
  }
  uint64_t end = (at + (size < 1 << 30 ? size : 1 << 30) + 4095) & ~4095ull;
  for (at &= ~4095ull; at < end; at += FILE_BYTES) mmap((void *)at, end - at < FILE_BYTES ? end - at : FILE_BYTES, access, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, file, 0);
}
/* No two allocations are next to each other. */
enum { GAP = 65536 };
static status_t allocate(ptr_t *out, size_t size) {
  NEED_CONTEXT;
  status_t status = take(size);
  if (status) return status;
  /* Large allocations are aligned to a page, unless the test requests the guaranteed 256 bytes.
     They take memory when it is touched, so that a stand-in can be larger than the machine. */
  size_t alignment = size < GRANULARITY || shift ? 4096 : GRANULARITY, whole = size + alignment + shift + GAP;
  uint8_t *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) { used[current] -= size; return OUT_OF_MEMORY; }
  *out = (((uint64_t)memory + alignment - 1) & ~(uint64_t)(alignment - 1)) + shift;
  poison(*out, size, PROT_READ | PROT_WRITE);
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
status_t cuMemAlloc_v2(ptr_t *out, size_t size) { ENTER; NOT_IN_CAPTURE; return allocate(out, size); }
/* Waits for the whole device, as the driver does. */
status_t cuMemFree_v2(ptr_t at) { ENTER; NEED_CONTEXT; release_all(); return release(at); }
status_t cuMemAllocAsync(ptr_t *out, size_t size, uint64_t stream) { ENTER; (void)stream; return allocate(out, size); }
status_t cuMemFreeAsync(ptr_t at, uint64_t stream) { ENTER; (void)stream; return release(at); }
static pinned_t **pinned_around(uint64_t at) {
  pinned_t **link = &pinned_ranges;
  while (*link && at - (*link)->base >= (*link)->size) link = &(*link)->next;
  return link;
}
status_t cuMemHostAlloc(void **out, size_t size, unsigned flags) {
  ENTER; NEED_CONTEXT; NOT_IN_CAPTURE; (void)flags;
  if (size == 0) return INVALID_VALUE;
  if (posix_memalign(out, 4096, size)) return OUT_OF_MEMORY;
  pinned_t *made = malloc(sizeof *made);
  *made = (pinned_t){(uint64_t)*out, size, pinned_ranges};
  pinned_ranges = made;
  live_pinned++;
  return OK;
}
/* The host address of a copy; 0 for other work. */
static uint64_t host_of(const op_t *op) { return op->kind == TO_DEVICE ? op->from : op->kind == TO_HOST ? op->to : 0; }
/* The documents do not say that it waits for copies. */
status_t cuMemFreeHost(void *at) {
  ENTER; NEED_CONTEXT; NOT_IN_CAPTURE;
  pinned_t **link = pinned_around((uint64_t)at), *freed = *link;
  if (!freed || freed->base != (uint64_t)at) return INVALID_VALUE;
  for (int i = 0; i < op_count; i++) if (!ops[i].done && host_of(&ops[i]) - freed->base < freed->size) return sticky = ILLEGAL_ADDRESS;
  *link = freed->next;
  free(freed);
  live_pinned--;
  free(at);
  return OK;
}

static status_t copy(int kind, uint64_t to, uint64_t from, uint64_t size, uint64_t stream) { return queue((op_t){.kind = kind, .to = to, .from = from, .size = size, .stream = stream_of(stream)}); }
/* Not one that begins in pinned memory and ends behind it. */
static int is_host_range(uint64_t at, uint64_t size) { const pinned_t *pinned = *pinned_around(at); return !pinned || at + size <= pinned->base + pinned->size; }
status_t cuMemcpyHtoDAsync_v2(ptr_t to, const void *from, size_t size, uint64_t stream) { ENTER; NEED_CONTEXT; if (size && !find_range(to, size)) return INVALID_VALUE; if (!is_host_range((uint64_t)from, size)) return INVALID_VALUE; return copy(TO_DEVICE, to, (uint64_t)from, size, stream); }
status_t cuMemcpyDtoHAsync_v2(void *to, ptr_t from, size_t size, uint64_t stream) { ENTER; NEED_CONTEXT; if (size && !find_range(from, size)) return INVALID_VALUE; if (!is_host_range((uint64_t)to, size)) return INVALID_VALUE; return copy(TO_HOST, (uint64_t)to, from, size, stream); }
status_t cuMemcpyDtoDAsync_v2(ptr_t to, ptr_t from, size_t size, uint64_t stream) { ENTER; NEED_CONTEXT; if (size && (!find_range(to, size) || !find_range(from, size))) return INVALID_VALUE; return copy(ON_DEVICE, to, from, size, stream); }
status_t cuMemsetD8Async(ptr_t to, unsigned char value, size_t size, uint64_t stream) { ENTER; NEED_CONTEXT; if (size && !find_range(to, size)) return INVALID_VALUE; return queue((op_t){.kind = FILL, .to = to, .size = size, .value = value, .stream = stream_of(stream)}); }

#include "kernels.h"
#include "cublas-lt.h"

status_t cuStreamCreate(uint64_t *out, unsigned flags) {
  ENTER; NEED_CONTEXT; (void)flags;
  stream_t *stream = calloc(1, sizeof *stream);
  stream->device = current; stream->live = 1; live_streams++;
  *out = (uint64_t)stream;
  return OK;
}
status_t cuStreamDestroy_v2(uint64_t handle) { ENTER; NEED_CONTEXT; stream_t *stream = stream_of(handle); if (!stream || !handle) return INVALID_HANDLE; if (stream->recording) return invalidate(stream->recording); advance(stream, stream->queued, 1); stream->live = 0; live_streams--; return OK; }
status_t cuStreamSynchronize(uint64_t handle) { ENTER; NEED_CONTEXT; stream_t *stream = stream_of(handle); if (!stream) return INVALID_HANDLE; if (stream->recording) return invalidate(stream->recording); NOT_IN_CAPTURE; advance(stream, stream->queued, 1); return sticky; }
status_t cuStreamQuery(uint64_t handle) { ENTER; NEED_CONTEXT; stream_t *stream = stream_of(handle); if (!stream) return INVALID_HANDLE; if (stream->recording) return invalidate(stream->recording); NOT_IN_CAPTURE; poll(stream); return sticky ? sticky : stream->done == stream->queued ? OK : NOT_READY; }
status_t cuStreamWaitEvent(uint64_t handle, uint64_t event, unsigned flags) {
  ENTER; NEED_CONTEXT;
  if (flags) return INVALID_VALUE;
  if (!stream_of(handle) || !event) return INVALID_HANDLE;
  return queue((op_t){.kind = WAIT, .stream = stream_of(handle), .other = ((event_t *)event)->stream, .from = ((event_t *)event)->at});
}
status_t cuEventCreate(uint64_t *out, unsigned flags) { ENTER; NEED_CONTEXT; event_t *event = calloc(1, sizeof *event); event->device = current; event->is_timed = !(flags & 2); event->is_sleeping = flags & 1; live_events++; *out = (uint64_t)event; return OK; }
status_t cuEventDestroy_v2(uint64_t handle) { ENTER; NEED_CONTEXT; if (!handle) return INVALID_HANDLE; live_events--; for (int i = 0; i < op_count; i++) if (ops[i].kind == MARK && ops[i].to == handle) ops[i].to = 0; free((void *)handle); return OK; }
status_t cuEventRecord(uint64_t handle, uint64_t stream) {
  ENTER; NEED_CONTEXT;
  stream_t *target = stream_of(stream);
  if (!target || !handle || ((event_t *)handle)->device != target->device) return INVALID_HANDLE;
  /* An event is work of its own: on a held stream it does not complete. */
  status_t status = queue((op_t){.kind = MARK, .to = handle, .stream = target});
  if (status) return status;
  event_t *event = (event_t *)handle;
  event->stream = target;
  event->at = target->queued;
  event->idle_until_ns = target->busy_until_ns;
  return OK;
}
/* Waits for events that keep a core busy: those made without CU_EVENT_BLOCKING_SYNC. */
static uint64_t busy_waits;
uint64_t standin_busy_waits(void) { return busy_waits; }
static int reached(event_t *event) { return event->stream == NULL || event->stream->done >= event->at; }
/* Waits as long as a device that computes would. */
static void idle_until(uint64_t until_ns) {
  uint64_t now = now_ns();
  if (now >= until_ns) return;
  pthread_mutex_unlock(&lock);
  usleep((useconds_t)((until_ns - now) / 1000));
  pthread_mutex_lock(&lock);
}
status_t cuEventQuery(uint64_t handle) { ENTER; NEED_CONTEXT; NOT_IN_CAPTURE; event_t *event = (event_t *)handle; if (!event) return INVALID_HANDLE; if (event->idle_until_ns > now_ns()) return NOT_READY; if (event->stream) poll(event->stream); return sticky ? sticky : reached(event) ? OK : NOT_READY; }
/* The documents do not say that a thread without a context may wait, and it may not wait for a stream. */
status_t cuEventSynchronize(uint64_t handle) { ENTER; NEED_CONTEXT; NOT_IN_CAPTURE; event_t *event = (event_t *)handle; if (!event) return INVALID_HANDLE; if (!reached(event)) { busy_waits += !event->is_sleeping; advance(event->stream, event->at, 1); } if (idle_step_ns) idle_until(event->idle_until_ns); return sticky; }
status_t cuEventElapsedTime(float *milliseconds, uint64_t start, uint64_t end) {
  ENTER; NEED_CONTEXT;
  event_t *from = (event_t *)start, *to = (event_t *)end;
  if (!from || !to || !from->is_timed || !to->is_timed || !from->stream || !to->stream) return INVALID_HANDLE;
  if (!reached(from) || !reached(to)) return sticky ? sticky : NOT_READY;
  *milliseconds = (float)((double)(int64_t)(to->reached_ns - from->reached_ns) / 1e6);
  return sticky;
}

status_t cuMemGetAllocationGranularity(size_t *out, const void *properties, unsigned option) { ENTER; (void)properties; (void)option; *out = GRANULARITY; return OK; }
status_t cuMemAddressReserve(ptr_t *out, size_t size, size_t alignment, ptr_t hint, uint64_t flags) {
  ENTER; NOT_IN_CAPTURE; (void)alignment; (void)hint; (void)flags;
  if (size == 0 || size % GRANULARITY) return INVALID_VALUE;
  uint8_t *memory = mmap(NULL, size + GRANULARITY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return OUT_OF_MEMORY;
  *out = ((uint64_t)memory + GRANULARITY - 1) & ~(uint64_t)(GRANULARITY - 1);
  live_reservations++;
  for (int i = 0; i < MAX_RANGES; i++) if (reservations[i].size == 0) { reservations[i] = (reservation_t){*out, size}; return OK; }
  return OUT_OF_MEMORY;
}
static reservation_t *reservation_of(uint64_t at, uint64_t size) {
  for (int i = 0; i < MAX_RANGES; i++)
    if (reservations[i].size && at >= reservations[i].base && at + size <= reservations[i].base + reservations[i].size) return &reservations[i];
  return NULL;
}
status_t cuMemAddressFree(ptr_t at, size_t size) {
  ENTER; NOT_IN_CAPTURE;
  for (int i = 0; i < range_count; i++) if (ranges[i].size && ranges[i].kind != 1 && ranges[i].base >= at && ranges[i].base < at + size) return INVALID_VALUE;
  reservation_t *reservation = reservation_of(at, size);
  if (!reservation || reservation->base != at || reservation->size != size) return INVALID_VALUE;
  reservation->size = 0;
  munmap((void *)at, size);
  live_reservations--;
  return OK;
}
status_t cuMemCreate(uint64_t *out, size_t size, const int *properties, uint64_t flags) {
  ENTER; NOT_IN_CAPTURE; (void)flags;
  if (properties[3] < 0 || properties[3] >= visible_count) return INVALID_DEVICE;
  int device = visible[properties[3]];
  if (sticky) return sticky;
  if (properties[0] != 1 || properties[1] || properties[2] != 1 || properties[4] || properties[5] || properties[6] || properties[7] || size % GRANULARITY) return INVALID_VALUE;
  if (used[device] + size > bytes_of(device)) return OUT_OF_MEMORY;
  used[device] += size;
  handle_t *handle = calloc(1, sizeof *handle);
  handle->size = size; handle->device = device; live_handles++;
  *out = (uint64_t)handle;
  return OK;
}
status_t cuMemMap(ptr_t at, size_t size, size_t offset, uint64_t handle, uint64_t flags) { ENTER; NOT_IN_CAPTURE; (void)flags; handle_t *memory = (handle_t *)handle; if (!memory || memory->mapped || offset || size != memory->size || at % GRANULARITY || !reservation_of(at, size) || exact_range(at)) return INVALID_VALUE; if (sticky) return sticky; memory->mapped = 1; poison(at, size, PROT_NONE); return add_range(at, size, memory->device, 3); }
status_t cuMemSetAccess(ptr_t at, size_t size, const int *access, size_t count) {
  ENTER; NOT_IN_CAPTURE;
  if (count != 1 || access[0] != 1 || access[1] < 0 || access[1] >= visible_count || access[2] != 3) return INVALID_VALUE;
  /* Whole mappings only, and no gap between them. */
  uint64_t mapped = 0;
  for (int i = 0; i < range_count; i++)
    if (ranges[i].size && ranges[i].kind != 1 && ranges[i].base >= at && ranges[i].base + ranges[i].size <= at + size) mapped += ranges[i].size;
  if (mapped != size) return INVALID_VALUE;
  for (int i = 0; i < range_count; i++)
    if (ranges[i].size && ranges[i].kind == 3 && ranges[i].base >= at && ranges[i].base + ranges[i].size <= at + size) {
      ranges[i].kind = 2;
      mprotect((void *)ranges[i].base, ranges[i].size, PROT_READ | PROT_WRITE);
    }
  return OK;
}
status_t cuMemUnmap(ptr_t at, size_t size) {
  ENTER; NOT_IN_CAPTURE;
  uint64_t found = 0;
  if (sticky) return sticky;
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
status_t nvmlInit_v2(void) { ASK; nvml_users++; return OK; }
status_t nvmlShutdown(void) { ASK; nvml_users--; return OK; }
status_t nvmlSystemGetDriverVersion(char *out, unsigned size) { ASK; snprintf(out, size, has_mig == 2 ? "550.54.15" : "580.65.06"); return OK; }
status_t nvmlSystemGetCudaDriverVersion_v2(int *out) { ASK; *out = has_mig == 2 ? 12040 : 13000; return OK; }
status_t nvmlDeviceGetCount_v2(unsigned *out) { ASK; *out = (unsigned)device_count; return OK; }
status_t nvmlDeviceGetHandleByIndex_v2(unsigned index, uint64_t *out) { ASK; if ((int)index >= device_count) return NVML_INVALID_ARGUMENT; *out = index + 1; return OK; }
status_t nvmlDeviceGetName(uint64_t device, char *out, unsigned size) { ASK; snprintf(out, size, "Stand-in GPU %d", (int)device - 1); return OK; }
status_t nvmlDeviceGetUUID(uint64_t device, char *out, unsigned size) {
  ASK;
  if (device >= 100) write_uuid(out, size, 0, (int)device - 100);
  else write_uuid(out, size, (int)device - 1, -1);
  return OK;
}
status_t nvmlDeviceGetPciInfo_v3(uint64_t device, char *out) { ASK; memset(out, 0, 68); snprintf(out + 36, 32, "00000000:%02X:00.0", (unsigned)(0x17 + device - 1)); return OK; }
status_t nvmlDeviceGetMemoryInfo(uint64_t device, uint64_t *out) { ASK; if (device >= 100) { out[0] = device_bytes / 2; out[1] = device_bytes / 4; out[2] = out[0] - out[1]; return OK; } out[0] = device_bytes; out[2] = used[device - 1]; out[1] = device_bytes - out[2]; return OK; }
status_t nvmlDeviceGetCudaComputeCapability(uint64_t device, int *major, int *minor) { ASK; (void)device; *major = 9; *minor = 0; return OK; }
status_t nvmlDeviceGetUtilizationRates(uint64_t device, unsigned *out) { ASK; out[0] = 10 * (unsigned)device; out[1] = 5; return OK; }
status_t nvmlDeviceGetTemperature(uint64_t device, unsigned sensor, unsigned *out) { ASK; for (int i = 0; is_gated && i < 5000; i++) usleep(1000); if (is_gated) return 999; (void)sensor; *out = 30 + (unsigned)device; return OK; }
status_t nvmlDeviceGetPowerUsage(uint64_t device, unsigned *out) { ASK; *out = 75500 + (unsigned)device; return OK; }
status_t nvmlDeviceGetEnforcedPowerLimit(uint64_t device, unsigned *out) { ASK; if (device == 2) return NVML_NOT_SUPPORTED; *out = 700000; return OK; }
status_t nvmlDeviceGetTotalEccErrors(uint64_t device, unsigned type, unsigned counter, uint64_t *out) { ASK; (void)counter; if (device == 2) return NVML_NOT_SUPPORTED; *out = type ? 0 : 3; return OK; }
status_t nvmlDeviceGetMigMode(uint64_t device, unsigned *now, unsigned *pending) { ASK; if (device == 2) return NVML_NOT_SUPPORTED; *now = *pending = has_mig != 0; return OK; }
status_t nvmlDeviceGetMaxMigDeviceCount(uint64_t device, unsigned *out) { ASK; (void)device; *out = 7; return OK; }
status_t nvmlDeviceGetMigDeviceHandleByIndex(uint64_t device, unsigned index, uint64_t *out) { ASK; (void)device; if (index != 0 && index != 3) return 6; *out = 100 + index; return OK; }
status_t nvmlDeviceGetGpuInstanceId(uint64_t device, unsigned *out) { ASK; *out = (unsigned)device - 99; return OK; }
status_t nvmlDeviceGetComputeInstanceId(uint64_t device, unsigned *out) { ASK; (void)device; *out = 0; return OK; }
status_t nvmlDeviceGetComputeRunningProcesses_v3(uint64_t device, unsigned *count, uint8_t *out) {
  ASK;
  /* More than fit into the first call, so that the retry is exercised. */
  unsigned have = device == 1 ? 70 : 0;
  if (*count < have) { *count = have; return NVML_INSUFFICIENT_SIZE; }
  for (unsigned i = 0; i < have; i++) { memset(out + 24 * i, 0, 24); *(unsigned *)(out + 24 * i) = 1000 + i; *(uint64_t *)(out + 24 * i + 8) = i == 69 ? UINT64_MAX : (uint64_t)(i + 1) << 20; }
  *count = have;
  return OK;
}
status_t nvmlDeviceGetGraphicsRunningProcesses_v3(uint64_t device, unsigned *count, uint8_t *out) {
  ASK;
  if (device == 2) { *count = 0; return OK; }
  if (*count < 2) { *count = 2; return NVML_INSUFFICIENT_SIZE; }
  memset(out, 0, 48);
  *(unsigned *)out = 1000; /* also a compute process */
  *(unsigned *)(out + 24) = 2000;
  *(uint64_t *)(out + 32) = 3 << 20;
  *count = 2;
  return OK;
}
status_t nvmlSystemGetProcessName(unsigned pid, char *out, unsigned size) { ASK; if (pid == 1001) return 6; snprintf(out, size, "worker-%u", pid); return OK; }
