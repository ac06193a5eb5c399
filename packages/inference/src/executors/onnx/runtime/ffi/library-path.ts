import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** The shared library in the onnxruntime-node package. */
export interface OnnxLibrary {
  readonly path: string;
  /** Of the package and of the library. */
  readonly version: string;
}

const libraryName: Partial<Record<NodeJS.Platform, RegExp>> = {
  linux: /^libonnxruntime\.so(\.\d+)*$/,
  darwin: /^libonnxruntime(\.\d+)*\.dylib$/,
  win32: /^onnxruntime\.dll$/,
};

/**
 * Finds the library that onnxruntime-node ships for a platform, or returns why there is none. It is the file that the
 * package's binding loads, so that both share one copy in a process.
 */
export function findOnnxLibrary(
  platform: NodeJS.Platform = process.platform,
  arch: string = process.arch,
): OnnxLibrary | { readonly reason: string } {
  const pattern = libraryName[platform];
  if (pattern === undefined) return { reason: `onnxruntime-node has no library for ${platform}` };
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  } catch {
    return { reason: "the package onnxruntime-node is not installed" };
  }
  const binDirectory = path.join(path.dirname(manifest), "bin");
  for (const napi of listDirectory(binDirectory).toSorted().toReversed()) {
    const directory = path.join(binDirectory, napi, platform, arch);
    const [name] = listDirectory(directory)
      .filter((file) => pattern.test(file))
      .toSorted((a, b) => a.length - b.length);
    if (name !== undefined) return { path: path.join(directory, name), version: readVersion(manifest) };
  }
  return { reason: `onnxruntime-node has no library for ${platform}-${arch}` };
}

function listDirectory(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function readVersion(manifest: string): string {
  const content: unknown = JSON.parse(readFileSync(manifest, "utf8"));
  const version =
    typeof content === "object" && content !== null && "version" in content ? content.version : "";
  return String(version);
}
