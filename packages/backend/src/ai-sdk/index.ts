export type { InfernodeOptions } from "./call.ts";
export { createInfernode } from "./create-infernode.ts";
export type { InfernodeProvider, InfernodeSettings } from "./create-infernode.ts";
