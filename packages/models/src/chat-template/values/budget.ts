import { limits } from "./limits.ts";
import { TemplateLimitError } from "./template-error.ts";

/** Texts of this many units cost a step more, for whatever is then done with them. */
const unitsOfStep = 256;
/** Items that are copied in one step. */
const itemsOfStep = 4;

/** Counts what one rendering takes. Every method throws a `TemplateLimitError` when that is too much. */
export class Budget {
  #steps = 0;
  #depth = 0;
  #textLength = 0;

  step(count = 1): void {
    this.#steps += count;
    if (this.#steps > limits.steps) {
      throw new TemplateLimitError(`the template took more than ${limits.steps} steps`);
    }
  }

  /** Goes one level deeper; `leave` goes back. */
  enter(): void {
    this.#steps += 1;
    this.#depth += 1;
    if (this.#depth > limits.depth) {
      throw new TemplateLimitError(
        `the template nests more than ${limits.depth} calls, blocks and operators`,
      );
    }
    if (this.#steps > limits.steps) this.step(0);
  }

  leave(): void {
    this.#depth -= 1;
  }

  /** @param depth of the list or mapping that is looked into */
  lookInto(depth: number): void {
    this.step();
    if (depth > limits.valueDepth) {
      throw new TemplateLimitError(
        `the template nests lists and mappings more than ${limits.valueDepth} levels deep`,
      );
    }
  }

  /** Counts a text that is about to be made, by its length in UTF-16 units. */
  makeText(length: number): void {
    if (length > limits.textLength) {
      throw new TemplateLimitError(`the template made a text of more than ${limits.textLength} characters`);
    }
    this.#textLength += length;
    if (this.#textLength > limits.allTextLength) {
      throw new TemplateLimitError(`the template made more than ${limits.allTextLength} characters of text`);
    }
    this.step(Math.floor(length / unitsOfStep));
  }

  /** Counts what it takes to look through a text. */
  readText(text: string): void {
    if (text.length >= unitsOfStep) this.step(Math.floor(text.length / unitsOfStep));
  }

  /** Counts a text that was made, and answers it. */
  text(made: string): string {
    this.makeText(made.length);
    return made;
  }

  /** Counts a list of new items that is about to be made. */
  makeItems(length: number): void {
    this.#list(length);
    this.step(length);
  }

  /** Counts a list that is about to be made of items that are there already. */
  copyItems(length: number): void {
    this.#list(length);
    this.step(Math.floor(length / itemsOfStep));
  }

  #list(length: number): void {
    if (!(length <= limits.listLength)) {
      throw new TemplateLimitError(`the template made a list of more than ${limits.listLength} items`);
    }
  }
}
