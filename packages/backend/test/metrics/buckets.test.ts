import { expect, test } from "vitest";
import { oneTwoFiveBuckets } from "../../src/metrics/buckets.ts";

test.each([
  [1, [1]],
  [4, [1, 2]],
  [100, [1, 2, 5, 10, 20, 50, 100]],
  [2048, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]],
])("counts by 1, 2, 5 up to %d", (limit, buckets) => {
  expect(oneTwoFiveBuckets(limit)).toEqual(buckets);
});
