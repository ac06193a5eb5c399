import type { StoredTensors } from "./family.ts";

/** Where a tensor of a file is in the network. */
export interface TensorPlace {
  readonly name: string;
  readonly isTransposed: boolean;
}

/** Finds the network's name of a tensor by that in a file; `undefined` for one that is no weight. */
export function placeTensor(fileName: string, stored: StoredTensors): TensorPlace | undefined {
  const { prefix, layers, layerNames, globalNames, head, transposed, ignored } = stored;
  const inner = fileName.startsWith(`${prefix}.`) ? fileName.slice(prefix.length + 1) : fileName;
  const kind = /\.(?:weight|bias)$/.exec(inner)?.[0] ?? "";
  const stem = inner.slice(0, inner.length - kind.length);
  if (fileName === `${head}${kind}`) return { name: `lm_head${kind}`, isTransposed: false };
  if (!stem.startsWith(`${layers}.`)) {
    const name = globalNames[stem];
    return { name: name === undefined ? fileName : `model.${name}${kind}`, isTransposed: false };
  }
  const [, index, part = ""] = /^(\d+)\.(.+)$/.exec(stem.slice(layers.length + 1)) ?? [];
  if (index === undefined) return { name: fileName, isTransposed: false };
  if (ignored?.has(`${part}${kind}`) === true) return undefined;
  const name = `model.layers.${index}.${layerNames[part] ?? part}${kind}`;
  return { name, isTransposed: kind === ".weight" && transposed?.has(part) === true };
}
