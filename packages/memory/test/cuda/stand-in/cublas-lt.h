/*
 * The part of cuBLASLt that the package calls, for memory of the stand-in driver; included by stand-in.c. It refuses what the
 * library's documentation does: objects that are not live, matrices whose layouts do not fit each other, addresses that are
 * not aligned as the heuristic was told, a workspace that is too small, an algorithm of another product. Products run on the
 * stream, sum in float32, and write over the workspace that their algorithm needs.
 */
enum { LT_OK = 0, LT_NOT_INITIALIZED = 1, LT_ALLOC_FAILED = 3, LT_INVALID_VALUE = 7, LT_EXECUTION_FAILED = 13, LT_NOT_SUPPORTED = 15 };
enum { R_32F = 0, R_16F = 2, R_16BF = 14, COMPUTE_32F = 68, EPILOGUE_DEFAULT = 1, EPILOGUE_BIAS = 4, LT_ALIGNMENT = 256 };
enum { LT_HANDLE = 0x4c740001, LT_OPERATION, LT_LAYOUT, LT_PREFERENCE, LT_ALGORITHM };
/* Counts of columns of B that one algorithm is for, and splits of small products. */
enum { LT_BUCKET = 128, LT_SPLITS = 2, LT_SPLIT_DEPTH = 512 };

typedef struct lt_object {
  int kind, device;
  int type, compute, scale, transa, transb, epilogue; /* of layouts and operations */
  uint64_t bias, rows, columns, ld, max_workspace;
  uint32_t alignment[4]; /* A, B, C, D */
  struct lt_object *next;
} lt_object_t;
typedef struct { int kind, type, splits, epilogue; uint64_t m, n, k; uint32_t alignment[4]; uint64_t reserved; } lt_algorithm_t;
typedef struct { lt_algorithm_t algorithm; size_t workspace; int state; float waves; int reserved[4]; } lt_result_t;
typedef struct product { lt_algorithm_t algorithm; uint64_t a, b, d, bias, workspace, m, n, k; } product_t;
_Static_assert(sizeof(lt_algorithm_t) == 64 && sizeof(lt_result_t) == 96, "as in the header");

static lt_object_t *lt_objects;
static int live_lt_objects(void) { int live = 0; for (lt_object_t *each = lt_objects; each; each = each->next) live++; return live; }
static void forget_lt_objects(void) { for (lt_object_t *next; lt_objects; lt_objects = next) { next = lt_objects->next; free(lt_objects); } }
static lt_object_t *lt_object(uint64_t handle, int kind) {
  for (lt_object_t *each = lt_objects; each; each = each->next) if ((uint64_t)each == handle && each->kind == kind) return each;
  return NULL;
}
static lt_object_t *lt_create(uint64_t *out, int kind) {
  lt_object_t *object = calloc(1, sizeof *object);
  *object = (lt_object_t){.kind = kind, .device = current, .epilogue = EPILOGUE_DEFAULT, .alignment = {LT_ALIGNMENT, LT_ALIGNMENT, LT_ALIGNMENT, LT_ALIGNMENT}, .next = lt_objects};
  lt_objects = object;
  *out = (uint64_t)object;
  return object;
}
static status_t lt_destroy(uint64_t handle, int kind) {
  for (lt_object_t **at = &lt_objects; *at; at = &(*at)->next) {
    lt_object_t *object = *at;
    if ((uint64_t)object != handle || object->kind != kind) continue;
    *at = object->next;
    free(object);
    return LT_OK;
  }
  return LT_INVALID_VALUE;
}
/* Reads an attribute of a size. */
static int lt_read(void *to, const void *from, size_t size, size_t wanted) { if (!from || size != wanted) return 0; memcpy(to, from, wanted); return 1; }

