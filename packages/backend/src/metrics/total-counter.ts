import type { Recorder } from "@infernode/health";

/** Updates a counter from totals. A total below the previous one means that its source restarted from zero. */
export function createTotalCounter(add: Recorder): (total: number) => void {
  let lastTotal = 0;
  return (total) => {
    const increase = total >= lastTotal ? total - lastTotal : total;
    lastTotal = total;
    if (increase > 0) add(increase);
  };
}
