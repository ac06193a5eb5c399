/*
 * Modules, launches and graphs of the stand-in driver; included by stand-in.c. A module is PTX text: its kernels are in a
 * shared library named by the hash of the text, which the tests made of it.
 */
#include <dlfcn.h>
#include "launch.h"

enum { INVALID_IMAGE = 200, NO_BINARY = 209, ILLEGAL_STATE = 401, OUT_OF_RESOURCES = 701, CAPTURE_UNSUPPORTED = 900, CAPTURE_INVALIDATED = 901, CAPTURE_WRONG_THREAD = 908 };
enum { PLAIN_SHARED = 48 * 1024, MAX_PARAMETERS = 64 };

typedef struct { ptx_describe_function *describe; ptx_run_function *run; int live; uint64_t hash; } module_t;
typedef struct function {
  module_t *module;
  const struct ptx_kernel_info *info;
  int index, kind, max_dynamic, is_loaded;
  struct function *next; /* of all; they live as long as the process */
} function_t;
typedef struct launch {
  function_t *function;
  struct ptx_launch call;
  void *pointers[MAX_PARAMETERS];
  uint64_t values[MAX_PARAMETERS];
} launch_t;
typedef struct graph { op_t *nodes; int count, room, is_invalid, is_executable; } graph_t;

static char kernel_folder[512];
static uint64_t kernel_seed = 1;
static int kernel_order, live_modules, live_graphs;
static uint64_t launch_count;
static char kernel_failure[PTX_TEXT];
static function_t *functions;

/* Where translated modules are, and in which order threads run. */
void standin_kernels(const char *folder, uint64_t seed, int in_order) {
  snprintf(kernel_folder, sizeof kernel_folder, "%s", folder);
  kernel_seed = seed;
  kernel_order = in_order;
}
const char *standin_failure(void) { return kernel_failure; }
static const char *failure_text(void) { return kernel_failure; }
static void forget_failure(void) { kernel_failure[0] = 0; launch_count = 0; }
static void forget_objects(void) { live_modules = live_graphs = 0; forget_failure(); }
static int live_kernel_objects(int is_module) { return is_module ? live_modules : live_graphs; }
uint64_t standin_launches(void) { return launch_count; }
__attribute__((constructor)) static void read_kernel_environment(void) {
  const char *folder = getenv("STAND_IN_KERNELS"), *seed = getenv("STAND_IN_SEED"), *order = getenv("STAND_IN_ORDER");
  if (folder) standin_kernels(folder, seed ? strtoull(seed, NULL, 10) : 1, order && !strcmp(order, "lockstep"));
}

#include "record.h"

