export { compileConstraint } from "./compile-constraint.ts";
export type { ConstraintSource, DispatchSource, StructuralTagSource } from "./sources/constraint-source.ts";
export { compileSamples, fillSampleMasks, warmUpConstraints } from "./warm-up-constraints.ts";
export type { JsonWhitespace } from "./json-schema/compile-json-schema.ts";
export type { NotationMark, ObjectNotation, ValueNotation } from "./json-schema/write/value-notation.ts";
export {
  ConstraintError,
  type ConstraintErrorCode,
  type ConstraintFault,
} from "./program/constraint-error.ts";
export { type ConstraintLimits, defaultConstraintLimits } from "./program/limits.ts";
export type { ConstraintProgram } from "./program/program.ts";
export { markByte, markedTokenBytes } from "./tokens/marked-token-bytes.ts";
export { createTokenTrie, type TokenTrie } from "./tokens/token-trie.ts";
export { type PreparedTokens, prepareTokens } from "./match/prepare-tokens.ts";
export { addSharedTokens, listSharedTokens, type SharedTokens } from "./match/share-rule-tokens.ts";
export { createTokenMasks, type TokenMasks } from "./match/token-masks.ts";
export { createMatcher, type Matcher } from "./match/matcher.ts";
export { createConstraint } from "./match/token-constraint.ts";
