// Compares what is called through FFI with NVIDIA's own headers: names, arguments, values and structures.
//   node tools/gpu/verify-headers.mjs <folder with cuda.h, nvml.h or cublasLt.h>...
// Needs the built package and a C compiler. See README.md beside it for where headers come from.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { existingFolder, parseOptions } from "../parse-options.mjs";

const { positionals } = parseOptions({
  help: `Compares what is called through FFI with NVIDIA's headers: node tools/gpu/verify-headers.mjs <folder>...
  <folder>   has cuda.h, nvml.h or cublasLt.h
Needs the built packages and a C compiler (cc).
`,
  positionals: { name: "folder", kind: existingFolder, minimum: 1 },
});

const folders = positionals.map((folder) => resolve(folder));
const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const source = (name) => import(pathToFileURL(join(root, "packages/memory/dist/cuda", name)).href);
const cuda = await source("driver/cuda-functions.js");
const nvml = await source("nvml/nvml-functions.js");
const cublas = await source("cublas/cublas-functions.js");
const { encodeAccess, encodeProperties } = await source("encode-allocation.js");
const standIn = ["stand-in.c", "kernels.h", "cublas-lt.h"]
  .map((name) => readFileSync(join(root, "packages/memory/test/cuda/stand-in", name), "utf8"))
  .join("\n");

/** Bytes of one element of what each pointer is given; 1 for text and bytes, undefined for an array of them. */
const bytesByElement = {
  cuDriverGetVersion: [4],
  cuGetErrorName: [8],
  cuGetErrorString: [8],
  cuDeviceGetCount: [4],
  cuDeviceGet: [4],
  cuDeviceGetName: [1],
  cuDeviceGetUuid: [16],
  cuDeviceGetUuid_v2: [16],
  cuDeviceTotalMem_v2: [8],
  cuDeviceGetAttribute: [4],
  cuDeviceGetPCIBusId: [1],
  cuDevicePrimaryCtxRetain: [8],
  cuMemGetInfo_v2: [8, 8],
  cuMemAlloc_v2: [8],
  cuMemHostAlloc: [8],
  cuMemcpyHtoDAsync_v2: [1],
  cuMemcpyDtoHAsync_v2: [1],
  cuStreamCreate: [8],
  cuEventCreate: [8],
  cuEventElapsedTime: [4],
  cuMemAllocAsync: [8],
  cuMemGetAllocationGranularity: [8, 32],
  cuMemAddressReserve: [8],
  cuMemCreate: [8, 32],
  cuMemSetAccess: [12],
  cuModuleLoadDataEx: [8, 1, 4, 8],
  cuModuleGetFunction: [8, 1],
  cuFuncGetAttribute: [4],
  cuLaunchKernel: [8, 8],
  cuStreamEndCapture: [8],
  cuGraphInstantiateWithFlags: [8],
  nvmlSystemGetDriverVersion: [1],
  nvmlSystemGetCudaDriverVersion_v2: [4],
  nvmlDeviceGetCount_v2: [4],
  nvmlDeviceGetHandleByIndex_v2: [8],
  nvmlDeviceGetName: [1],
  nvmlDeviceGetUUID: [1],
  nvmlDeviceGetPciInfo_v3: [68],
  nvmlDeviceGetMemoryInfo: [24],
  nvmlDeviceGetCudaComputeCapability: [4, 4],
  nvmlDeviceGetUtilizationRates: [8],
  nvmlDeviceGetTemperature: [4],
  nvmlDeviceGetPowerUsage: [4],
  nvmlDeviceGetEnforcedPowerLimit: [4],
  nvmlDeviceGetTotalEccErrors: [8],
  nvmlDeviceGetMigMode: [4, 4],
  nvmlDeviceGetMaxMigDeviceCount: [4],
  nvmlDeviceGetMigDeviceHandleByIndex: [8],
  nvmlDeviceGetGpuInstanceId: [4],
  nvmlDeviceGetComputeInstanceId: [4],
  nvmlDeviceGetComputeRunningProcesses_v3: [4, 24],
  nvmlDeviceGetGraphicsRunningProcesses_v3: [4, 24],
  nvmlSystemGetProcessName: [1],
  cublasLtCreate: [8],
  cublasLtMatmulDescCreate: [8],
  cublasLtMatmulDescSetAttribute: [1],
  cublasLtMatrixLayoutCreate: [8],
  cublasLtMatrixLayoutSetAttribute: [1],
  cublasLtMatmulPreferenceCreate: [8],
  cublasLtMatmulPreferenceSetAttribute: [1],
  cublasLtMatmulAlgoGetHeuristic: [96, 4],
  cublasLtMatmulAlgoCheck: [64, 96],
  cublasLtMatmul: [1, 1, 64],
};

