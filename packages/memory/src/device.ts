/** A device with memory: the CPU, or a GPU. */
export interface Device {
  /** `cpu`, or `cuda:0`, `cuda:1`, … */
  readonly id: string;
  readonly kind: "cpu" | "cuda";
  readonly name: string;
  readonly totalBytes: number;
  /** Free bytes now, as the system or the driver reports them. */
  freeBytes(): number;
}
