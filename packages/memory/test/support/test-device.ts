import type { Device } from "../../src/index.ts";

/** A CPU with 256 MiB, all free. */
export const testDevice: Device = {
  id: "cpu",
  kind: "cpu",
  name: "a CPU",
  totalBytes: 2 ** 28,
  freeBytes: () => 2 ** 28,
};
