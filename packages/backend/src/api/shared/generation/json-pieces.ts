/**
 * An array in a JSON text whose elements are made when the text is: a whole answer with log-probabilities has
 * hundreds of megabytes, of which no more than one part is in memory.
 */
export class JsonParts {
  readonly parts: Iterable<readonly unknown[]>;
  /** The elements are JSON texts already, such as of objects with an order of keys that values do not have. */
  readonly isText: boolean;

  /** @param parts the elements, some at a time */
  constructor(parts: Iterable<readonly unknown[]>, { isText = false }: { readonly isText?: boolean } = {}) {
    this.parts = parts;
    this.isText = isText;
  }
}

/** Writes the same text as `JSON.stringify`, in pieces. Its objects and arrays may hold `JsonParts`. */
export function* jsonPieces(value: unknown): Generator<string> {
  if (value instanceof JsonParts) {
    yield* arrayPieces(value);
  } else if (Array.isArray(value)) {
    yield* listPieces("[]", value, jsonPieces);
  } else if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    yield* listPieces("{}", entries, function* writeEntry([name, each]: readonly [string, unknown]) {
      yield `${JSON.stringify(name)}:`;
      yield* jsonPieces(each);
    });
  } else {
    yield JSON.stringify(value ?? null);
  }
}

function* listPieces<Element>(
  brackets: "[]" | "{}",
  elements: readonly Element[],
  write: (element: Element) => Iterable<string>,
): Generator<string> {
  yield brackets.charAt(0);
  for (const [index, element] of elements.entries()) {
    if (index > 0) yield ",";
    yield* write(element);
  }
  yield brackets.charAt(1);
}

function* arrayPieces({ parts, isText }: JsonParts): Generator<string> {
  let opening = "[";
  for (const part of parts) {
    if (part.length === 0) continue;
    yield opening + (isText ? part.join(",") : JSON.stringify(part).slice(1, -1));
    opening = ",";
  }
  yield opening === "[" ? "[]" : "]";
}
