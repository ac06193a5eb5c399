import type { Recorder } from "@infernode/health";

/** Feeds a counter from totals; a total below the last one means that its source started again from zero. */
export function createTotalCounter(add: Recorder): (total: number) => void {
  let lastTotal = 0;
  return (total) => {
    const increase = total >= lastTotal ? total - lastTotal : total;
    lastTotal = total;
    if (increase > 0) add(increase);
  };
}
