import { bytes, integer, text } from "./setting-kinds.ts";
import type { Setting } from "./setting.ts";

/** Those of the store of responses and conversations. */
export const storeSettings: readonly Setting[] = [
  {
    path: "store.file",
    kind: text("a file", "<file>"),
    default: undefined,
    flag: "store",
    description:
      "file in which responses and conversations are kept; by default they are kept in memory, until the daemon ends",
    isPath: true,
  },
  {
    path: "store.maxBytes",
    kind: bytes(0),
    default: undefined,
    flag: "store-limit",
    description:
      "size of what is kept; the least recently used responses and conversations are deleted to keep it; " +
      "by default 64 MiB in memory and 1 GiB in a file; 0 keeps nothing",
  },
  {
    path: "store.retentionHours",
    kind: integer(1, 876_000),
    default: 720,
    flag: "store-retention",
    description: "responses and conversations that are not used for this many hours are deleted",
  },
];
