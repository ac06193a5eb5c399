import { skipJsonString } from "./assert-json-size.ts";

/** An integer of at most as many digits as the largest double has. */
const plainInteger = /^[ \t\n\r]*(-?\d{1,309})[ \t\n\r]*[,}]/;
const longestInteger = 400;

/**
 * Reads one integer of a JSON object with all of its digits, of which a double would keep 16. Of keys that are
 * there twice the last one counts, as for `JSON.parse`.
 * @param bytes a JSON object that was parsed without an error
 * @returns `undefined` where the field is not there, or not written in digits only
 */
export function readExactInteger(bytes: Buffer, name: string): bigint | undefined {
  let depth = 0;
  let isKey = false;
  let key = "";
  let digits: string | undefined;
  for (let at = 0; at < bytes.length;) {
    switch (bytes[at] ?? 0) {
      case 0x22: {
        const end = skipJsonString(bytes, at);
        // A key may be spelled with escapes: six bytes for a character.
        const mayBeName = isKey && depth === 1 && end - at <= 6 * name.length + 2;
        if (isKey) key = mayBeName ? String(JSON.parse(bytes.toString("utf8", at, end))) : "";
        at = end;
        continue;
      }
      case 0x7b: // {
      case 0x5b: // [
        depth++;
        isKey = depth === 1;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x2c: // ,
        isKey = depth === 1;
        break;
      case 0x3a: // :
        isKey = false;
        if (depth === 1 && key === name) {
          digits = plainInteger.exec(bytes.toString("latin1", at + 1, at + 1 + longestInteger))?.[1];
        }
        break;
      default:
    }
    at++;
  }
  return digits === undefined ? undefined : BigInt(digits);
}
