import { expect, test } from "vitest";
import { createConsulDiscovery, type ConsulDiscoveryOptions } from "../../src/consul/index.ts";
import { retryDelayMs } from "../../src/consul/retry.ts";

const invalid: readonly (readonly [options: object, message: string])[] = [
  [{ adress: "x" }, "adress: expected an option among"],
  [{ url: "consul:8500" }, "url: expected an http or https URL"],
  [{ url: "http://user:secret@consul:8500" }, 'got "http://consul:8500/"'],
  [{ token: "" }, "got an empty string"],
  [{ token: "a secret\n" }, "got one of 9 characters"],
  [{ ttlMs: 99 }, "ttlMs: expected milliseconds from 100"],
  [{ criticalTimeoutMs: 1000 }, "criticalTimeoutMs: expected milliseconds from 60000"],
  [{ waitMs: 600_001 }, "waitMs: expected milliseconds from 1 to 600000"],
  [{ retry: { minMs: 10, maxMs: 5 } }, "retry.maxMs: expected at least retry.minMs, 10, got 5"],
];

test.each(invalid)("refuses %j", (options, message) => {
  expect(() => createConsulDiscovery(options as ConsulDiscoveryOptions)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(message) }),
  );
  expect(() => createConsulDiscovery(options as ConsulDiscoveryOptions)).not.toThrow(/secret/);
});

test("delays double up to the longest, half of each at random", () => {
  const delays = { minMs: 500, maxMs: 30_000 };
  const [shortest, longest] = [0, 1].map((part) =>
    [1, 2, 3, 7, 1000].map((count) => retryDelayMs(count, { ...delays, random: () => part })),
  );
  expect(longest).toEqual([500, 1000, 2000, 30_000, 30_000]);
  expect(shortest).toEqual([250, 500, 1000, 15_000, 15_000]);
});
