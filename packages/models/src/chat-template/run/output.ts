import type { Budget } from "../values/budget.ts";

/** What a template or a block of it writes. */
export class Output {
  readonly #budget: Budget;
  readonly #parts: string[] = [];
  #length = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  write(text: string): void {
    if (text === "") return;
    this.#length += text.length;
    this.#parts.push(text);
    // The text of all parts is made once, at the end; that it fits is checked as it grows.
    if (this.#length > 2 ** 20) this.#budget.makeText(text.length);
  }

  toText(): string {
    return this.#budget.text(this.#parts.join(""));
  }
}
