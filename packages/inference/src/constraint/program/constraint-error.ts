import { InferenceError } from "../../errors.ts";

/** The codes of a constraint that is not compiled. */
export type ConstraintErrorCode = "INVALID_CONSTRAINT" | "UNSUPPORTED_CONSTRAINT" | "CONSTRAINT_TOO_LARGE";

/** Where and why a constraint is refused. */
export interface ConstraintFault {
  /** Of a source of several: its name, or its place (`sequence[1].anyOf[0]`). */
  readonly part?: string | undefined;
  /** A JSON pointer into a schema (`#/properties/name`), or the name of the source: `regex`, `grammar`, `choice[3]`. */
  readonly path: string;
  /** The keyword or the construct that is refused. */
  readonly keyword?: string | undefined;
  /** The offset in a pattern or grammar, in UTF-16 units. */
  readonly position?: number | undefined;
  readonly expected: string;
  readonly got: string;
}

/** A constraint that cannot be compiled: malformed, not enforceable as a whole, or over a limit. */
export class ConstraintError extends InferenceError implements ConstraintFault {
  override readonly name: string = "ConstraintError";
  readonly part: string | undefined;
  readonly path: string;
  readonly keyword: string | undefined;
  readonly position: number | undefined;
  readonly expected: string;
  readonly got: string;
  readonly #code: ConstraintErrorCode;

  constructor(code: ConstraintErrorCode, fault: ConstraintFault) {
    super(code, { field: locate(fault), expected: fault.expected, got: fault.got });
    this.part = fault.part;
    this.path = fault.path;
    this.keyword = fault.keyword;
    this.position = fault.position;
    this.expected = fault.expected;
    this.got = fault.got;
    this.#code = code;
  }

  /** The same error, of a part. */
  within(part: string): ConstraintError {
    const { path, keyword, position, expected, got } = this;
    return new ConstraintError(this.#code, { part, path, keyword, position, expected, got });
  }
}

function locate({ part, path, keyword, position }: ConstraintFault): string {
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  const name = keyword === undefined ? "" : `/${keyword}`;
  return `${part === undefined ? "" : `${part}: `}${shown}${name}${position === undefined ? "" : ` at ${position}`}`;
}
