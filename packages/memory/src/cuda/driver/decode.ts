/** Decodes a zero-terminated string. */
export function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Formats 16 bytes as `GPU-…` or `MIG-…`, as `nvidia-smi` does. */
export function formatUuid(prefix: "GPU" | "MIG", bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return `${prefix}-${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Formats the driver's number of a CUDA version: 13000 is `13.0`. */
export function formatCudaVersion(version: number): string {
  return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
}
