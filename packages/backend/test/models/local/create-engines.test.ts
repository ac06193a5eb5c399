import { expect, test } from "vitest";
import { resolveConfig } from "../../../src/config/resolve/resolve-config.ts";
import { createEngines } from "../../../src/models/local/create-engines.ts";
import {
  createEngineSupervisor,
  type EngineSupervisorOptions,
} from "../../../src/models/local/engine-supervisor.ts";

test("all models share the checks of GPUs", async () => {
  const models = { one: { path: "embedded" }, two: { path: "embedded" } };
  const { config } = await resolveConfig({ file: false, overrides: { models } });
  const created: EngineSupervisorOptions[] = [];
  const { service } = createEngines(config, {
    events: { emit: () => undefined },
    createEngine: (options) => {
      created.push(options);
      return createEngineSupervisor(options);
    },
  });
  expect(created).toHaveLength(2);
  expect(created[0]?.verifyGpu).toBeTypeOf("function");
  expect(created[1]?.verifyGpu).toBe(created[0]?.verifyGpu);
  await service.dispose();
});
