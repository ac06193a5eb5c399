import { readFileSync } from "node:fs";

/** Ticks of `/proc/<pid>/stat`, which every Linux has as 100 a second. */
const ticksPerSecond = 100;

/** Seconds of processor that a process used, in user and system mode. @see man 5 proc for the fields */
export function readProcessSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name of the program, in parentheses, may have spaces.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
