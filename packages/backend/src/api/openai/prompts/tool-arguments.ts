import { createJsonSizeCheck } from "../../shared/body/json-size.ts";

/** Looks at the JSON texts of one request's tool calls, which the engine reads. */
export interface ToolArguments {
  /**
   * @param param the field that holds the text
   * @throws ApiError 400 where the text, or all texts together, are beyond what a body may have
   */
  assertReadable(text: string, param: string): void;
}

/** What an object or an array begins with; any other text is not read. */
const opening = /^[ \t\n\r]*[[{]/;

/** Creates a check of one request: the limits hold for all of its texts together. */
export function createToolArguments(): ToolArguments {
  const size = createJsonSizeCheck();
  return {
    assertReadable(text, param) {
      if (opening.test(text)) size.assert(Buffer.from(text), `\`${param}\``, param);
    },
  };
}
