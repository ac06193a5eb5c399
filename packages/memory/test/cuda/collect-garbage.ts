import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const roundCount = 50;

/** Collects garbage until the condition holds; throws after many rounds. */
export async function collectUntil(isDone: () => boolean): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; !isDone(); round += 1) {
    if (round === roundCount) throw new Error(`something is still held after ${roundCount} collections`);
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
