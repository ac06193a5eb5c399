/** A Consul agent of the tests, real or a stand-in; its data is lost when it stops. */
export interface ConsulServer extends AsyncDisposable {
  readonly url: string;
  /** May do everything; `undefined` if the server has no access control. */
  readonly token: string | undefined;
  /** May register services and read no nodes; `undefined` if the server has no access control. */
  readonly writerToken: string | undefined;
  /** Ends it at once; its port refuses connections. */
  stop(): Promise<void>;
  /** Starts it anew on the same port. */
  start(): Promise<void>;
}

/** How to start a server. */
export interface ConsulServerOptions {
  /** Whether requests without a token see nothing and change nothing. [false] */
  readonly hasAccessControl?: boolean;
  /** Whether requests without a token may read everything all the same. [false] */
  readonly mayAnyoneRead?: boolean;
}
