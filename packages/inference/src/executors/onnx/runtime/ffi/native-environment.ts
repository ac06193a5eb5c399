import { openProcessLibrary } from "./process-library.ts";

/** Reads an environment variable of the process: in a worker thread `process.env` is a copy. */
export function getNativeVariable(name: string): string | null {
  return openProcessLibrary().func("getenv", "str", ["str"])(name) as string | null;
}

/** Sets an environment variable of the process, for native code, unless it has the value. */
export function setNativeVariable(name: string, value: string): void {
  // Not every C library is safe when one thread writes while another reads: write once.
  if (getNativeVariable(name) === value) return;
  const library = openProcessLibrary();
  if (process.platform === "win32") {
    // The C runtime keeps a copy of the system's environment; its own function changes both.
    library.func("_putenv_s", "int", ["str", "str"])(name, value);
  } else {
    library.func("setenv", "int", ["str", "str", "int"])(name, value, 1);
  }
  if (getNativeVariable(name) !== value) throw new Error(`the environment variable ${name} cannot be set`);
}
