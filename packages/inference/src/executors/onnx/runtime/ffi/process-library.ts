import koffi from "koffi";
import { ensureStack } from "./native-stack.ts";

/** The C library of this process, as far as the platform lets one name it. */
export function openProcessLibrary(): ReturnType<typeof koffi.load> {
  // The first library that koffi loads fixes the stack of native calls.
  ensureStack();
  return koffi.load(process.platform === "win32" ? "ucrtbase.dll" : null);
}
