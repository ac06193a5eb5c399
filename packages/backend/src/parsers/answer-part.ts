/** What a piece of an answer is. The pieces of a call follow it; calls are numbered from 0 in each answer. */
export type AnswerPart =
  | { readonly type: "content"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  /** A call begins: its whole name. */
  | { readonly type: "call"; readonly callIndex: number; readonly id: string; readonly name: string }
  /** A piece of the call's arguments: JSON text as the model wrote it. */
  | { readonly type: "arguments"; readonly callIndex: number; readonly text: string };
