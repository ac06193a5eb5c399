/** The registration of a service instance. */
export interface ServiceRegistration {
  /** Unique among all instances. */
  readonly id: string;
  /** The service name, such as `infernode`. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The state that a service reports; `passing` accepts work. */
export type ServiceState = "passing" | "warning" | "critical";

/** A registered service instance with its state. */
export interface ServiceInstance extends ServiceRegistration {
  readonly state: ServiceState;
}

/** A handle of a registration, which is kept alive until `deregister`. */
export interface RegisteredService {
  /** The registration with its latest metadata. */
  readonly service: ServiceRegistration;
  /**
   * Updates the state and the metadata (load, models). Metadata is merged: other keys stay. Updates apply in the
   * order of the calls, awaited or not; an update without a change is not notified.
   * @throws DiscoveryError `INVALID_REGISTRATION`, `NOT_REGISTERED`, `PROVIDER_DISPOSED`
   */
  update(change: {
    readonly state?: ServiceState;
    readonly metadata?: Readonly<Record<string, string>>;
  }): Promise<void>;
  /** Deregisters after all earlier updates. Idempotent. */
  deregister(): Promise<void>;
}

/** Registers services and finds them. */
export interface DiscoveryProvider extends AsyncDisposable {
  /**
   * Registers a service with a state, `passing` by default; it is never listed with another one before.
   * @throws DiscoveryError `INVALID_REGISTRATION`, `DUPLICATE_ID`, `PROVIDER_DISPOSED`
   */
  register(
    service: ServiceRegistration,
    options?: { readonly state?: ServiceState },
  ): Promise<RegisteredService>;
  list(filter?: {
    readonly name?: string;
    readonly tag?: string;
    readonly state?: ServiceState;
  }): Promise<readonly ServiceInstance[]>;
  /**
   * Yields the list of instances of a service: the current one first, then the latest after each change. Ends
   * when the signal aborts or the provider is disposed. A slow consumer skips lists.
   * @throws DiscoveryError `PROVIDER_DISPOSED`
   */
  watch(name: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<readonly ServiceInstance[]>;
  /** Deregisters the services registered here and ends every watch. */
  dispose(): Promise<void>;
}