size_t cublasLtGetVersion(void) { return 130100; }
static const struct { int status; const char *name, *text; } lt_names[] = {
  {LT_OK, "CUBLAS_STATUS_SUCCESS", "success"}, {LT_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED", "the library was not initialized"},
  {LT_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED", "the resource allocation failed"}, {LT_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE", "an unsupported value or parameter was passed to the function"},
  {LT_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED", "the function failed to launch on the GPU"}, {LT_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED", "the functionality requested is not supported"},
};
static int lt_name(int status) { for (size_t i = 0; i < sizeof lt_names / sizeof *lt_names; i++) if (lt_names[i].status == status) return (int)i; return -1; }
const char *cublasLtGetStatusName(int status) { int at = lt_name(status); return at < 0 ? "" : lt_names[at].name; }
const char *cublasLtGetStatusString(int status) { int at = lt_name(status); return at < 0 ? "" : lt_names[at].text; }

#define LT_CONTEXT if (current < 0 || !retained[current]) return LT_NOT_INITIALIZED; if (sticky) return LT_EXECUTION_FAILED
status_t cublasLtCreate(uint64_t *out) { ENTER; LT_CONTEXT; lt_create(out, LT_HANDLE); return LT_OK; }
status_t cublasLtDestroy(uint64_t handle) { ENTER; LT_CONTEXT; return lt_destroy(handle, LT_HANDLE); }
status_t cublasLtMatmulDescCreate(uint64_t *out, int compute, int scale) {
  ENTER;
  if (compute != COMPUTE_32F || scale != R_32F) return LT_NOT_SUPPORTED;
  lt_object_t *operation = lt_create(out, LT_OPERATION);
  operation->compute = compute;
  operation->scale = scale;
  return LT_OK;
}
status_t cublasLtMatmulDescSetAttribute(uint64_t handle, int attribute, const void *value, size_t size) {
  ENTER;
  lt_object_t *operation = lt_object(handle, LT_OPERATION);
  if (!operation) return LT_INVALID_VALUE;
  int is_read = attribute == 3 ? lt_read(&operation->transa, value, size, 4)
    : attribute == 4 ? lt_read(&operation->transb, value, size, 4)
    : attribute == 7 ? lt_read(&operation->epilogue, value, size, 4)
    : attribute == 8 ? lt_read(&operation->bias, value, size, 8) : 0;
  return is_read ? LT_OK : LT_INVALID_VALUE;
}
status_t cublasLtMatmulDescDestroy(uint64_t handle) { ENTER; return lt_destroy(handle, LT_OPERATION); }
status_t cublasLtMatrixLayoutCreate(uint64_t *out, int type, uint64_t rows, uint64_t columns, int64_t ld) {
  ENTER;
  if ((type != R_32F && type != R_16F && type != R_16BF) || !rows || !columns || ld < (int64_t)rows) return LT_INVALID_VALUE;
  lt_object_t *layout = lt_create(out, LT_LAYOUT);
  layout->type = type;
  layout->rows = rows;
  layout->columns = columns;
  layout->ld = (uint64_t)ld;
  return LT_OK;
}
status_t cublasLtMatrixLayoutSetAttribute(uint64_t handle, int attribute, const void *value, size_t size) {
  ENTER;
  lt_object_t *layout = lt_object(handle, LT_LAYOUT);
  return layout && attribute == 3 && lt_read(&layout->columns, value, size, 8) && layout->columns ? LT_OK : LT_INVALID_VALUE;
}
status_t cublasLtMatrixLayoutDestroy(uint64_t handle) { ENTER; return lt_destroy(handle, LT_LAYOUT); }
status_t cublasLtMatmulPreferenceCreate(uint64_t *out) { ENTER; lt_create(out, LT_PREFERENCE); return LT_OK; }
status_t cublasLtMatmulPreferenceSetAttribute(uint64_t handle, int attribute, const void *value, size_t size) {
  ENTER;
  lt_object_t *preference = lt_object(handle, LT_PREFERENCE);
  if (!preference) return LT_INVALID_VALUE;
  if (attribute == 1) return lt_read(&preference->max_workspace, value, size, 8) ? LT_OK : LT_INVALID_VALUE;
  if (attribute < 5 || attribute > 8) return LT_INVALID_VALUE;
  uint32_t *alignment = &preference->alignment[attribute - 5];
  if (!lt_read(alignment, value, size, 4) || !*alignment || *alignment & (*alignment - 1)) return LT_INVALID_VALUE;
  return LT_OK;
}
status_t cublasLtMatmulPreferenceDestroy(uint64_t handle) { ENTER; return lt_destroy(handle, LT_PREFERENCE); }

/* The product that an operation and four layouts describe; the transpose of A with B, into D of float32. */
static status_t lt_describe(uint64_t operation, const uint64_t layouts[4], lt_algorithm_t *out) {
  lt_object_t *op = lt_object(operation, LT_OPERATION), *matrix[4];
  if (!op) return LT_INVALID_VALUE;
  for (int i = 0; i < 4; i++) if (!(matrix[i] = lt_object(layouts[i], LT_LAYOUT))) return LT_INVALID_VALUE;
  const lt_object_t *a = matrix[0], *b = matrix[1], *c = matrix[2], *d = matrix[3];
  if (op->transa != 1 || op->transb != 0 || (op->epilogue != EPILOGUE_DEFAULT && op->epilogue != EPILOGUE_BIAS)) return LT_NOT_SUPPORTED;
  if (a->rows != b->rows || d->rows != a->columns || d->columns != b->columns || c->rows != d->rows || c->columns != d->columns) return LT_INVALID_VALUE;
  if (a->type != b->type || a->type == R_32F || c->type != R_32F || d->type != R_32F) return LT_NOT_SUPPORTED;
  if (a->ld != a->rows || b->ld != b->rows || c->ld != c->rows || d->ld != d->rows) return LT_NOT_SUPPORTED;
  *out = (lt_algorithm_t){.kind = LT_ALGORITHM, .type = a->type, .epilogue = op->epilogue, .m = d->rows, .n = d->columns, .k = a->rows};
  return LT_OK;
}
static uint64_t lt_workspace(const lt_algorithm_t *algorithm, uint64_t n) { return algorithm->splits > 1 ? (uint64_t)algorithm->splits * algorithm->m * n * 4 : 0; }
/* Whether an algorithm, which was chosen for as many columns or a few more, computes a product. */
static status_t lt_fits(const lt_algorithm_t *algorithm, const lt_algorithm_t *product) {
  if (algorithm->kind != LT_ALGORITHM) return LT_INVALID_VALUE;
  if (algorithm->type != product->type || algorithm->m != product->m || algorithm->k != product->k || algorithm->epilogue != product->epilogue) return LT_INVALID_VALUE;
  return product->n <= algorithm->n && product->n + LT_BUCKET > algorithm->n ? LT_OK : LT_NOT_SUPPORTED;
}
status_t cublasLtMatmulAlgoGetHeuristic(uint64_t handle, uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t preference, int wanted, lt_result_t *results, int *found) {
  ENTER; LT_CONTEXT;
  lt_object_t *prefers = lt_object(preference, LT_PREFERENCE);
  if (!lt_object(handle, LT_HANDLE) || !prefers || wanted < 1 || !results || !found) return LT_INVALID_VALUE;
  lt_algorithm_t algorithm;
  *found = 0;
  status_t status = lt_describe(operation, (uint64_t[]){a, b, c, d}, &algorithm);
  if (status) return status;
  if (algorithm.k % 8) return LT_NOT_SUPPORTED;
  memcpy(algorithm.alignment, prefers->alignment, sizeof algorithm.alignment);
  algorithm.splits = algorithm.k >= LT_SPLIT_DEPTH ? LT_SPLITS : 1;
  if (lt_workspace(&algorithm, algorithm.n) > prefers->max_workspace) algorithm.splits = 1;
  memset(results, 0xff, (size_t)wanted * sizeof *results);
  results[0] = (lt_result_t){.algorithm = algorithm, .workspace = lt_workspace(&algorithm, algorithm.n), .state = LT_OK, .waves = 1};
  *found = 1;
  return LT_OK;
}
status_t cublasLtMatmulAlgoCheck(uint64_t handle, uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, const lt_algorithm_t *algorithm, lt_result_t *result) {
  ENTER; LT_CONTEXT;
  lt_algorithm_t product;
  if (!lt_object(handle, LT_HANDLE) || !algorithm || !result) return LT_INVALID_VALUE;
  status_t status = lt_describe(operation, (uint64_t[]){a, b, c, d}, &product);
  if (!status) status = lt_fits(algorithm, &product);
  if (status) return status;
  *result = (lt_result_t){.algorithm = *algorithm, .workspace = lt_workspace(algorithm, product.n), .state = LT_OK, .waves = 1};
  return LT_OK;
}
status_t cublasLtMatmul(uint64_t handle, uint64_t operation, const float *alpha, uint64_t a, uint64_t a_layout, uint64_t b, uint64_t b_layout, const float *beta, uint64_t c, uint64_t c_layout, uint64_t d, uint64_t d_layout, const lt_algorithm_t *algorithm, uint64_t workspace, size_t workspace_bytes, uint64_t on) {
  ENTER; LT_CONTEXT;
  lt_object_t *context = lt_object(handle, LT_HANDLE), *op = lt_object(operation, LT_OPERATION);
  stream_t *stream = stream_of(on);
  lt_algorithm_t shape;
  if (!context || context->device != current || !stream || (on && stream->device != current) || !alpha || !beta || !algorithm || !a || !b || !d) return LT_INVALID_VALUE;
  if (*alpha != 1 || *beta != 0 || c != d || c_layout != d_layout) return LT_NOT_SUPPORTED;
  status_t status = lt_describe(operation, (uint64_t[]){a_layout, b_layout, c_layout, d_layout}, &shape);
  if (!status) status = lt_fits(algorithm, &shape);
  if (status) return status;
  const uint64_t addresses[] = {a, b, c, d}, needed = lt_workspace(algorithm, shape.n);
  for (int i = 0; i < 4; i++) if (addresses[i] % algorithm->alignment[i]) return LT_INVALID_VALUE;
  if (workspace % LT_ALIGNMENT || workspace_bytes < needed || (needed && !workspace)) return LT_INVALID_VALUE;
  if (op->epilogue == EPILOGUE_BIAS && (!op->bias || op->bias % 4)) return LT_INVALID_VALUE;
  if (stream->recording) return LT_NOT_SUPPORTED;
  if (idle_ids) return LT_OK;
  product_t *product = malloc(sizeof *product);
  *product = (product_t){*algorithm, a, b, d, op->epilogue == EPILOGUE_BIAS ? op->bias : 0, workspace, shape.m, shape.n, shape.k};
  if (queue((op_t){.kind = PRODUCT, .stream = stream, .product = product}) == OK) return LT_OK;
  free(product);
  return LT_EXECUTION_FAILED;
}

static float lt_float(uint16_t bits, int type) {
  union { uint32_t bits; float value; } wide;
  if (type == R_16BF) { wide.bits = (uint32_t)bits << 16; return wide.value; }
  uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
  if (exponent == 0) { float value = (float)fraction / (1 << 24); return sign ? -value : value; }
  wide.bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
  return wide.value;
}
static void run_product(const product_t *product) {
  const lt_algorithm_t *algorithm = &product->algorithm;
  uint64_t m = product->m, n = product->n, k = product->k, needed = lt_workspace(algorithm, n);
  if (!find_range(product->a, m * k * 2) || !find_range(product->b, n * k * 2) || !find_range(product->d, m * n * 4)
      || (product->bias && !find_range(product->bias, m * 4)) || (needed && !find_range(product->workspace, needed))) { sticky = ILLEGAL_ADDRESS; return; }
  if (needed) memset((void *)product->workspace, 0xff, needed);
  const uint16_t *a = (const uint16_t *)product->a, *b = (const uint16_t *)product->b;
  const float *bias = (const float *)product->bias;
  float *d = (float *)product->d, *wide = malloc(k * sizeof *wide);
  uint64_t depth = (k + (uint64_t)algorithm->splits - 1) / (uint64_t)algorithm->splits;
  for (uint64_t column = 0; column < n; column++) {
    for (uint64_t at = 0; at < k; at++) wide[at] = lt_float(b[column * k + at], algorithm->type);
    for (uint64_t row = 0; row < m; row++) {
      float total = bias ? bias[row] : 0;
      for (uint64_t from = 0; from < k; from += depth) {
        float sum = 0;
        for (uint64_t at = from; at < k && at < from + depth; at++) sum += lt_float(a[row * k + at], algorithm->type) * wide[at];
        total += sum;
      }
      d[column * m + row] = total;
    }
  }
  free(wide);
}
