const digits = 8;

/** Checksums of 32 bits as they are in the metadata of a file: one after the other, in hexadecimal digits. */
export function formatChecksums(checksums: readonly number[]): string {
  return checksums.map((checksum) => checksum.toString(16).padStart(digits, "0")).join("");
}

/** Reads what `formatChecksums` wrote. */
export function parseChecksums(text: string): readonly number[] {
  return Array.from({ length: Math.floor(text.length / digits) }, (_, index) =>
    Number.parseInt(text.slice(index * digits, (index + 1) * digits), 16),
  );
}
