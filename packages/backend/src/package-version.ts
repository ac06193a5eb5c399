import { createRequire } from "node:module";

function readVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)("../package.json");
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest && manifest.version;
  return typeof version === "string" ? version : "0.0.0";
}

/** This package's version. */
export const packageVersion: string = readVersion();
