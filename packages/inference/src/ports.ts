// What the engine needs from outside. Everything here is injected.

/** Monotonic time in milliseconds. */
export interface ClockPort {
  now(): number;
}

/** A block of memory. Its content is undefined until written; it must not be used after `dispose`. */
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

/** Decodes token ids; `Tokenizer` of `@infernode/models` fits. */
export interface TokenDecoderPort {
  readonly vocabSize: number;
  decode(tokenIds: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  bytesOf(tokenId: number): Uint8Array;
  /**
   * What `decode` writes of a token between others, whatever they are; `undefined` where it depends on them. It spares
   * decoding a token with those before it. [each is decoded with those before it]
   */
  textBehind?(tokenId: number): string | undefined;
  tokenOf(tokenId: number): string | undefined;
}

/** What an answer may be, such as JSON of a schema: limits which tokens come next. */
export interface ConstraintPort {
  /** Begins an answer. */
  start(): ConstraintStatePort;
}

/** The state of a constraint after the tokens of an answer. It knows no end-of-sequence tokens. */
export interface ConstraintStatePort {
  /** Whether the answer may end here. */
  readonly isComplete: boolean;
  /** Whether it must end here: it is complete, and no token can follow. */
  readonly isFinished: boolean;
  /**
   * The token that comes next, whatever the model and the request's sampling say, and before `minTokens`. It is the
   * only one that is allowed. [none]
   */
  readonly requiredTokenId?: number | undefined;
  /**
   * The next token of the only text that can follow. Others may be allowed, which write that text in other pieces; they
   * are not looked at, unless the request has a say in single tokens. [none]
   */
  readonly forcedTokenId?: number | undefined;
  /** Whether a token may come next: for one token cheaper than `fillMask`. */
  allows(tokenId: number): boolean;
  /** Sets the bit of each token that may come next: bit `id % 32` of word `id / 32`. The words are zero before. */
  fillMask(words: Uint32Array): void;
  /** Appends a token that is allowed. */
  accept(tokenId: number): void;
}

/** Gets one check of the engine's progress; `HealthProvider` of `@infernode/health` fits. */
export interface HealthPort {
  addCheck(check: {
    readonly name: string;
    check(): { readonly status: "healthy" | "degraded" | "unhealthy"; readonly reasons: readonly string[] };
  }): () => void;
}

/** Registers the engine as a service; `DiscoveryProvider` of `@infernode/discovery` fits. */
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
