/** A vocabulary that grows with what is asked for. */
export class GrowingVocabulary {
  readonly #tokens: string[] = [];
  readonly specialTokenIds = new Set<number>();

  idOf(token: string): number {
    const found = this.#tokens.indexOf(token);
    return found < 0 ? this.#tokens.push(token) - 1 : found;
  }

  tokenOf(tokenId: number): string | undefined {
    return this.#tokens[tokenId];
  }

  decode(tokenIds: readonly number[]): string {
    return tokenIds.map((id) => this.#tokens[id]).join("");
  }
}
