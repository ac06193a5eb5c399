/** A place where memory is: the host, or a GPU when a driver is present. */
export interface Device {
  /** `cpu`, or `cuda:0`, `cuda:1`, … */
  readonly id: string;
  readonly kind: "cpu" | "cuda";
  readonly name: string;
  readonly totalBytes: number;
  /** What the system says is free now. */
  freeBytes(): number;
}
