// Loading modules, and what launches cost.
import assert from "node:assert/strict";
import { cuda, inference, withDevice, withPool } from "../session.mjs";
import { missingKernels, moduleNames, readModule, summarize, withKernels } from "./kernel-device.mjs";

/** Loads every module, as at a start; the driver compiles what it has not cached. */
export async function loadModules(options) {
  const skipped = missingKernels(options);
  if (skipped !== undefined) return skipped;
  return withDevice(options, async (device) => {
    const sources = await Promise.all(moduleNames.map(readModule));
    const spilled = [];
    const kernels = {};
    let milliseconds = 0;
    for (const source of sources) {
      const startedAt = performance.now();
      const module = cuda.loadCudaModule(device, source);
      const names = Object.keys(source.manifest.entries);
      const functions = names.map((name) => module.function(name));
      milliseconds += performance.now() - startedAt;
      for (const each of functions) {
        const attributes = each.attributes();
        kernels[each.name] = attributes;
        if (attributes.localBytes > 0) spilled.push(`${each.name}: ${attributes.localBytes} bytes`);
      }
      module.dispose();
    }
    const what = `all ${moduleNames.length} modules loaded`;
    return { figures: [{ what, value: milliseconds, unit: "ms" }], kernels, spilled };
  });
}

/** A launch from JavaScript, a node of a graph, and a graph of one node. */
export function measureLaunches(options) {
  const skipped = missingKernels(options);
  if (skipped !== undefined) return skipped;
  return withKernels(options, ["empty"], (kernels) => {
    const { stream, functionOf, timeMicroseconds } = kernels;
    const empty = functionOf("empty");
    const geometry = { grid: 1, block: 32, stream };
    const count = options.tiny ? 20 : 300;
    const calls = [];
    for (let round = 0; round < (options.tiny ? 2 : 21); round += 1) {
      const startedAt = performance.now();
      for (let index = 0; index < count; index += 1) empty.launch(geometry);
      calls.push(((performance.now() - startedAt) * 1000) / count);
      stream.synchronizeBlocking();
    }
    const launch = summarize(calls);
    const node = timeMicroseconds(count, () => empty.launch(geometry));
    const whole = timeMicroseconds(1, () => empty.launch(geometry), { rounds: options.tiny ? 2 : 51 });
    assert.ok(stream.isIdle());
    return {
      figures: [
        { what: "cuLaunchKernel from JavaScript", value: launch.median, spread: launch.spread, unit: "µs" },
        { what: `a node of a graph of ${count}`, value: node.median, spread: node.spread, unit: "µs" },
        {
          what: "a graph of one node, until it has run",
          value: whole.median,
          spread: whole.spread,
          unit: "µs",
        },
      ],
    };
  });
}

/** Copies within the device: the most that its memory gives, counting reads and writes. */
export function measureCopy(options) {
  return withDevice(options, (device) =>
    withPool({ device, events: { emit() {} } }, (pool) => {
      const speed = inference.measureCopies({ pool, sizeBytes: options.tiny ? 4096 : 2 ** 30 });
      const what = "copy on the device, reads and writes";
      return { figures: [{ what, value: speed.bytesPerSecond / 1e12, spread: speed.spread, unit: "TB/s" }] };
    }),
  );
}

/** Every kernel once, compared with the values that are shipped. */
export function checkStoredValues(options) {
  const skipped = missingKernels(options);
  if (skipped !== undefined) return skipped;
  return withDevice(options, (device) =>
    withPool({ device, events: { emit() {} } }, async (pool) => {
      const checks = await inference.checkKernels({ pool });
      const wrong = checks.filter(({ isWithin }) => !isWithin);
      assert.deepEqual(wrong, []);
      return {
        checks: checks.map(({ kernel, deviation, tolerance }) => ({
          what: kernel,
          error: deviation,
          limit: tolerance,
        })),
      };
    }),
  );
}
