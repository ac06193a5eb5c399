import type { ApiContext } from "../api/shared/codec.ts";
import type { BodyReader } from "./body/body-reader.ts";
import type { Connections } from "./connection/connections.ts";
import type { Exchanges } from "./exchange.ts";
import type { FormatFinder } from "./format-finder.ts";
import type { HostGuard } from "./connection/host-guard.ts";
import type { HttpServerOptions } from "./http-server-options.ts";
import type { JsonThread } from "./body/json-thread.ts";
import type { KnownPaths } from "./known-paths.ts";
import type { SessionServer } from "./session/session-server.ts";

/** What routes are given. */
export interface ServerParts {
  readonly options: HttpServerOptions;
  readonly api: ApiContext;
  readonly exchanges: Exchanges;
  readonly jsonThread: JsonThread;
  readonly connections: Connections;
  readonly maxConnections: number;
  readonly bodies: BodyReader;
  readonly hostGuard: HostGuard;
  readonly knownPaths: KnownPaths;
  readonly formats: FormatFinder;
  readonly sessions: SessionServer;
}
