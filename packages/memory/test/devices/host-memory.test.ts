import { describe, expect, it } from "vitest";
import { createCpuDevice, type Device, listDevices, readHostMemory, probeDevices } from "../../src/index.ts";

const gib = 2 ** 30;
const system = { totalBytes: 64 * gib, freeBytes: 40 * gib };

function read(files: Readonly<Record<string, string>>): ReturnType<typeof readHostMemory> {
  return readHostMemory({ readTextFile: (path) => files[path], system });
}

describe("readHostMemory", () => {
  it("reads the machine where nothing limits it", () => {
    expect(read({})).toEqual({ ...system, limitedBy: "system" });
    expect(read({ "/sys/fs/cgroup/memory.max": "max\n" })).toEqual({ ...system, limitedBy: "system" });
  });

  it("reads the limit of a container with its own group namespace", () => {
    const files = {
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": `${8 * gib}\n`,
      "/sys/fs/cgroup/memory.current": `${5 * gib}\n`,
      "/sys/fs/cgroup/memory.stat": `anon 1\ninactive_file ${2 * gib}\nactive_file 7\n`,
    };
    expect(read(files)).toEqual({ totalBytes: 8 * gib, freeBytes: 5 * gib, limitedBy: "cgroup-v2" });
  });

  it("uses the lowest limit of all parent groups", () => {
    const files = {
      "/proc/self/cgroup": "0::/kube.slice/pod.slice/app\n",
      "/sys/fs/cgroup/kube.slice/pod.slice/app/memory.max": "max\n",
      "/sys/fs/cgroup/kube.slice/pod.slice/memory.max": `${16 * gib}\n`,
      "/sys/fs/cgroup/kube.slice/pod.slice/memory.current": `${gib}\n`,
      "/sys/fs/cgroup/kube.slice/memory.max": `${32 * gib}\n`,
      "/sys/fs/cgroup/kube.slice/memory.current": `${30 * gib}\n`,
    };
    expect(read(files)).toEqual({ totalBytes: 16 * gib, freeBytes: 2 * gib, limitedBy: "cgroup-v2" });
  });

  it("reads cgroup v1", () => {
    const files = {
      "/proc/self/cgroup": "12:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n",
      "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": `${4 * gib}\n`,
      "/sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes": `${3 * gib}\n`,
      "/sys/fs/cgroup/memory/docker/x/memory.stat": `total_inactive_file ${gib}\n`,
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    };
    expect(read(files)).toEqual({ totalBytes: 4 * gib, freeBytes: 2 * gib, limitedBy: "cgroup-v1" });
  });

  it("reads the mount where cgroup v1 names a folder of the host", () => {
    const files = {
      "/proc/self/cgroup": "4:memory:/docker/not-mounted-here\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${2 * gib}`,
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${3 * gib}`,
    };
    expect(read(files)).toEqual({ totalBytes: 2 * gib, freeBytes: 0, limitedBy: "cgroup-v1" });
  });

  it("reports no more than the machine has free", () => {
    const files = { "/sys/fs/cgroup/memory.max": `${60 * gib}`, "/sys/fs/cgroup/memory.current": "0" };
    expect(read(files).freeBytes).toBe(40 * gib);
  });

  it("does not follow a group path out of its root", () => {
    const paths: string[] = [];
    readHostMemory({
      system,
      readTextFile(path) {
        paths.push(path);
        return path === "/proc/self/cgroup" ? "0::/../../etc\n" : undefined;
      },
    });
    expect(paths.filter((path) => path.includes(".."))).toEqual([]);
  });

  it("reads this machine", () => {
    const memory = readHostMemory();
    expect(memory.totalBytes).toBeGreaterThan(0);
    expect(memory.freeBytes).toBeGreaterThan(0);
    expect(memory.freeBytes).toBeLessThanOrEqual(memory.totalBytes);
  });
});

describe("listDevices", () => {
  const gpu: Device = { id: "cuda:0", kind: "cuda", name: "H200", totalBytes: 1, freeBytes: () => 1 };
  const cpu = createCpuDevice({ name: "a CPU", readMemory: () => ({ ...system, limitedBy: "system" }) });

  it("lists the CPU first, then what each probe finds", () => {
    const probes = [{ name: "cuda", probe: () => ({ devices: [gpu] }) }];
    expect(listDevices({ cpu, probes }).map(({ id }) => id)).toEqual(["cpu", "cuda:0"]);
  });

  it("says why a probe found nothing", () => {
    const probes = [{ name: "cuda", probe: () => ({ devices: [], unavailableReason: "no driver" }) }];
    expect(probeDevices({ cpu, probes })).toEqual({
      devices: [cpu],
      unavailable: [{ probe: "cuda", reason: "no driver" }],
    });
  });

  it("describes this machine", () => {
    const [device] = listDevices();
    expect(device).toMatchObject({ id: "cpu", kind: "cpu" });
    expect(device?.name).not.toBe("");
    expect(device?.freeBytes()).toBeGreaterThan(0);
  });

  it("reads the free memory at each call", () => {
    let freeBytes = 10;
    const device = createCpuDevice({
      readMemory: () => ({ totalBytes: 20, freeBytes, limitedBy: "system" }),
    });
    expect(device.freeBytes()).toBe(10);
    freeBytes = 5;
    expect(device.freeBytes()).toBe(5);
  });
});