/* All live memory around an address; adjacent mapped chunks are one range. */
static int find_around(uint64_t at, uint64_t *start, uint64_t *end) {
  for (int i = 0; i < range_count; i++) {
    range_t *range = &ranges[i];
    if (!range->size || range->kind == 3 || at - range->base >= range->size) continue;
    *start = range->base;
    *end = range->base + range->size;
    for (int again = range->kind == 2; again;) {
      again = 0;
      for (int k = 0; k < range_count; k++) {
        range_t *other = &ranges[k];
        if (!other->size || other->kind != 2) continue;
        if (other->base == *end) { *end += other->size; again = 1; }
        if (other->base + other->size == *start) { *start = other->base; again = 1; }
      }
    }
    return 1;
  }
  return 0;
}
/* What kernels have taken of a processor, so that it can be told from what the program takes. */
static uint64_t kernel_ns;
uint64_t standin_kernel_ns(void) { return kernel_ns; }
static uint64_t thread_ns(void) { struct timespec at; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at); return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec; }
static void run_launch(launch_t *launch) {
  launch->call.find = find_around;
  launch->call.seed = kernel_seed;
  launch->call.in_order = kernel_order;
  launch->call.parameters = launch->pointers;
  for (int i = 0; i < MAX_PARAMETERS; i++) launch->pointers[i] = &launch->values[i];
  launch_count++;
  record_t record = begin_record(launch);
  uint64_t before = thread_ns();
  int status = launch->function->module->run(launch->function->index, &launch->call);
  kernel_ns += thread_ns() - before;
  end_record(&record, status);
  if (!status) return;
  sticky = status;
  memcpy(kernel_failure, launch->call.failure, sizeof kernel_failure);
}
static uint64_t hash_text(const char *text) {
  uint64_t hash = 14695981039346656037ull;
  for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 1099511628211ull;
  return hash;
}
static const uint8_t one_number[] = {8};
static const struct ptx_kernel_info built_in = {"spin or poke", one_number, 1, 1, 0, 0};
static const struct ptx_kernel_info any_kernel = {"any", one_number, 0, 1024, 0, 0};
static status_t load_module(uint64_t *out, const char *image, char *log, size_t log_size) {
  if (!image) return INVALID_VALUE;
  module_t *module = calloc(1, sizeof *module);
  /* The kernels of the checks on a GPU are known by name. */
  if (!idle_ids && !strstr(image, ".entry spin(")) {
    char path[600];
    module->hash = hash_text(image);
    snprintf(path, sizeof path, "%s/%016llx.so", kernel_folder, (unsigned long long)module->hash);
    void *library = strstr(image, ".version") ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
      if (log) snprintf(log, log_size, "%s", strstr(image, ".version") ? dlerror() : "expected PTX, got something else");
      free(module);
      return strstr(image, ".version") ? NO_BINARY : INVALID_IMAGE;
    }
    module->describe = (ptx_describe_function *)dlsym(library, "ptx_describe");
    module->run = (ptx_run_function *)dlsym(library, "ptx_run");
  }
  module->live = 1;
  live_modules++;
  *out = (uint64_t)module;
  return OK;
}
status_t cuModuleLoadData(uint64_t *out, const void *image) { ENTER; NEED_CONTEXT; NOT_IN_CAPTURE; return load_module(out, image, NULL, 0); }
status_t cuModuleLoadDataEx(uint64_t *out, const void *image, unsigned count, int *options, void **values) {
  ENTER; NEED_CONTEXT; NOT_IN_CAPTURE;
  char *log = NULL;
  size_t log_size = 0;
  for (unsigned i = 0; i < count; i++) {
    if (options[i] == 5) log = values[i];
    else if (options[i] == 6) log_size = (size_t)values[i];
    else return INVALID_VALUE;
  }
  return load_module(out, image, log, log_size);
}
static module_t *module_of(uint64_t handle) { module_t *module = (module_t *)handle; return module && module->live ? module : NULL; }
status_t cuModuleUnload(uint64_t handle) {
  ENTER; NEED_CONTEXT; NOT_IN_CAPTURE;
  module_t *module = module_of(handle);
  if (!module) return INVALID_HANDLE;
  for (int i = 0; i < op_count; i++) if (!ops[i].done && ops[i].launch && ops[i].launch->function->module == module) return sticky = ILLEGAL_ADDRESS;
  module->live = 0; live_modules--;
  return OK;
}
status_t cuModuleGetFunction(uint64_t *out, uint64_t handle, const char *name) {
  ENTER; NEED_CONTEXT;
  module_t *module = module_of(handle);
  if (!module) return INVALID_HANDLE;
  function_t found = {.module = module};
  if (idle_ids) {
    found.kind = KERNEL;
    found.info = &any_kernel;
  } else if (!module->describe) {
    found.kind = strcmp(name, "spin") == 0 ? SPIN : strcmp(name, "poke") == 0 ? POKE : 0;
    if (!found.kind) return NOT_FOUND;
    found.info = &built_in;
  } else {
    found.kind = KERNEL;
    do found.info = module->describe(found.index++); while (found.info && strcmp(found.info->name, name));
    if (!found.info) return NOT_FOUND;
    found.index--;
    if (found.info->parameter_count > MAX_PARAMETERS) return INVALID_VALUE;
  }
  for (function_t *known = functions; known; known = known->next) if (known->module == module && known->kind == found.kind && known->index == found.index) { *out = (uint64_t)known; return OK; }
  found.max_dynamic = PLAIN_SHARED - (int)found.info->static_shared;
  function_t *function = malloc(sizeof *function);
  found.next = functions;
  *function = found;
  functions = function;
  *out = (uint64_t)function;
  return OK;
}
static function_t *function_of(uint64_t handle) { function_t *function = (function_t *)handle; return function && function->module->live ? function : NULL; }
status_t cuFuncGetAttribute(int *out, int which, uint64_t handle) {
  ENTER; NEED_CONTEXT;
  function_t *function = function_of(handle);
  if (!function) return INVALID_HANDLE;
  NOT_IN_CAPTURE;
  function->is_loaded = 1;
  *out = which == 0 ? (int)function->info->max_threads : which == 1 ? (int)function->info->static_shared : which == 4 ? 32 : which == 8 ? function->max_dynamic : 0;
  return OK;
}
status_t cuFuncSetAttribute(uint64_t handle, int which, int value) {
  ENTER; NEED_CONTEXT;
  function_t *function = function_of(handle);
  if (!function) return INVALID_HANDLE;
  if (which != 8 || value < 0 || value + (int)function->info->static_shared > OPT_IN_SHARED) return INVALID_VALUE;
  function->max_dynamic = value;
  return OK;
}
status_t cuLaunchKernel(uint64_t handle, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, uint64_t stream, void **arguments, void **extra) {
  ENTER; NEED_CONTEXT; (void)extra;
  function_t *function = function_of(handle);
  if (!function) return INVALID_HANDLE;
  uint64_t threads = (uint64_t)bx * by * bz;
  if (!gx || !gy || !gz || !threads || gx > INT32_MAX || gy > 65535 || gz > 65535 || threads > 1024 || bz > 64) return INVALID_VALUE;
  op_t op = {.kind = function->kind, .stream = stream_of(stream), .value = 1};
  if (!op.stream) return INVALID_HANDLE;
  /* A kernel is loaded when its attributes are read or when it is first launched, for which the device may have to wait. */
  if (op.stream->recording && !function->is_loaded) return invalidate(op.stream->recording);
  function->is_loaded = 1;
  if (function->kind != KERNEL) {
    uint64_t argument = *(uint64_t *)arguments[0];
    if (threads * gx * gy * gz != 1) return INVALID_VALUE;
    if (function->kind == SPIN) op.size = argument;
    else { op.to = argument; op.size = 4; }
    return queue(op);
  }
  if (threads > function->info->max_threads) return OUT_OF_RESOURCES;
  if (idle_ids) { launch_count++; return OK; }
  if (shared > (unsigned)function->max_dynamic) return INVALID_VALUE;
  launch_t *launch = calloc(1, sizeof *launch);
  launch->function = function;
  launch->call = (struct ptx_launch){.grid = {gx, gy, gz}, .block = {bx, by, bz}, .dynamic_shared = shared};
  for (int i = 0; i < function->info->parameter_count; i++) memcpy(&launch->values[i], arguments[i], function->info->parameter_bytes[i]);
  op.launch = launch;
  status_t status = queue(op);
  if (status) free(launch);
  return status;
}

