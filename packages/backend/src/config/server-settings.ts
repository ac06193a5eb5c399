import { address, bytes, choice, hostNames, integer, list, milliseconds, toggle } from "./setting-kinds.ts";
import type { Setting } from "./setting.ts";

/** The HTTP server's. */
export const serverSettings: readonly Setting[] = [
  {
    path: "server.mode",
    kind: choice(["engine", "gateway"]),
    default: "engine",
    flag: "mode",
    description: "engine: serves models itself; gateway: passes requests on to backends",
  },
  {
    path: "server.host",
    kind: address(),
    default: "127.0.0.1",
    flag: "host",
    shortVariable: "INFERNODE_HOST",
    description: "address to listen on",
  },
  {
    path: "server.port",
    kind: integer(0, 65_535),
    default: 8000,
    flag: "port",
    shortVariable: "INFERNODE_PORT",
    description: "port to listen on; 0 chooses a free one",
  },
  {
    path: "server.allowedHosts",
    kind: hostNames(),
    default: [],
    flag: "allowed-hosts",
    description:
      "host names, besides this machine's own, that requests may be addressed to, separated by commas; " +
      ".example.com for all its subdomains, * for any",
  },
  {
    path: "server.maxConnections",
    kind: integer(1, 1_000_000),
    default: undefined,
    flag: "max-connections",
    description: "open connections; by default 4096, or fewer if the limit of open files is lower",
  },
  {
    path: "server.bodyLimitBytes",
    kind: bytes(1024),
    default: undefined,
    flag: "body-limit",
    description: "largest request body; by default 128 bytes for each token of the context, from 2 to 8 MiB",
  },
  {
    path: "server.bodyMemoryBytes",
    kind: bytes(2 ** 20),
    default: undefined,
    flag: "body-memory",
    description:
      "memory for all request bodies in progress; " +
      "by default an eighth of the machine's or the container's, from 64 to 512 MiB",
  },
  {
    path: "server.corsOrigins",
    kind: list("a list of origins such as https://app.example, or *", "<origins>"),
    default: [],
    flag: "cors-origins",
    description: "browser origins that may send requests, separated by commas; * for all",
  },
  {
    path: "server.requestTimeoutMs",
    kind: milliseconds(0),
    default: 60_000,
    flag: "request-timeout",
    description: "time in which a client must send its whole request; 0 for no limit",
  },
  {
    path: "server.keepAliveTimeoutMs",
    kind: milliseconds(0),
    default: 72_000,
    flag: "keep-alive-timeout",
    description: "an idle connection is closed after this time",
  },
  {
    path: "server.pingIntervalMs",
    kind: milliseconds(100),
    default: 15_000,
    flag: "ping-interval",
    description: "interval of the comments that keep an idle stream open",
  },
  {
    path: "server.writeTimeoutMs",
    kind: milliseconds(100),
    default: 30_000,
    flag: "write-timeout",
    description: "a stream is aborted if its client reads nothing for this long",
  },
  {
    path: "server.lenient",
    kind: toggle(),
    default: false,
    flag: "lenient",
    description:
      "leaves out parameters of requests that are unknown, and samplers that are not supported, " +
      "with a header and a warning, where they are rejected otherwise",
  },
  {
    path: "server.drainTimeoutMs",
    kind: milliseconds(0),
    default: 30_000,
    flag: "drain-timeout",
    description: "time in which running requests may finish at shutdown",
  },
];
