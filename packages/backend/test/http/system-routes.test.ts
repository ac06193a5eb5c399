import { expect, test } from "vitest";
import { startServer, systemDevices } from "./start-server.ts";

test("tells the memory and the GPUs of the machine, or in one line why there is none", async () => {
  await using server = await startServer();
  const response = await fetch(`${server.url}/v1/system/devices`);
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toEqual({
    memory: systemDevices.memory,
    gpus: { reason: "no NVIDIA driver", gpus: [], problems: [] },
  });
});
