import { openProcessLibrary } from "./process-library.ts";

/** Reads a variable of the process itself, which in a worker thread is another one than `process.env`'s. */
export function getNativeVariable(name: string): string | null {
  return openProcessLibrary().func("getenv", "str", ["str"])(name) as string | null;
}

/** Sets a variable of the process itself, for native code that reads it; does nothing where it is set so. */
export function setNativeVariable(name: string, value: string): void {
  // Writing while another thread reads is not safe in every C library, so it is done once.
  if (getNativeVariable(name) === value) return;
  const library = openProcessLibrary();
  if (process.platform === "win32") {
    // The C runtime keeps a copy of the system's block; its own function changes both.
    library.func("_putenv_s", "int", ["str", "str"])(name, value);
  } else {
    library.func("setenv", "int", ["str", "str", "int"])(name, value, 1);
  }
  if (getNativeVariable(name) !== value) throw new Error(`the process's variable ${name} cannot be set`);
}
