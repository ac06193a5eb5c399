import { limits } from "./limits.ts";
import { TemplateLimitError } from "./template-error.ts";

/** UTF-16 units of a text that count as one step more. */
const unitsOfStep = 256;
/** Items that are copied in one step. */
const itemsOfStep = 4;

/** Counts the work of one rendering. Every method throws a `TemplateLimitError` beyond its limit. */
export class Budget {
  #steps = 0;
  #depth = 0;
  #textLength = 0;

  step(count = 1): void {
    this.#steps += count;
    if (this.#steps > limits.steps) {
      throw new TemplateLimitError("steps", limits.steps);
    }
  }

  /** Enters a level; `leave` leaves it. */
  enter(): void {
    this.#steps += 1;
    this.#depth += 1;
    if (this.#depth > limits.depth) {
      throw new TemplateLimitError("nested calls, blocks and operators", limits.depth);
    }
    if (this.#steps > limits.steps) this.step(0);
  }

  leave(): void {
    this.#depth -= 1;
  }

  /** Counts a look into a list or mapping at a depth. */
  lookInto(depth: number): void {
    this.step();
    if (depth > limits.valueDepth) {
      throw new TemplateLimitError("nested lists and mappings", limits.valueDepth);
    }
  }

  /** Counts a text before it is made, by its length in UTF-16 units. */
  makeText(length: number): void {
    if (length > limits.textLength) {
      throw new TemplateLimitError("characters in a text", limits.textLength);
    }
    this.#textLength += length;
    if (this.#textLength > limits.allTextLength) {
      throw new TemplateLimitError("characters in all texts", limits.allTextLength);
    }
    this.step(Math.floor(length / unitsOfStep));
  }

  /** Counts a pass over a text. */
  readText(text: string): void {
    if (text.length >= unitsOfStep) this.step(Math.floor(text.length / unitsOfStep));
  }

  /** Counts a text that was made and returns it. */
  text(made: string): string {
    this.makeText(made.length);
    return made;
  }

  /** Counts a list of new items before it is made. */
  makeItems(length: number): void {
    this.#list(length);
    this.step(length);
  }

  /** Counts a copy of existing items before it is made. */
  copyItems(length: number): void {
    this.#list(length);
    this.step(Math.floor(length / itemsOfStep));
  }

  #list(length: number): void {
    if (!(length <= limits.listLength)) {
      throw new TemplateLimitError("items in a list", limits.listLength);
    }
  }
}
