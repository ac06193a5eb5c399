/** What the engine needs from outside, as narrow as it works. Everything here is injected. */

/** Monotonic time in milliseconds. */
export interface ClockPort {
  now(): number;
}

/** A piece of memory. Its content is undefined until written, and unusable after `dispose`. */
export interface MemoryBlockPort {
  readonly bytes: Uint8Array;
  dispose(): void;
}

/** A pool of host memory; `HostMemoryPool` of `@infernode/memory` fits. */
export interface MemoryPort {
  allocate(request: {
    readonly sizeBytes: number;
    readonly tag: {
      readonly model: string;
      readonly purpose: "weights" | "kv-cache" | "activations" | "workspace" | "other";
      readonly label?: string;
    };
    readonly alignmentBytes?: number;
  }): MemoryBlockPort;
}

/** Turns token ids back into text; `Tokenizer` of `@infernode/models` fits. */
export interface TokenDecoderPort {
  readonly vocabSize: number;
  decode(tokenIds: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  bytesOf(tokenId: number): Uint8Array;
  tokenOf(tokenId: number): string | undefined;
}

/** Takes one check that says whether the engine makes progress; `HealthProvider` of `@infernode/health` fits. */
export interface HealthPort {
  addCheck(check: {
    readonly name: string;
    check(): { readonly status: "healthy" | "degraded" | "unhealthy"; readonly reasons: readonly string[] };
  }): () => void;
}

/** Announces the engine; `DiscoveryProvider` of `@infernode/discovery` fits. */
export interface DiscoveryPort {
  register(service: {
    readonly id: string;
    readonly name: string;
    readonly address: string;
    readonly port: number;
    readonly tags: readonly string[];
    readonly metadata: Readonly<Record<string, string>>;
  }): Promise<{ deregister(): Promise<void> }>;
}
