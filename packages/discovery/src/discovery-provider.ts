/** What a service says of itself. */
export interface ServiceRegistration {
  /** Unique among all instances. */
  readonly id: string;
  /** What it is, such as `infernode`. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** How a service says that it is; `passing` takes work. */
export type ServiceState = "passing" | "warning" | "critical";

/** A registered service as others see it. */
export interface ServiceInstance extends ServiceRegistration {
  readonly state: ServiceState;
}

/** A registration that is kept alive until it is taken back. */
export interface RegisteredService {
  /** As it was last updated. */
  readonly service: ServiceRegistration;
  /**
   * Says how the service is and what changed (load, models). Metadata is merged: keys that are not given stay.
   * Calls take effect in their order, awaited or not; an update that changes nothing tells nobody.
   * @throws DiscoveryError `INVALID_REGISTRATION`, `NOT_REGISTERED`, `PROVIDER_DISPOSED`
   */
  update(change: {
    readonly state?: ServiceState;
    readonly metadata?: Readonly<Record<string, string>>;
  }): Promise<void>;
  /** Is the last word after every update before it. Does nothing when it is deregistered already. */
  deregister(): Promise<void>;
}

/** Registers services and finds them. */
export interface DiscoveryProvider extends AsyncDisposable {
  /**
   * Registers a service in a state, `passing` by default; nobody sees it in another one before.
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
   * Every change of the named service as the whole new list, the present one first; ends with the signal or
   * the provider. A slow consumer sees the latest list, not each one between.
   * @throws DiscoveryError `PROVIDER_DISPOSED`
   */
  watch(name: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<readonly ServiceInstance[]>;
  /** Deregisters what was registered here and ends every watch. */
  dispose(): Promise<void>;
}
