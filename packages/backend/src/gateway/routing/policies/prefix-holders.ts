/** Remembers, within bounds, which backend last got a prompt that begins so. */
export class PrefixHolders {
  readonly #capacity: number;
  /** The least recently used first. */
  readonly #backendOf = new Map<number, string>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#backendOf.size;
  }

  find(prefix: number): string | undefined {
    return this.#backendOf.get(prefix);
  }

  note(prefix: number, backendId: string): void {
    this.#backendOf.delete(prefix);
    this.#backendOf.set(prefix, backendId);
    if (this.#backendOf.size <= this.#capacity) return;
    for (const oldest of this.#backendOf.keys()) {
      this.#backendOf.delete(oldest);
      break;
    }
  }
}
