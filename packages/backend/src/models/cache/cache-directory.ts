import { homedir } from "node:os";
import { join } from "node:path";

/** Where quantized weights are kept by default: in the user's cache directory, as the system names it. */
export function defaultCacheDirectory(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: localAppData } = environment;
  const home = environment["HOME"] ?? homedir();
  const caches =
    platform === "win32"
      ? (localAppData ?? join(home, "AppData", "Local"))
      : platform === "darwin"
        ? join(home, "Library", "Caches")
        : xdg !== undefined && xdg.startsWith("/")
          ? xdg
          : join(home, ".cache");
  return join(caches, "infernode", "weights");
}
