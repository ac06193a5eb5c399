import { expect, test } from "vitest";
import { systemRouterClock } from "../../../src/gateway/routing/router-options.ts";

test("calls back when the time is over, never before: what waits for that moment is called back once", async () => {
  const times = Array.from({ length: 50 }, (_, index) => 3 + index / 7);
  const early = await Promise.all(
    times.map(
      (ms) =>
        new Promise<number>((resolve) => {
          const endMs = systemRouterClock.now() + ms;
          systemRouterClock.after(ms, () => resolve(endMs - systemRouterClock.now()));
        }),
    ),
  );
  expect(Math.max(...early)).toBeLessThanOrEqual(0);
});
