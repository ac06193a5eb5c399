import type { RowSampling } from "../../../src/index.ts";

/** Takes the likeliest tokens of so many rows. [ids of up to 9] */
export function samplingOf(rowCount: number, part: Partial<RowSampling> = {}): RowSampling {
  return {
    isSampled: new Uint8Array(rowCount).fill(1),
    temperatures: new Float64Array(rowCount),
    exponentFloors: new Float64Array(rowCount).fill(-50),
    topKs: new Int32Array(rowCount),
    topPs: new Float64Array(rowCount).fill(1),
    uniforms: new Float64Array(rowCount),
    tokenCount: 9,
    ...part,
  };
}
