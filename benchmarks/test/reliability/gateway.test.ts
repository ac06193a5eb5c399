import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { gateway } from "../../reliability/scenarios/gateway.ts";
import { findConsul } from "../../reliability/support/consul-process.ts";
import { startWatchedDaemon } from "../../reliability/support/watched-daemon.ts";

// The scenario of ten minutes, for some seconds: a fault of each kind. `reliability/reliability gateway` runs it whole.

const program = fileURLToPath(new URL("../../../packages/backend/bin/infernode.js", import.meta.url));
const isSkipped = findConsul() === undefined;
if (isSkipped) {
  process.stderr.write(
    "the test of a gateway under faults is skipped: no consul on the path, and INFERNODE_CONSUL is not set\n",
  );
}

test.skipIf(isSkipped)(
  "no request is lost while daemons behind a gateway are killed, hung, frozen, drained and cut off",
  { timeout: 120_000 },
  async () => {
    const { figures, faults } = await gateway.run({
      isQuick: true,
      seconds: 15,
      seed: 3,
      start: async (options) => startWatchedDaemon(program, options),
    });
    expect(faults).toEqual([]);
    expect(figures["whole"]).toBeGreaterThan(0);
  },
);
