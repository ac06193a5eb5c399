import { type Readable, Transform } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** Asks a terminal to say where a pasted text begins and ends; to be taken back at the end. */
export const pasteMarks: { readonly on: string; readonly off: string } = {
  on: "\u001B[?2004h",
  off: "\u001B[?2004l",
};

/** What stands for a line break in a line that was pasted. */
export const breakSign = "⏎";

/** The key that stands for a pasted text. @see https://invisible-island.net/xterm/ctlseqs/ctlseqs.html */
export const pasteKey = "\u001B[200~";
const pasteEnd = "\u001B[201~";

// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

function asOneLine(text: string): string {
  return text
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(controls, "")
    .replace(/\n+$/, "")
    .replaceAll("\n", breakSign);
}

/** Where the text could go on as the mark: its last characters begin it. */
function cutMarkAt(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length -= 1) {
    if (text.endsWith(mark.slice(0, length))) return text.length - length;
  }
  return text.length;
}

/** What keys come from, such as `process.stdin`. */
export interface KeySource extends Readable {
  setRawMode?(isRaw: boolean): unknown;
}

/** Keys for readline, with what was pasted apart. */
export interface KeyInput {
  /** What readline reads: each character alone, as it misplaces several that come at once; `pasteKey` for a paste. */
  readonly keys: Transform;
  /** The text of the `pasteKey` that was read last: one line, with signs for its breaks. */
  takePaste(): string;
}

/** Splits what a terminal sends into keys and pasted texts. */
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
        const mark = isPasting ? pasteEnd : pasteKey;
        const at = rest.indexOf(mark);
        if (at < 0) break;
        take(rest.slice(0, at));
        rest = rest.slice(at + mark.length);
        if (isPasting) {
          pastes.push(asOneLine(pasted));
          pasted = "";
        }
        isPasting = !isPasting;
        if (!isPasting) take(pasteKey);
      }
      // A mark may be cut. An escape alone is a key, and not kept.
      const cut = cutMarkAt(rest, isPasting ? pasteEnd : pasteKey);
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
