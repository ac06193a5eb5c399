import type { Budget } from "../values/budget.ts";

/** The output of a template or of a block. */
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
    // The parts are joined once, at the end; the limit is checked as they grow.
    if (this.#length > 2 ** 20) this.#budget.makeText(text.length);
  }

  toText(): string {
    return this.#budget.text(this.#parts.join(""));
  }
}
