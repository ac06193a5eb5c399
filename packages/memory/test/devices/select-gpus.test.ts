import { describe, expect, it } from "vitest";
import { checkMemoryBalance, type LocalGpu, resolveVisibleGpus, selectGpus } from "../../src/index.ts";

const gibibyte = 2 ** 30;

function gpu(index: number, freeGib: number, more: Partial<LocalGpu> = {}): LocalGpu {
  const uuid = `GPU-${String(index).repeat(8)}-aaaa`;
  return {
    index,
    uuid,
    name: "H200",
    totalBytes: 140 * gibibyte,
    freeBytes: freeGib * gibibyte,
    utilization: 0,
    ...more,
  };
}

const four = [
  gpu(0, 20, { utilization: 0.9 }),
  gpu(1, 80, { utilization: 0.5 }),
  gpu(2, 120, { utilization: 0.6 }),
  gpu(3, 60, { utilization: 0.1, totalBytes: 64 * gibibyte }),
];
const split = gpu(4, 0, {
  isMigEnabled: true,
  migInstances: [
    {
      uuid: "MIG-5c1f-1",
      gpuInstanceId: 1,
      computeInstanceId: 0,
      totalBytes: 20 * gibibyte,
      freeBytes: 19 * gibibyte,
    },
    {
      uuid: "MIG-5c2e-2",
      gpuInstanceId: 2,
      computeInstanceId: 0,
      totalBytes: 40 * gibibyte,
      freeBytes: 39 * gibibyte,
    },
  ],
});

