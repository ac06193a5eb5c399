/*
 * Records launches, to be run again by the sources of the kernels with sanitizers; included by kernels.h. Of each kernel the
 * process keeps a few launches of different shapes: those within the limits, and of them the one with most memory.
 *
 * A record, little endian: "launch01", the length of the name and the name; grid, block, bytes of dynamic shared memory
 * (7 words of 32 bits); the number of parameters, and each as 8 bytes; the number of allocations, and each as address, size,
 * contents before; then the contents of each after it. Allocations are those that the parameters reach, through tables of
 * addresses too.
 */
enum { RECORD_SLOTS = 2, RECORD_THREADS = 2048, RECORD_BYTES = 1 << 18, RECORD_MOST = 4 << 20, RECORD_RANGES = 512 };

static char record_folder[400];
__attribute__((constructor)) static void read_record_environment(void) {
  const char *folder = getenv("STAND_IN_RECORD");
  if (folder) snprintf(record_folder, sizeof record_folder, "%s", folder);
}
/* The best records of a kernel so far; kernels live as long as the process. */
typedef struct recorded { const struct ptx_kernel_info *info; uint64_t scores[RECORD_SLOTS]; struct recorded *next; } recorded_t;
typedef struct { range_t *ranges[RECORD_RANGES]; int count; uint64_t bytes; int is_whole; } reached_t;
typedef struct { FILE *file; uint64_t *score, better; reached_t reached; char temporary[500], path[800], replaced[800]; } record_t;

static recorded_t *recorded;
static recorded_t *recorded_of(const struct ptx_kernel_info *info) {
  for (recorded_t *known = recorded; known; known = known->next) if (known->info == info) return known;
  recorded_t *made = calloc(1, sizeof *made);
  made->info = info;
  made->next = recorded;
  return recorded = made;
}
/* Launches are recorded into a folder from now on, without regard to earlier ones; not if it is empty. */
void standin_record(const char *folder) {
  snprintf(record_folder, sizeof record_folder, "%s", folder);
  for (recorded_t *known = recorded; known; known = known->next) memset(known->scores, 0, sizeof known->scores);
}
static void reach(reached_t *reached, uint64_t address) {
  if (address >> 32 == 0 || address >> 47) return;
  for (int i = 0; i < range_count; i++) {
    range_t *range = &ranges[i];
    if (!range->size || address - range->base >= range->size) continue;
    for (int k = 0; k < reached->count; k++) if (reached->ranges[k] == range) return;
    /* Chunks that are mapped side by side would come apart. */
    if (range->kind != 1 || reached->count == RECORD_RANGES || reached->bytes + range->size > RECORD_MOST) { reached->is_whole = 0; return; }
    reached->ranges[reached->count++] = range;
    reached->bytes += range->size;
    return;
  }
}
static void reach_all(reached_t *reached, const launch_t *launch) {
  const struct ptx_kernel_info *info = launch->function->info;
  for (int i = 0; i < info->parameter_count; i++) if (info->parameter_bytes[i] == 8) reach(reached, launch->values[i]);
  for (int i = 0; i < reached->count; i++)
    for (uint64_t at = 0; at + 8 <= reached->ranges[i]->size; at += 8) reach(reached, *(const uint64_t *)(reached->ranges[i]->base + at));
}
static void record_path(char *to, size_t size, const function_t *function, int slot, uint64_t score) {
  snprintf(to, size, "%s/%016llx.%s.%d.%016llx.%d.launch", record_folder, (unsigned long long)function->module->hash, function->info->name, slot, (unsigned long long)score, (int)getpid());
}
static void write_contents(FILE *file, const reached_t *reached, int with_place) {
  for (int i = 0; i < reached->count; i++) {
    const range_t *range = reached->ranges[i];
    if (with_place) { fwrite(&range->base, 8, 1, file); fwrite(&range->size, 8, 1, file); }
    fwrite((const void *)range->base, 1, range->size, file);
  }
}
/* Before the launch. */
static record_t begin_record(const launch_t *launch) {
  record_t record = {.reached = {.is_whole = 1}};
  if (!record_folder[0]) return record;
  const struct ptx_launch *call = &launch->call;
  const struct ptx_kernel_info *info = launch->function->info;
  reach_all(&record.reached, launch);
  if (!record.reached.is_whole) return record;
  uint64_t shape = 14695981039346656037ull, threads = 1;
  const uint64_t prime = 1099511628211ull;
  for (int i = 0; i < 3; i++) { shape = ((shape ^ call->grid[i]) * prime ^ call->block[i]) * prime; threads *= (uint64_t)call->grid[i] * call->block[i]; }
  for (int i = 0; i < info->parameter_count; i++) if (info->parameter_bytes[i] == 4) shape = (shape ^ launch->values[i]) * prime;
  const int slot = (int)((shape >> 40) % RECORD_SLOTS);
  const uint64_t bytes = record.reached.bytes, middle = 1ull << 62;
  record.better = threads <= RECORD_THREADS && bytes <= RECORD_BYTES ? middle + bytes : middle - threads * (bytes + 1) % middle;
  record.score = &recorded_of(info)->scores[slot];
  if (record.better <= *record.score) return record;
  record_path(record.path, sizeof record.path, launch->function, slot, record.better);
  record_path(record.replaced, sizeof record.replaced, launch->function, slot, *record.score);
  snprintf(record.temporary, sizeof record.temporary, "%s/%d.part", record_folder, (int)getpid());
  FILE *file = record.file = fopen(record.temporary, "wb");
  if (!file) { fprintf(stderr, "the stand-in driver cannot write %s\n", record.temporary); abort(); }
  const uint32_t length = (uint32_t)strlen(info->name), parameters = (uint32_t)info->parameter_count, allocations = (uint32_t)record.reached.count;
  fwrite("launch01", 8, 1, file);
  fwrite(&length, 4, 1, file);
  fwrite(info->name, 1, length, file);
  fwrite(call->grid, 4, 3, file);
  fwrite(call->block, 4, 3, file);
  fwrite(&call->dynamic_shared, 4, 1, file);
  fwrite(&parameters, 4, 1, file);
  fwrite(launch->values, 8, parameters, file);
  fwrite(&allocations, 4, 1, file);
  write_contents(file, &record.reached, 1);
  return record;
}
/* After it. */
static void end_record(record_t *record, int status) {
  if (!record->file) return;
  write_contents(record->file, &record->reached, 0);
  fclose(record->file);
  if (status) { unlink(record->temporary); return; }
  if (*record->score) unlink(record->replaced);
  rename(record->temporary, record->path);
  *record->score = record->better;
}
