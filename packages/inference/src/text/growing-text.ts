const maxPieceCount = 64;

/** A text that grows piece by piece. Concatenation alone would keep an object for every piece. */
export class GrowingText {
  #text = "";
  #pieces: string[] = [];

  push(piece: string): void {
    if (piece === "") return;
    this.#pieces.push(piece);
    if (this.#pieces.length === maxPieceCount) this.#join();
  }

  toString(): string {
    this.#join();
    return this.#text;
  }

  #join(): void {
    this.#text += this.#pieces.join("");
    this.#pieces = [];
  }
}
