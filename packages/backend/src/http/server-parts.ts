import type { OperationContext } from "../operations/operation-context.ts";
import type { Exchanges } from "./exchange.ts";
import type { JsonThread } from "./json-thread.ts";
import type { HttpServerOptions } from "./http-server-options.ts";

/** What routes are given. */
export interface ServerParts {
  readonly options: HttpServerOptions;
  readonly operations: OperationContext;
  readonly exchanges: Exchanges;
  readonly jsonThread: JsonThread;
}