const attributeNames = {
  sharedBytesPerBlock: "CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK",
  clockRateKhz: "CU_DEVICE_ATTRIBUTE_CLOCK_RATE",
  memoryClockRateKhz: "CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE",
  memoryBusWidthBits: "CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH",
  l2CacheBytes: "CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE",
  maxThreadsPerMultiprocessor: "CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR",
  sharedBytesPerMultiprocessor: "CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR",
  registersPerMultiprocessor: "CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR",
  optInSharedBytesPerBlock: "CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN",
  multiprocessorCount: "CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT",
  computeCapabilityMajor: "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR",
  computeCapabilityMinor: "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR",
  virtualMemoryManagement: "CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED",
  memoryPools: "CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED",
};

const functionAttributeNames = {
  maxThreadsPerBlock: "CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK",
  staticSharedBytes: "CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES",
  localBytes: "CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES",
  registerCount: "CU_FUNC_ATTRIBUTE_NUM_REGS",
  maxDynamicSharedBytes: "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES",
};

const jitOptionNames = {
  errorLogBuffer: "CU_JIT_ERROR_LOG_BUFFER",
  errorLogBufferSizeBytes: "CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES",
};

const rename = (values, names) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [names[name], value]));

const headerFiles = [
  {
    file: "cuda.h",
    version: "CUDA_VERSION",
    functions: { ...cuda.cudaFunctions, ...cuda.cudaOptionalFunctions },
    values: {
      ...namedValues(cuda),
      ...rename(cuda.deviceAttribute, attributeNames),
      ...rename(cuda.functionAttribute, functionAttributeNames),
      ...rename(cuda.jitOption, jitOptionNames),
    },
    layouts: { CUuuid: { sizeBytes: 16 } },
    // Each is written in C by the names of the fields, and compared byte by byte.
    encodings: [
      {
        type: "CUmemAllocationProp",
        bytes: encodeProperties(3),
        fields: {
          type: "CU_MEM_ALLOCATION_TYPE_PINNED",
          "location.type": "CU_MEM_LOCATION_TYPE_DEVICE",
          "location.id": "3",
        },
      },
      {
        type: "CUmemAccessDesc",
        bytes: encodeAccess(3),
        fields: {
          "location.type": "CU_MEM_LOCATION_TYPE_DEVICE",
          "location.id": "3",
          flags: "CU_MEM_ACCESS_FLAGS_PROT_READWRITE",
        },
      },
    ],
  },
  {
    file: "nvml.h",
    version: "NVML_API_VERSION",
    functions: { ...nvml.nvmlFunctions, ...nvml.nvmlOptionalFunctions },
    values: namedValues(nvml),
    layouts: nvml.nvmlLayouts,
    encodings: [],
  },
  {
    file: "cublasLt.h",
    version: "CUBLAS_VERSION",
    functions: cublas.cublasFunctions,
    values: cublas.cublasValues,
    layouts: cublas.cublasLayouts,
    encodings: [],
    // Those that return no status.
    prototypes: {
      cublasLtGetVersion: "size_t (*)(void)",
      cublasLtGetStatusName: "const char *(*)(cublasStatus_t)",
      cublasLtGetStatusString: "const char *(*)(cublasStatus_t)",
    },
  },
];

/** The numbers that a module exports, by their names in the header: `cuStreamNonBlocking` is `CU_STREAM_NON_BLOCKING`. */
function namedValues(module) {
  return Object.fromEntries(
    Object.entries(module)
      .filter(([, value]) => typeof value === "number")
      .map(([name, value]) => [name.replaceAll(/[A-Z]/g, "_$&").toUpperCase(), value]),
  );
}

