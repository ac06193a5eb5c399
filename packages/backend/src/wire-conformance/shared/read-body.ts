import { CaseEnd } from "./conformance-case.ts";

const maxBytes = 8 * 2 ** 20;

/** Reads a whole body as text. @throws CaseEnd `deviates` if it is larger than any answer to a case */
export async function readBody(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let sizeBytes = 0;
  let text = "";
  for await (const bytes of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    sizeBytes += bytes.byteLength;
    if (sizeBytes > maxBytes) throw new CaseEnd("deviates", `an answer of more than ${maxBytes} bytes`);
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}
