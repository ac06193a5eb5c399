import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanEnvironment } from "../../e2e/support/cli-path.ts";

/** What a program and its children did. */
export interface Traces {
  readonly output: string;
  /** Below its home, cache, temporary and working folders, which were empty. */
  readonly files: readonly string[];
  /** Datagrams and connections to other than this machine; `undefined` where they cannot be watched. */
  readonly traffic: readonly string[] | undefined;
}

export interface WatchOptions {
  /** [empty] */
  readonly input?: string;
  /** SIGTERM after this long. [it ends by itself] */
  readonly stopAfterMs?: number;
}

/** Stops the process at the calls that are watched alone, where this strace can: several times as fast. */
const filter: readonly string[] =
  spawnSync("strace", ["-f", "--seccomp-bpf", "-o", "/dev/null", "true"]).status === 0
    ? ["--seccomp-bpf"]
    : [];

/** Why system calls cannot be watched here; `undefined` where they can. */
export const noTrace: string | undefined = (() => {
  const probe = spawnSync("strace", ["-o", "/dev/null", "true"]);
  if (probe.error !== undefined) return "strace is not installed";
  return probe.status === 0 ? undefined : "strace may not trace here";
})();

/** A call to another machine, or to a resolver, wherever that is. */
const isOutside = (line: string): boolean =>
  /AF_INET6?, .*(?:inet_addr|inet_pton)/.test(line) &&
  (/htons\(53\)/.test(line) || !/"127\.|"::1"|"0\.0\.0\.0"|"::"/.test(line));

/** Runs Node.js with empty folders of its own and notes what it leaves there and whom it calls. */
export async function watchProcess(args: readonly string[], options: WatchOptions = {}): Promise<Traces> {
  const root = await mkdtemp(join(tmpdir(), "infernode-watch-"));
  const logPath = join(root, "system-calls");
  const folders = ["home", "cache", "config", "data", "state", "temporary", "work"];
  for (const folder of folders) await mkdir(join(root, folder));
  const at = (folder: string): string => join(root, folder);
  const env: Record<string, string | undefined> = {
    ...cleanEnvironment(),
    HOME: at("home"),
    XDG_CACHE_HOME: at("cache"),
    XDG_CONFIG_HOME: at("config"),
    XDG_DATA_HOME: at("data"),
    XDG_STATE_HOME: at("state"),
    TMPDIR: at("temporary"),
    ORT_DISABLE_TELEMETRY: undefined,
  };
  const trace = [
    "strace",
    "-f",
    ...filter,
    "-qq",
    "-o",
    logPath,
    "-e",
    "trace=connect,sendto,sendmsg,sendmmsg",
  ];
  const [program = "", ...rest] = [...(noTrace === undefined ? trace : []), process.execPath, ...args];
  try {
    const child = spawn(program, rest, { env, cwd: at("work"), detached: true });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    }
    child.stdin.end(options.input ?? "");
    const { stopAfterMs } = options;
    if (stopAfterMs !== undefined) {
      // The group: strace does not pass the signal on.
      setTimeout(() => process.kill(-(child.pid ?? 0), "SIGTERM"), stopAfterMs);
    }
    await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    const found = await Promise.all(folders.map((folder) => readdir(at(folder), { recursive: true })));
    const files = found.flatMap((names, index) => names.map((name) => `${folders[index]}/${name}`));
    const log = noTrace === undefined ? await readFile(logPath, "utf8") : undefined;
    return { output, files, traffic: log?.split("\n").filter(isOutside) };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
