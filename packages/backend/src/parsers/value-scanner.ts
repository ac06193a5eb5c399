/**
 * Finds the end of a JSON object or array that arrives piece by piece: by its brackets, outside of strings. What is
 * within is not checked.
 */
export class ValueScanner {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #isEnded = false;

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Takes text; returns how much of it belongs to the value. */
  push(text: string): number {
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (this.#isInString) {
        this.#takeInString(code);
      } else if (code === 0x22) {
        this.#isInString = true;
      } else if (code === 0x7b || code === 0x5b) {
        this.#depth += 1;
      } else if (code === 0x7d || code === 0x5d) {
        this.#depth -= 1;
        if (this.#depth > 0) continue;
        this.#isEnded = true;
        return at + 1;
      }
    }
    return text.length;
  }

  #takeInString(code: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (code === 0x5c) this.#isEscaped = true;
    else if (code === 0x22) this.#isInString = false;
  }
}
