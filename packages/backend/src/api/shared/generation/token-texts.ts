import type { TokenCandidate } from "../../../operations/token-delta.ts";

/** Texts of tokens, shared by answers: each is kept once, however many candidates name it. */
export class TokenTexts {
  readonly #byKey = new Map<number, Omit<TokenCandidate, "logprob">>();
  /** Keys of tokens without an id: below 0, by their bytes. */
  readonly #keysOfBytes = new Map<string, number>();

  /** The number of distinct tokens. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Keeps a token; returns its key. */
  add({ tokenId, token, bytes }: TokenCandidate): number {
    const key = tokenId ?? this.#keyOfBytes(`${token}\0${bytes.join(",")}`);
    if (!this.#byKey.has(key)) this.#byKey.set(key, { tokenId, token, bytes });
    return key;
  }

  at(key: number): Omit<TokenCandidate, "logprob"> {
    return this.#byKey.get(key) ?? { tokenId: undefined, token: "", bytes: [] };
  }

  #keyOfBytes(text: string): number {
    const key = this.#keysOfBytes.get(text) ?? -1 - this.#keysOfBytes.size;
    this.#keysOfBytes.set(text, key);
    return key;
  }
}
