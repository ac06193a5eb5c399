import { readFileSync } from "node:fs";

/** Whose instructions add products of 8-bit integers in 32 bits. */
const exactFlags = /\b(?:avx512_vnni|avx_vnni)\b/;

/** What is known of the processor. */
export interface ProcessorInfo {
  readonly architecture: string;
  /** Text of `/proc/cpuinfo`; `undefined` where there is none. */
  readonly flags: string | undefined;
}

/**
 * Whether the runtime's products of integers without a sign and with one are exact. On x86 processors without VNNI
 * they add pairs in 16 bits, which overflow; products of integers without a sign are exact on all, and slower.
 */
export function hasExactMixedSums({ architecture, flags }: ProcessorInfo = readProcessor()): boolean {
  return architecture !== "x64" || (flags !== undefined && exactFlags.test(flags));
}

function readProcessor(): ProcessorInfo {
  try {
    return { architecture: process.arch, flags: readFileSync("/proc/cpuinfo", "utf8") };
  } catch {
    return { architecture: process.arch, flags: undefined };
  }
}
