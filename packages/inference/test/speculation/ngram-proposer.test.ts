import { describe, expect, it } from "vitest";
import { createNgramProposer, type Proposer } from "../../src/index.ts";
import { bytesOf } from "../support/engine-fixture.ts";

function proposerOf(prompt: string, predicted?: string): Proposer {
  const source = createNgramProposer()({
    promptTokenIds: Int32Array.from(bytesOf(prompt)),
    ...(predicted !== undefined && { predictedTokenIds: Int32Array.from(bytesOf(predicted)) }),
  });
  // Others of the same request do not disturb it.
  const other = source.start();
  const proposer = source.start();
  accept(other, "One name is another.");
  proposalOf(other, 4);
  return proposer;
}

/** Each byte is a token. */
function proposalOf(proposer: Proposer, count: number): string {
  const into = new Int32Array(count);
  return String.fromCharCode(...into.subarray(0, proposer.propose(into)));
}

function accept(proposer: Proposer, text: string): void {
  for (const tokenId of bytesOf(text)) proposer.accept(tokenId);
}

describe("createNgramProposer", () => {
  it("proposes what followed the last tokens in the prompt", () => {
    const proposer = proposerOf("The name is Ada Lovelace. Who? ");
    expect(proposalOf(proposer, 8)).toBe("");
    accept(proposer, "name");
    expect(proposalOf(proposer, 12)).toBe(" is Ada Love");
    accept(proposer, " is Ada");
    expect(proposalOf(proposer, 10)).toBe(" Lovelace.");
    accept(proposer, " Byron");
    expect(proposalOf(proposer, 4)).toBe("");
  });

  it("prefers the place with more of the last tokens before it, then the latest", () => {
    const proposer = proposerOf("xx abc1 yy abc2 zz abc3 ");
    accept(proposer, "yy abc");
    expect(proposalOf(proposer, 1)).toBe("2");
    const other = proposerOf("xx abc1 yy abc2 zz abc3 ");
    accept(other, "q abc");
    expect(proposalOf(other, 1)).toBe("3");
  });

  it("goes on with what repeats at the end of the text", () => {
    const proposer = proposerOf("-");
    accept(proposer, "=+=+=+");
    expect(proposalOf(proposer, 5)).toBe("=+=+=");
  });

  it("begins with what the request predicts, and comes back to it after another word", () => {
    const predicted = "const radius = 3; const area = radius * radius; return area;";
    const proposer = proposerOf("Rename area to width.", predicted);
    expect(proposalOf(proposer, 16)).toBe("const radius = 3");
    accept(proposer, "const radius = 3; const width");
    expect(proposalOf(proposer, 4)).toBe(".con");
    accept(proposer, " = ra");
    expect(proposalOf(proposer, 16)).toBe("dius * radius; r");
  });

  it("ends where the prediction ends, and finds what follows a text at its end elsewhere", () => {
    const proposer = proposerOf("See the end: and more.", "the end:");
    accept(proposer, "the en");
    expect(proposalOf(proposer, 9)).toBe("d:");
    accept(proposer, "d:");
    expect(proposalOf(proposer, 9)).toBe(" and more");
  });

  it("has nothing to propose for an empty prediction", () => {
    expect(proposalOf(proposerOf("Hi", ""), 4)).toBe("");
  });

  it("refuses options that it does not have", () => {
    const messages = [{ matchTokens: 0 }, { matchTokens: 1.5 }, { tokens: 4 }].map((options) => {
      try {
        return String(createNgramProposer(options));
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(messages).toEqual([
      "`matchTokens`: expected an integer from 1 to 16, got 0",
      "`matchTokens`: expected an integer from 1 to 16, got 1.5",
      '`options`: expected matchTokens, got "tokens"',
    ]);
  });
});
