import type { Block } from "./nodes.ts";

/** Which of some names a block uses, macros in it aside. */
export function namesIn(block: Block, wanted: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const open: unknown[] = [block];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== "object" || node === null) continue;
    if (Array.isArray(node)) {
      for (const item of node) if (item !== undefined) open.push(item);
      continue;
    }
    const { kind, name } = node as { readonly kind?: unknown; readonly name?: unknown };
    if (kind === "macro" || kind === "call-block" || kind === "constant") {
      if (kind === "call-block") open.push((node as { readonly call?: unknown }).call);
      continue;
    }
    if (kind === "name" && typeof name === "string" && wanted.includes(name)) found.add(name);
    for (const part of Object.values(node)) if (part !== undefined) open.push(part);
  }
  return found;
}
