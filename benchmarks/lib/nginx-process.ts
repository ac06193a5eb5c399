import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "./daemon-process.ts";

/** nginx as a reverse proxy, in one process. */
export interface NginxProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly version: string;
}

/** The version of nginx on this machine; `undefined` where there is none. */
export function nginxVersion(): string | undefined {
  const { stderr } = spawnSync("nginx", ["-v"], { encoding: "utf8" });
  return /nginx\/([\d.]+)/.exec(stderr ?? "")?.[1];
}

function configOf(directory: string, port: number, backendPort: number): string {
  return `
daemon off; master_process off; error_log ${directory}/error.log; pid ${directory}/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/a; uwsgi_temp_path ${directory}/b; scgi_temp_path ${directory}/c;
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 128; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}

/** Starts nginx before a backend. */
export async function startNginx(backendPort: number): Promise<NginxProcess> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-nginx-"));
  const port = await findFreePort();
  const path = join(directory, "nginx.conf");
  await writeFile(path, configOf(directory, port, backendPort));
  const child = spawn("nginx", ["-p", directory, "-c", path], { stdio: ["ignore", "ignore", "inherit"] });
  const exited = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  const isUp = (): Promise<boolean> =>
    fetch(`${url}/v1/models`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isUp())) {
    if (child.exitCode !== null) throw new Error(`nginx exited with ${child.exitCode}`);
    await sleep(10);
  }
  return {
    url,
    pid: child.pid ?? 0,
    version: nginxVersion() ?? "unknown",
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exited;
      await rm(directory, { recursive: true });
    },
  };
}
