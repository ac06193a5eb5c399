import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import koffi, { type LibraryHandle } from "koffi";

const systems: Readonly<Record<string, string>> = { darwin: "mac", linux: "linux", win32: "win" };
/** `LLAMA_FTYPE_MOSTLY_Q4_0`: the head, or the embedding where it is the head too, gets more bits. */
const q40FileType = 2;
/** `GGML_LOG_LEVEL_ERROR` */
const errorLevel = 4;

/** The folder of llama.cpp's libraries in the packages of node-llama-cpp, or why there is none. */
export function findLlamaLibraries(): { readonly folder: string } | { readonly missing: string } {
  const metal = process.platform === "darwin" && process.arch === "arm64" ? "-metal" : "";
  const name = `${systems[process.platform] ?? process.platform}-${process.arch}${metal}`;
  try {
    const peer = createRequire(createRequire(import.meta.url).resolve("node-llama-cpp"));
    const folder = join(dirname(peer.resolve(`@node-llama-cpp/${name}`)), "..", "bins", name);
    libraryPath(folder, "llama");
    return { folder };
  } catch (error) {
    return { missing: `node-llama-cpp has no libraries for ${name}: ${(error as Error).message}` };
  }
}

/** Quantizes a GGUF file to Q4_0 as llama.cpp's own tool does by default. */
export function quantizeGguf(sourcePath: string, targetPath: string): void {
  const found = findLlamaLibraries();
  if ("missing" in found) throw new Error(found.missing);
  // In the order in which they need each other.
  const [, ggml, llama] = ["ggml-base", "ggml", "llama"].map((name) =>
    koffi.load(libraryPath(found.folder, name), { global: true }),
  ) as [LibraryHandle, LibraryHandle, LibraryHandle];
  const Log = koffi.pointer(koffi.proto("void", ["int", "str", "void *"]));
  const Options = koffi.struct({
    threadCount: "int32",
    fileType: "int32",
    outputType: "int32",
    embeddingType: "int32",
    flags: koffi.array("bool", 8),
    // With room for what later versions add.
    pointers: koffi.array("void *", 8),
  });
  const setLog = llama.func("llama_log_set", "void", [Log, "void *"]);
  const quantize = llama.func("llama_model_quantize", "uint32", ["str", "str", koffi.pointer(Options)]);
  let errors = "";
  const log = koffi.register((level: number, text: string) => {
    if (level === errorLevel) errors += text;
  }, Log);
  setLog(log, null);
  try {
    ggml.func("ggml_backend_load_all_from_path", "void", ["str"])(found.folder);
    const defaults: object = llama.func("llama_model_quantize_default_params", Options, [])();
    const status: number = quantize(sourcePath, targetPath, { ...defaults, fileType: q40FileType });
    if (status !== 0) throw new Error(`llama.cpp could not quantize ${sourcePath}: ${errors.trim()}`);
  } finally {
    setLog(null, null);
    koffi.unregister(log);
  }
}

/** `libllama.so`, or with a version: `libllama.v0.5.0.so`. */
function libraryPath(folder: string, name: string): string {
  const pattern = new RegExp(String.raw`^(lib)?${name}(\.v[\d.]+)?\.(so|dylib|dll)$`);
  const file = readdirSync(folder).find((each) => pattern.test(each));
  if (file === undefined) throw new Error(`expected a library ${name} in ${folder}`);
  return join(folder, file);
}
