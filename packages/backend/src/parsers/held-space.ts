const maxHeldCharacters = 64;

/**
 * Holds back the white space at the end of a growing text until it is known what follows. A run of more than 64
 * characters passes, wherever the text is cut.
 */
export class HeldSpace {
  #held = "";
  /** Length of the run of white space at the end of the text; more than is held where the run passes. */
  #runLength = 0;

  /** Takes text; returns what is not held back. */
  push(text: string): string {
    const shownLength = text.trimEnd().length;
    const isAllSpace = shownLength === 0;
    const spaceLength = text.length - shownLength;
    this.#runLength = isAllSpace ? this.#runLength + spaceLength : spaceLength;
    const whole = this.#held + text;
    if (this.#runLength > maxHeldCharacters) {
      this.#held = "";
      return whole;
    }
    const end = isAllSpace ? 0 : whole.length - spaceLength;
    this.#held = whole.slice(end);
    return whole.slice(0, end);
  }

  /** Returns what was held back. */
  flush(): string {
    const held = this.#held;
    this.drop();
    return held;
  }

  /** Forgets what was held back. */
  drop(): void {
    this.#held = "";
    this.#runLength = 0;
  }
}
