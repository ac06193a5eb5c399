/** What a template may be, and what one rendering may take. A message takes dozens of steps. */
export const limits = {
  tokens: 262_144,
  /** Blocks and brackets inside of each other. */
  nesting: 200,
  steps: 4_000_000,
  /** Calls, blocks and operators inside of each other while a template runs. */
  depth: 600,
  /** Lists and mappings inside of each other, where they are printed, compared or written as JSON. */
  valueDepth: 200,
  /** UTF-16 units of one text. */
  textLength: 16_777_216,
  /** UTF-16 units of all texts that are made. */
  allTextLength: 134_217_728,
  listLength: 1_048_576,
  /** As the sandbox of Jinja has it. */
  rangeLength: 100_000,
  /** Bits of an integer. */
  integerBits: 65_536,
  /** Digits that Python prints of one. */
  integerDigits: 4300,
} as const;
