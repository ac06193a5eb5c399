const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Formats bytes: `512 B`, `1.50 GiB`; three significant digits, truncated, so that a size is never overstated. */
export function formatBytes(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  if (unit === 0) return `${value} B`;
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const scale = 10 ** digits;
  return `${(Math.trunc(value * scale) / scale).toFixed(digits)} ${units[unit]}`;
}
