import type { StoreSettings } from "../../config/config.ts";
import { BackendError } from "../../errors.ts";

/** The file of a store that is configured. */
export interface StoreProbe {
  readonly file: string;
  readonly works: boolean;
  /** Why `serve` would reject it; empty if it would not. */
  readonly reasons: readonly string[];
}

/** Checks whether the configured file can be used; `undefined` if there is none. */
export async function probeStore({ file, maxBytes }: StoreSettings): Promise<StoreProbe | undefined> {
  if (file === undefined || maxBytes === 0) return undefined;
  const { probeStoreFile } = await import("../../store/file/probe-file.ts");
  try {
    await probeStoreFile(file);
    return { file, works: true, reasons: [] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = error instanceof BackendError ? message : `the store ${file}: ${message}`;
    return { file, works: false, reasons: [reason] };
  }
}
