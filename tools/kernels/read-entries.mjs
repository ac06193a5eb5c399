// What a module's kernels take: names and C types of parameters from the preprocessed source, the rest from PTX.

/** Types of C that parameters can have, with the type in PTX. */
const types = new Map([
  ["int", ["int32", "u32"]],
  ["u32", ["uint32", "u32"]],
  ["unsigned", ["uint32", "u32"]],
  ["unsigned int", ["uint32", "u32"]],
  ["i64", ["int64", "u64"]],
  ["u64", ["int64", "u64"]],
  ["long long", ["int64", "u64"]],
  ["float", ["float32", "f32"]],
]);

function readParameter(kernel, text) {
  const words = text.trim().match(/^(?<type>.*?)(?<name>\w+)$/su);
  const written = words?.groups?.type ?? "";
  const name = words?.groups?.name ?? text;
  if (written.includes("*")) return { name, type: "address", ptx: "u64" };
  const known = types.get(
    written
      .replace(/\bconst\b/gu, "")
      .replace(/\s+/gu, " ")
      .trim(),
  );
  if (known === undefined) {
    throw new Error(
      `${kernel}: ${name}: expected a pointer, int, u32, i64, u64 or float, got "${written.trim()}"`,
    );
  }
  return { name, type: known[0], ptx: known[1] };
}

const declaration =
  /__attribute__\(\(global\)\) void __attribute__\(\(launch_bounds\((?<threads>[^)]*)\)\)\) (?<name>\w+)\((?<parameters>[^)]*)\)/gu;

/** Kernels of a preprocessed source: name → parameters. */
function readDeclarations(source) {
  const kernels = new Map();
  for (const { groups } of source.matchAll(declaration)) {
    const list = groups.parameters.trim();
    const parameters = list === "" ? [] : list.split(",").map((text) => readParameter(groups.name, text));
    kernels.set(groups.name, parameters);
  }
  return kernels;
}

/** Sizes of the shared arrays that a text declares; those without a size are dynamic. */
function readShared(text) {
  const arrays = new Map();
  const pattern =
    /(?<dynamic>\.extern )?\.shared \.align (?<align>\d+) \.[busf](?<bits>\d+) (?<name>[\w$]+)(?:\[(?<size>\d*)\])?;/gu;
  for (const { groups } of text.matchAll(pattern)) {
    const isDynamic = groups.dynamic !== undefined;
    arrays.set(groups.name, {
      align: Number(groups.align),
      sizeBytes: isDynamic ? undefined : (Number(groups.size ?? 1) * Number(groups.bits)) / 8,
    });
  }
  return arrays;
}

const entryPattern =
  /\.visible \.entry (?<name>[\w$]+)\((?<parameters>[^)]*)\)(?<limits>[^{]*)\{(?<body>[\s\S]*?)\n\}/gu;

/** Reads the kernels of a module: `{ name: { parameters, maxThreads, staticSharedBytes, usesDynamicShared } }`. */
export function readEntries(source, ptx) {
  const declared = readDeclarations(source);
  const global = readShared(ptx.replaceAll(entryPattern, ""));
  const entries = {};
  for (const { groups } of ptx.matchAll(entryPattern)) {
    const { name, body } = groups;
    const parameters = declared.get(name);
    const found = [...groups.parameters.matchAll(/\.param \.(\w+)/gu)].map(([, type]) => type);
    const expected = parameters?.map(({ ptx }) => ptx) ?? [];
    if (found.join() !== expected.join()) {
      throw new Error(`${name}: expected parameters ${expected.join(", ")} in PTX, got ${found.join(", ")}`);
    }
    let staticSharedBytes = 0;
    let usesDynamicShared = false;
    const used = new Set(body.match(/[\w$]+/gu));
    for (const [array, { align, sizeBytes }] of [...global, ...readShared(body)]) {
      if (!used.has(array)) continue;
      if (sizeBytes === undefined) usesDynamicShared = true;
      else staticSharedBytes = Math.ceil(staticSharedBytes / align) * align + sizeBytes;
    }
    const maxThreads = Number(/\.maxntid (\d+)/u.exec(groups.limits)?.[1]);
    if (!(maxThreads > 0)) throw new Error(`${name}: expected a limit of threads, got none`);
    entries[name] = {
      parameters: parameters.map(({ name, type }) => [name, type]),
      maxThreads,
      staticSharedBytes,
      usesDynamicShared,
    };
  }
  const missing = [...declared.keys()].filter((name) => !(name in entries));
  if (missing.length > 0) throw new Error(`expected ${missing.join(", ")} in PTX, got none`);
  return entries;
}