/* ---- graphs ---- */
static status_t invalidate(graph_t *graph) { graph->is_invalid = 1; return CAPTURE_UNSUPPORTED; }
static status_t record(graph_t *graph, op_t op) {
  if (graph->is_invalid) return CAPTURE_INVALIDATED;
  if (op.kind == MARK || op.kind == WAIT || op.kind == SPIN) return invalidate(graph);
  const uint64_t host = host_of(&op);
  if (host && op.size && !*pinned_around(host)) return invalidate(graph);
  if (graph->count == graph->room) graph->nodes = realloc(graph->nodes, (size_t)(graph->room = graph->room ? 2 * graph->room : 64) * sizeof(op_t));
  graph->nodes[graph->count++] = op;
  return OK;
}
static graph_t *copy_graph(const graph_t *from) {
  graph_t *graph = calloc(1, sizeof *graph);
  live_graphs++;
  for (int i = 0; i < from->count; i++) {
    op_t op = from->nodes[i];
    if (op.launch) op.launch = memcpy(malloc(sizeof(launch_t)), op.launch, sizeof(launch_t));
    record(graph, op);
  }
  return graph;
}
static void free_graph(graph_t *graph) {
  for (int i = 0; i < graph->count; i++) free(graph->nodes[i].launch);
  free(graph->nodes);
  free(graph);
  live_graphs--;
}
status_t cuStreamBeginCapture_v2(uint64_t handle, unsigned mode) {
  ENTER; NEED_CONTEXT;
  stream_t *stream = stream_of(handle);
  /* Not relaxed: nothing would be forbidden. */
  if (!stream || mode > 1) return INVALID_VALUE;
  if (!handle) return CAPTURE_UNSUPPORTED;
  if (stream->recording || capturing) return ILLEGAL_STATE;
  stream->recording = calloc(1, sizeof(graph_t));
  capturing = stream;
  live_graphs++;
  return OK;
}
status_t cuStreamEndCapture(uint64_t handle, uint64_t *out) {
  ENTER;
  if (current < 0 || !retained[current]) return INVALID_CONTEXT;
  stream_t *stream = stream_of(handle);
  if (!stream || !stream->recording) return ILLEGAL_STATE;
  if (capturing != stream) return CAPTURE_WRONG_THREAD;
  graph_t *graph = stream->recording;
  stream->recording = NULL;
  capturing = NULL;
  status_t status = graph->is_invalid ? CAPTURE_INVALIDATED : sticky;
  if (status) free_graph(graph);
  *out = status ? 0 : (uint64_t)graph;
  return status;
}
status_t cuGraphInstantiateWithFlags(uint64_t *out, uint64_t handle, uint64_t flags) {
  ENTER; NEED_CONTEXT; NOT_IN_CAPTURE;
  graph_t *graph = (graph_t *)handle;
  if (!graph || graph->is_executable || flags) return INVALID_VALUE;
  graph = copy_graph(graph);
  graph->is_executable = 1;
  *out = (uint64_t)graph;
  return OK;
}
status_t cuGraphLaunch(uint64_t handle, uint64_t on) {
  ENTER; NEED_CONTEXT;
  stream_t *stream = stream_of(on);
  const graph_t *graph = (graph_t *)handle;
  if (!graph || !graph->is_executable || !stream) return INVALID_HANDLE;
  if (stream->recording) return invalidate(stream->recording);
  if (idle_step_ns) {
    uint64_t now = now_ns();
    stream->busy_until_ns = (stream->busy_until_ns > now ? stream->busy_until_ns : now) + idle_step_ns;
  }
  for (int i = 0; i < graph->count; i++) {
    op_t op = graph->nodes[i];
    op.stream = stream;
    const uint64_t host = host_of(&op);
    if ((host && op.size && !*pinned_around(host)) || (op.launch && !op.launch->function->module->live)) return sticky = ILLEGAL_ADDRESS;
    if (op.launch) op.launch = memcpy(malloc(sizeof(launch_t)), op.launch, sizeof(launch_t));
    status_t status = queue(op);
    if (status) { free(op.launch); return status; }
  }
  return OK;
}
status_t cuGraphExecDestroy(uint64_t graph) { ENTER; if (!graph || !((graph_t *)graph)->is_executable) return INVALID_VALUE; free_graph((graph_t *)graph); return OK; }
status_t cuGraphDestroy(uint64_t graph) { ENTER; if (!graph || ((graph_t *)graph)->is_executable) return INVALID_VALUE; free_graph((graph_t *)graph); return OK; }
