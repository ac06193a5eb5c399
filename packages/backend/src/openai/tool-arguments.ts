import { createJsonSizeCheck } from "../http/assert-json-size.ts";

/** Reads the JSON texts of one request's tool calls. */
export interface ToolArguments {
  /**
   * Templates want a call's arguments as an object; what is no JSON object stays the text that it is.
   * @param param the field that holds the text
   * @throws ApiError 400 where the text, or all texts together, are beyond what a body may have
   */
  read(text: string, param: string): unknown;
}

/** What an object or an array begins with. */
const opening = /^[ \t\n\r]*[[{]/;

/** Creates a reader for one request: the limits hold for all of its texts together. */
export function createToolArguments(): ToolArguments {
  const size = createJsonSizeCheck();
  return {
    read(text, param) {
      if (!opening.test(text)) return text;
      size.assert(Buffer.from(text), `\`${param}\``, param);
      try {
        return JSON.parse(text) as unknown;
      } catch {
        return text;
      }
    },
  };
}
