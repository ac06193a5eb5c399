import type { ConstraintPort, ConstraintStatePort } from "../../src/index.ts";

/** Lets an answer be one of a few texts, one byte a token. */
export function createTextConstraint(texts: readonly string[]): ConstraintPort {
  const choices = texts.map((text) => [...new TextEncoder().encode(text)]);
  const start = (): ConstraintStatePort => {
    let open = choices;
    let length = 0;
    const nextIds = (): number[] => open.flatMap((bytes) => (bytes.length > length ? [bytes[length]!] : []));
    return {
      get isComplete() {
        return open.some((bytes) => bytes.length === length);
      },
      get isFinished() {
        return nextIds().length === 0;
      },
      allows: (tokenId) => nextIds().includes(tokenId),
      fillMask: (words) => {
        for (const id of nextIds()) words[id >>> 5] = words[id >>> 5]! | (1 << (id & 31));
      },
      accept: (tokenId) => {
        if (!nextIds().includes(tokenId)) throw new Error(`${tokenId} is not allowed`);
        open = open.filter((bytes) => bytes[length] === tokenId);
        length += 1;
      },
    };
  };
  return { start };
}
