import { createRequire } from "node:module";

/** Loads prom-client where the first metric is made: a program without metrics does not wait for its 80 files. */
export function promClient(): typeof import("prom-client") {
  return createRequire(import.meta.url)("prom-client") as typeof import("prom-client");
}
