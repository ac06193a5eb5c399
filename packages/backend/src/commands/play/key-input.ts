import { type Readable, Transform } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { controlCharacters } from "../terminal-text.ts";

/** Switches on and off that a terminal marks the beginning and end of pasted text. */
export const bracketedPaste: { readonly on: string; readonly off: string } = {
  on: "\u001B[?2004h",
  off: "\u001B[?2004l",
};

/** Represents a line break in pasted text. */
export const lineBreakSymbol = "⏎";

/** The key that represents pasted text. @see https://invisible-island.net/xterm/ctlseqs/ctlseqs.html */
export const pasteKey = "\u001B[200~";
const pasteEnd = "\u001B[201~";

function toSingleLine(text: string): string {
  return text
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(controlCharacters, "")
    .replace(/\n+$/, "")
    .replaceAll("\n", lineBreakSymbol);
}

/** Finds where a marker begins that the end of the text cuts off. */
function findPartialMarker(text: string, marker: string): number {
  for (let length = Math.min(marker.length - 1, text.length); length > 0; length -= 1) {
    if (text.endsWith(marker.slice(0, length))) return text.length - length;
  }
  return text.length;
}

/** The source of keys, such as `process.stdin`. */
export interface KeySource extends Readable {
  setRawMode?(isRaw: boolean): unknown;
}

/** Keys for readline, with pasted text kept separately. */
export interface KeyInput {
  /** Emits each character separately, because readline misplaces several that arrive at once; `pasteKey` for a paste. */
  readonly keys: Transform;
  /** Returns the text of the oldest `pasteKey` not taken yet: one line, with a symbol for each line break. */
  takePaste(): string;
}

/** Splits the input of a terminal into keys and pasted texts. */
export function createKeyInput(source: KeySource): KeyInput {
  const decoder = new StringDecoder("utf8");
  const pastes: string[] = [];
  let isPasting = false;
  let pasted = "";
  let rest = "";

  const take = (text: string): void => {
    if (isPasting) pasted += text;
    else for (const character of text) keys.push(character);
  };
  const keys = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      rest += decoder.write(chunk);
      for (;;) {
        const marker = isPasting ? pasteEnd : pasteKey;
        const at = rest.indexOf(marker);
        if (at < 0) break;
        take(rest.slice(0, at));
        rest = rest.slice(at + marker.length);
        if (isPasting) {
          pastes.push(toSingleLine(pasted));
          pasted = "";
        }
        isPasting = !isPasting;
        if (!isPasting) take(pasteKey);
      }
      // The chunk may end within a marker. A single escape is a key and is passed on.
      const cut = findPartialMarker(rest, isPasting ? pasteEnd : pasteKey);
      const end = !isPasting && rest.length - cut < 2 ? rest.length : cut;
      take(rest.slice(0, end));
      rest = rest.slice(end);
      done();
    },
  });
  Object.assign(keys, { isTTY: true, setRawMode: (isRaw: boolean) => source.setRawMode?.(isRaw) });
  source.pipe(keys);
  return { keys, takePaste: () => pastes.shift() ?? "" };
}
