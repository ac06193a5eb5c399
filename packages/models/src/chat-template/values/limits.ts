/** Limits of a template and of one rendering. A message takes dozens of steps. */
export const limits = {
  tokens: 262_144,
  /** Nested blocks and brackets. */
  nesting: 200,
  steps: 4_000_000,
  /** Nested calls, blocks and operators while a template runs. */
  depth: 600,
  /** Nested lists and mappings that are printed, compared or written as JSON. */
  valueDepth: 200,
  /** UTF-16 units of one text. */
  textLength: 16_777_216,
  /** UTF-16 units of all texts of a rendering. */
  allTextLength: 134_217_728,
  listLength: 1_048_576,
  /** The limit of Jinja's sandbox. */
  rangeLength: 100_000,
  /** Bits of an integer. */
  integerBits: 65_536,
  /** Python's limit of printed digits. */
  integerDigits: 4300,
} as const;