describe("selectGpus", () => {
  it.each([
    ["most-free", [2, 1]],
    ["least-utilized", [3, 1]],
    ["packed", [3, 1]],
    ["spread", [3, 2]],
  ] as const)("selects GPUs by the policy %s", (policy, expected) => {
    const { gpus } = selectGpus({ count: 2, requiredBytes: 30 * gibibyte, policy, devices: four });
    expect(gpus.map(({ index }) => index)).toEqual(expected);
  });

  it("selects the GPU with the most free memory by default, and returns its UUID for a child process", () => {
    const { gpus, visibleDevices, balance } = selectGpus({ count: 1, requiredBytes: 0, devices: four });
    expect(gpus).toEqual([four[2]]);
    expect(visibleDevices).toBe("GPU-22222222-aaaa");
    expect(balance.valid).toBe(true);
  });

  it("breaks ties by index, and does not change its input", () => {
    const equal = [gpu(3, 10), gpu(1, 10), gpu(2, 10)];
    const { gpus } = selectGpus({ count: 3, requiredBytes: gibibyte, devices: equal });
    expect(gpus.map(({ index }) => index)).toEqual([1, 2, 3]);
    expect(equal.map(({ index }) => index)).toEqual([3, 1, 2]);
  });

  it("selects visible GPUs only", () => {
    const options = {
      count: 1,
      requiredBytes: gibibyte,
      devices: four,
      env: { CUDA_VISIBLE_DEVICES: "3,0" },
    };
    expect(selectGpus(options).gpus[0]?.index).toBe(3);
  });

  it("returns the balance of the selected GPUs", () => {
    const { balance } = selectGpus({
      count: 3,
      requiredBytes: 30 * gibibyte,
      devices: four,
      balanceThreshold: 0.5,
    });
    expect(balance).toEqual({
      valid: true,
      ratio: 0.5,
      message:
        "GPU-33333333-aaaa has 60.0 GiB free, GPU-22222222-aaaa 120 GiB: a ratio of 0.50, at least 0.5",
    });
  });

  it("refuses with the free memory of each visible GPU", () => {
    const options = {
      count: 2,
      requiredBytes: 70 * gibibyte,
      devices: four,
      env: { CUDA_VISIBLE_DEVICES: "0,1,9,2" },
    };
    expect(() => selectGpus(options)).toThrow(
      expect.objectContaining({
        code: "NOT_ENOUGH_DEVICES",
        message:
          "expected 2 GPUs with 70.0 GiB free each, got 1 of 2 visible and 4 present; " +
          'free: GPU-00000000-aaaa (H200) 20.0 GiB, GPU-11111111-aaaa (H200) 80.0 GiB; entries of CUDA_VISIBLE_DEVICES without effect: "9,2"',
      }),
    );
  });

  it.each([
    { count: 0 },
    { count: 1.5 },
    { requiredBytes: -1 },
    { requiredBytes: Number.NaN },
    { policy: "best" as "packed" },
  ])("refuses %o", (options) => {
    expect(() => selectGpus({ count: 1, requiredBytes: 0, devices: four, ...options })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});

describe("instances of GPUs in MIG mode", () => {
  const select = (count: number, devices: readonly LocalGpu[], list?: string): string =>
    selectGpus({ count, requiredBytes: 0, devices, env: { CUDA_VISIBLE_DEVICES: list } }).visibleDevices;

  it("are selected like GPUs, and several of them where there are no whole GPUs", () => {
    expect(select(1, [split])).toBe("MIG-5c2e-2");
    expect(select(1, [gpu(0, 20), split])).toBe("MIG-5c2e-2");
    expect(select(1, [gpu(0, 40), split])).toBe("GPU-00000000-aaaa");
    expect(select(2, [gpu(0, 20), split, gpu(1, 10)])).toBe("GPU-00000000-aaaa,GPU-11111111-aaaa");
    expect(select(2, [split])).toBe("MIG-5c2e-2,MIG-5c1f-1");
    expect(() => select(3, [split])).toThrow("got 2 of 2 visible and 1 present");
    expect(() =>
      selectGpus({ count: 2, requiredBytes: 0, devices: [split], driverVersion: "550.54.15" }),
    ).toThrow("got 1 of 1 visible and 1 present");
  });

  it("are not more than a list has", () => {
    expect(select(1, [gpu(0, 40), split], "1")).toBe("MIG-5c1f-1");
    expect(select(1, [gpu(0, 40), split], "0")).toBe("GPU-00000000-aaaa");
    expect(select(2, [gpu(0, 40), split], "0,2,1")).toBe("GPU-00000000-aaaa,MIG-5c2e-2");
    const env = { CUDA_VISIBLE_DEVICES: "0,4" };
    const devices = [gpu(0, 40), split];
    expect(() =>
      selectGpus({ count: 2, requiredBytes: 0, devices, env, driverVersion: "550.54.15" }),
    ).toThrow(
      'got 1 of 1 visible and 2 present; free: MIG-5c1f-1 (H200) 19.0 GiB; entries of CUDA_VISIBLE_DEVICES without effect: "0"',
    );
  });
});

describe("resolveVisibleGpus", () => {
  const devices = [...four, split];
  const before = "550.54.15";
  const namesOf = (gpus: readonly LocalGpu[]): readonly string[] =>
    gpus.map(({ uuid, index }) => (uuid.startsWith("MIG-") ? uuid : String(index)));
  const seen = (value: string | undefined, driverVersion?: string): readonly string[] =>
    namesOf(resolveVisibleGpus(devices, value, driverVersion).gpus);

  it.each([
    ["", []],
    ["2,0", ["2", "0"]],
    [" 2 , 0 ", ["2", "0"]],
    ["0,2,-1,1", ["0", "2"]],
    ["0,7,1", ["0"]],
    ["0,,1", ["0"]],
    ["-1", []],
    ["none", []],
    ["1gpu,2x", ["1", "2"]],
    ["0,0", []],
    ["0,1,0", []],
    ["GPU-11111111-aaaa", ["1"]],
    ["GPU-2,GPU-1", ["2", "1"]],
    ["GPU-,GPU-1", []],
    ["GPU-1,2", ["1"]],
    ["GPU-1,GPU-9,GPU-2", ["1"]],
    ["GPU-1,GPU-11111111-aaaa", []],
    ["0,GPU-1", ["0"]],
    ["MIG-5c2e-2", ["MIG-5c2e-2"]],
    ["MIG-5c1", ["MIG-5c1f-1"]],
    ["MIG-5c", []],
    ["MIG-GPU-44444444-aaaa/2/0", ["MIG-5c2e-2"]],
    ["MIG-GPU-44444444-aaaa/2/1", []],
    ["MIG-5c1,0", ["MIG-5c1f-1"]],
    ["4", ["MIG-5c1f-1"]],
    ["4,4", []],
    ["MIG-5c1f-1,MIG-5c1", []],
  ])("resolves %o as CUDA does", (value, expected) => {
    expect(seen(value)).toEqual(expected);
    expect(seen(value, before)).toEqual(expected);
  });

  it.each([
    [undefined, ["0", "1", "2", "3", "MIG-5c1f-1", "MIG-5c2e-2"], ["MIG-5c1f-1"]],
    ["MIG-5c2,MIG-5c1", ["MIG-5c2e-2", "MIG-5c1f-1"], ["MIG-5c2e-2"]],
    ["0,4", ["0", "MIG-5c1f-1"], ["MIG-5c1f-1"]],
    ["5,0", ["MIG-5c2e-2", "0"], []],
    ["0,4,7,1", ["0", "MIG-5c1f-1"], ["MIG-5c1f-1"]],
    ["GPU-0,GPU-4", ["0", "MIG-5c1f-1"], ["MIG-5c1f-1"]],
  ])("resolves %o as the driver does since R570, and as before", (value, since, earlier) => {
    for (const version of [undefined, "570.124.06", "580.65.06"]) expect(seen(value, version)).toEqual(since);
    for (const version of ["525.60.13", before]) expect(seen(value, version)).toEqual(earlier);
  });

  const empty = gpu(5, 0, { isMigEnabled: true });
  it.each([
    ["all GPUs without one in MIG mode", four, ["0", "1", "2", "3"]],
    ["instances where all are in MIG mode", [split], ["MIG-5c1f-1", "MIG-5c2e-2"]],
    ["those of the GPUs that have some", [empty, split], ["MIG-5c1f-1", "MIG-5c2e-2"]],
    ["nothing of a GPU in MIG mode that has no instance", [{ ...split, migInstances: [] }], []],
    ["what is left beside such a GPU", [{ ...split, migInstances: [] }, gpu(1, 80)], ["1"]],
    ["an instance that the driver lists", [gpu(0, 9, { uuid: "MIG-5c1f-1" })], ["MIG-5c1f-1"]],
  ])("without a list has %s", (_, all, expected) => {
    const { gpus, ignoredEntries } = resolveVisibleGpus(all, undefined);
    expect(namesOf(gpus)).toEqual(expected);
    expect(ignoredEntries).toEqual([]);
    const one = expected.find((name) => name.startsWith("MIG-"));
    expect(namesOf(resolveVisibleGpus(all, undefined, before).gpus)).toEqual(
      one === undefined ? expected : [one],
    );
  });

  it("has one compute instance of a GPU instance: the first of the list, or of all", () => {
    const computeInstances = ["MIG-a", "MIG-b", "MIG-c"].map((uuid, computeInstanceId) => ({
      uuid,
      gpuInstanceId: uuid === "MIG-c" ? 2 : 1,
      computeInstanceId,
      totalBytes: gibibyte,
      freeBytes: gibibyte,
    }));
    const shared = gpu(0, 0, { isMigEnabled: true, migInstances: computeInstances });
    expect(namesOf(resolveVisibleGpus([shared], undefined).gpus)).toEqual(["MIG-a", "MIG-c"]);
    const { gpus, ignoredEntries } = resolveVisibleGpus([shared], "MIG-b,MIG-a,MIG-c,MIG-d");
    expect(namesOf(gpus)).toEqual(["MIG-b", "MIG-c"]);
    expect(ignoredEntries).toEqual(["MIG-a", "MIG-d"]);
  });

  it("finds an instance that the driver lists by its UUID", () => {
    const listed = gpu(0, 9, { uuid: "MIG-5c1f-1" });
    expect(resolveVisibleGpus([listed], "MIG-5c1").gpus).toEqual([listed]);
  });

  it("has the memory of an instance, not that of its GPU", () => {
    expect(resolveVisibleGpus(devices, "MIG-5c2").gpus).toEqual([
      expect.objectContaining({
        uuid: "MIG-5c2e-2",
        totalBytes: 40 * gibibyte,
        freeBytes: 39 * gibibyte,
        isMigEnabled: false,
      }),
    ]);
  });

  it("returns the ignored entries", () => {
    expect(resolveVisibleGpus(devices, "0,x,1").ignoredEntries).toEqual(["x", "1"]);
    expect(resolveVisibleGpus(devices, "0,0").ignoredEntries).toEqual(["0", "0"]);
    expect(resolveVisibleGpus(devices, "").ignoredEntries).toEqual([]);
    expect(resolveVisibleGpus(devices, "0,4,1").ignoredEntries).toEqual([]);
    expect(resolveVisibleGpus(devices, "0,4,1", before).ignoredEntries).toEqual(["0", "1"]);
    for (const version of [undefined, before]) {
      expect(resolveVisibleGpus(devices, "MIG-5c1,0", version).ignoredEntries).toEqual(["0"]);
    }
  });
});

describe("checkMemoryBalance", () => {
  it.each([
    [[], 1, true],
    [[10], 1, true],
    [[10, 10], 1, true],
    [[7, 10], 0.7, false],
    [[8, 10, 9], 0.8, true],
    [[0, 10], 0, false],
    [[0, 0], 1, true],
  ])("compares %o GiB", (free, ratio, valid) => {
    const result = checkMemoryBalance(free.map((gib, index) => gpu(index, gib)));
    expect(result).toMatchObject({ ratio, valid });
  });

  it("refuses a threshold outside of 0 to 1", () => {
    expect(() => checkMemoryBalance(four, 1.1)).toThrow(/threshold: expected a number in \[0, 1\], got 1.1/);
  });
});
