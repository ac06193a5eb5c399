/** Bytes of one kind are often treated alike by a constraint, such as all small letters. */
const members: readonly string[] = [
  "abcdefghijklmnopqrstuvwxyz",
  "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  "0123456789",
  " ",
  "\t\n\r",
  '"',
  "\\",
  "{}[]",
  ",:",
  "-_",
  ".",
  "@/",
];

/** The kind of each byte, from 0 to 15. */
export const byteKinds: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const kind = members.findIndex((text) => text.includes(String.fromCharCode(byte)));
  if (kind !== -1) return kind;
  if (byte >= 0x80) return byte < 0xc0 ? 12 : 13;
  return byte < 0x20 || byte === 0x7f ? 14 : 15;
});