const work = mkdtempSync(join(tmpdir(), "infernode-headers-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

function run(command, options) {
  const { status, stdout, stderr, error } = spawnSync(command, options, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined || status !== 0) throw new Error(`${command}: ${error ?? stderr}`);
  return stdout;
}

/** The types of a function's arguments, as written, from declarations or from definitions. */
function parseFunctions(text, returnType) {
  const functions = new Map();
  for (const [, name, list] of text.matchAll(
    new RegExp(`\\b${returnType}\\s+(\\w+)\\s*\\(([^)]*)\\)`, "g"),
  )) {
    const types = list
      .split(",")
      .map((argument) => argument.trim())
      .filter((argument) => argument !== "" && argument !== "void")
      .map((argument) =>
        argument
          .replace(/(\w+)\[\]$/, "*$1")
          .replace(/\w+$/, "")
          .trim(),
      );
    functions.set(name, types);
  }
  return functions;
}

/** Compiles a program that reports each type's size, whether it is a pointer, and the size of its target. */
function measureTypes(prelude, functions, folder) {
  const lines = [...functions].flatMap(([name, types]) =>
    types.map((type, index) => {
      const element = type.includes("*") ? `sizeof(*(${type})0)` : "0";
      return `printf("${name} ${index} %zu %d %zu\\n", sizeof(${type}), __builtin_classify_type((${type})0) == 5, (size_t)${element});`;
    }),
  );
  const measured = new Map([...functions.keys()].map((name) => [name, []]));
  for (const line of runProgram(prelude, lines, folder)) {
    const [name, index, bytes, isPointer, elementBytes] = line.split(" ");
    measured.get(name)[Number(index)] = {
      bytes: Number(bytes),
      isPointer: isPointer === "1",
      elementBytes: Number(elementBytes),
    };
  }
  return measured;
}

function runProgram(prelude, lines, folder) {
  const file = join(work, "program.c");
  writeFileSync(
    file,
    `${prelude}\n#include <stddef.h>\n#include <stdio.h>\n#include <string.h>\nint main(void) {\n${lines.join("\n")}\nreturn 0; }\n`,
  );
  run("cc", ["-w", ...includes(folder), "-o", join(work, "program"), file]);
  return run(join(work, "program"), []).split("\n").filter(Boolean);
}

/** Headers include others, which may be in another folder that is named. */
function includes(folder) {
  return folder === undefined ? [] : [folder, ...folders].flatMap((each) => ["-I", each]);
}

const isOfType = {
  int32: ({ bytes, isPointer }) => !isPointer && bytes <= 4,
  uint32: ({ bytes, isPointer }) => !isPointer && bytes <= 4,
  uint64: ({ bytes, isPointer }) => !isPointer && bytes === 8,
  size: ({ bytes, isPointer }) => !isPointer && bytes === 8,
  address: ({ bytes }) => bytes === 8,
  pointer: ({ isPointer }) => isPointer,
};

function verify(folder, header) {
  const { file, functions, values, layouts, encodings, prototypes = {} } = header;
  const problems = [];
  const expect = (isRight, text) => {
    if (!isRight) problems.push(text);
  };
  // Without the define these are the current names, with it those of older programs.
  const declared = new Map();
  for (const define of ["-DNVML_NO_UNVERSIONED_FUNC_DEFS", "-D__CUDA_API_VERSION_INTERNAL"]) {
    const text = run("cc", ["-E", "-P", define, ...includes(folder), join(folder, file)]);
    for (const [name, types] of parseFunctions(text, "(?:CUresult|nvmlReturn_t|cublasStatus_t)")) {
      if (name in functions) declared.set(name, types);
    }
  }
  const measured = measureTypes(`#include "${file}"`, declared, folder);
  for (const [name, types] of Object.entries(functions)) {
    const real = measured.get(name);
    expect(real !== undefined, `${name} is not in ${file}`);
    if (real === undefined) continue;
    expect(
      real.length === types.length,
      `${name} takes ${real.length} arguments, is called with ${types.length}`,
    );
    const elements = [...(bytesByElement[name] ?? [])];
    for (const [index, type] of types.entries()) {
      const actual = real[index];
      if (actual === undefined) continue;
      const written = declared.get(name)[index];
      expect(isOfType[type](actual), `${name}, argument ${index}: ${written} is called with ${type}`);
      if (type !== "pointer") continue;
      const given = elements.shift();
      expect(
        given === actual.elementBytes,
        `${name}, argument ${index}: ${written} points to ${actual.elementBytes} bytes, given ${given}`,
      );
    }
  }
  const imitated = parseFunctions(standIn, "status_t");
  for (const name of imitated.keys()) if (!measured.has(name)) imitated.delete(name);
  const prelude = [
    "#include <stdint.h>\n#include <stddef.h>\ntypedef uint64_t ptr_t;",
    "typedef struct { char bytes[64]; } lt_algorithm_t; typedef struct { char bytes[96]; } lt_result_t;",
  ].join("\n");
  for (const [name, types] of measureTypes(prelude, imitated)) {
    const real = measured
      .get(name)
      .map(({ bytes }) => bytes)
      .join(", ");
    const own = types.map(({ bytes }) => bytes).join(", ");
    expect(own === real, `the stand-in's ${name} takes (${own}) bytes, the header's (${real})`);
  }
  const lines = Object.keys(values).map((name) => `printf("${name} %lld\\n", (long long)${name});`);
  for (const [type, { sizeBytes: _sizeBytes, ...fields }] of Object.entries(layouts)) {
    lines.push(`printf("sizeof(${type}) %zu\\n", sizeof(${type}));`);
    for (const field of Object.keys(fields)) {
      lines.push(`printf("${type}.${field} %zu\\n", offsetof(${type}, ${field}));`);
    }
  }
  for (const { type, fields } of encodings) {
    const set = Object.entries(fields).map(([field, value]) => `value.${field} = ${value};`);
    lines.push(
      `{ ${type} value; memset(&value, 0, sizeof value); ${set.join(" ")} printf("${type} ");`,
      `for (size_t at = 0; at < sizeof value; at++) printf("%02x", ((unsigned char *)&value)[at]); printf("\\n"); }`,
    );
  }
  for (const [name, type] of Object.entries(prototypes)) {
    lines.push(`printf("${name} %d\\n", __builtin_types_compatible_p(__typeof__(&${name}), ${type}));`);
  }
  lines.push(`printf("version %d\\n", ${header.version});`);
  const facts = new Map(
    runProgram(`#include "${file}"`, lines, folder).map((line) => [
      line.slice(0, line.lastIndexOf(" ")),
      line.slice(line.lastIndexOf(" ") + 1),
    ]),
  );
  const compare = (name, ours) => {
    const theirs = facts.get(name);
    expect(String(ours) === theirs, `${name} is ${theirs}, taken for ${ours}`);
  };
  for (const [name, value] of Object.entries(values)) compare(name, value);
  for (const [type, { sizeBytes, ...fields }] of Object.entries(layouts)) {
    compare(`sizeof(${type})`, sizeBytes);
    for (const [field, offset] of Object.entries(fields)) compare(`${type}.${field}`, offset);
  }
  for (const name of Object.keys(prototypes)) compare(name, 1);
  for (const { type, bytes } of encodings) compare(type, Buffer.from(bytes.buffer).toString("hex"));
  const counts = `${Object.keys({ ...functions, ...prototypes }).length} functions, ${Object.keys(values).length} values, ${
    Object.keys(layouts).length + encodings.length
  } structures, ${imitated.size} functions of the stand-in`;
  process.stdout.write(`${join(folder, file)} (${header.version} ${facts.get("version")}): ${counts}; `);
  process.stdout.write(
    problems.length === 0 ? "all agree\n" : `${problems.length} differ\n  ${problems.join("\n  ")}\n`,
  );
  return problems.length;
}

const found = folders.flatMap((folder) =>
  headerFiles.filter(({ file }) => existsSync(join(folder, file))).map((header) => ({ folder, header })),
);
if (found.length === 0) {
  process.stdout.write(
    `nothing was compared: none of cuda.h, nvml.h and cublasLt.h is in ${folders.join(", ")}\n`,
  );
} else {
  const differences = found.map(({ folder, header }) => verify(folder, header));
  process.exitCode = differences.some((count) => count > 0) ? 1 : 0;
}
