import { expect, it } from "vitest";
import { createRandom } from "../../../../../../benchmarks/lib/random.ts";
import { EditedRows } from "../../../../src/engine/edited-rows.ts";
import { editLogits } from "../../../../src/executors/cuda/kernels/manifests/edit-logits.ts";
import { adjustLogits } from "../../../../src/sampling/adjust-logits.ts";
import { maskLogits } from "../../../../src/sampling/mask-logits.ts";
import { defaultSamplingParams } from "../../../../src/sampling/sampling-params.ts";
import { SamplingState } from "../../../../src/sampling/sampling-state.ts";
import { describeKernels } from "./kernel-device.ts";

const rowCount = 40;

const bitsOf = ({ buffer, byteOffset, length }: Float32Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, length);

describeKernels([editLogits], (open) => {
  // Fewer tokens than slices, not a multiple of 32, rows of the output head without a token.
  it.each([
    [1, 1],
    [97, 31],
    [700, 700],
    [2050, 2049],
  ])(
    "changes what the host changes, to the same bits, of %i logits with %i tokens",
    (vocabSize, tokenCount) => {
      using kernels = open();
      const random = createRandom(vocabSize);
      const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
      const anyId = (): number => Math.floor(random() * tokenCount);
      const anyIds = (count: number): number[] => Array.from({ length: count }, anyId);
      const logitsOf = (): Float32Array => {
        // Ordinary numbers, and those that are clamped. Denormal ones are zero on the processor.
        const [base, spread] = pick([0, 8], [-30, 60], [3e38, 4e37], [-3e38, 4e37]);
        return Float32Array.from({ length: vocabSize }, () => {
          const special = pick(-Infinity, 0, -0, 1e-37);
          return random() < 0.1 ? special : base + spread * (random() - 0.5);
        });
      };
      const stateOf = (): SamplingState => {
        const state = new SamplingState({
          params: {
            ...defaultSamplingParams,
            presencePenalty: pick(0, 0, 0.7, -1.3, 2),
            frequencyPenalty: pick(0, 0, 0.1, -2),
            repetitionPenalty: pick(1, 1, 1.1, 0.3, 1e-300),
            logitBias: new Map(anyIds(pick(0, 0, 1, 60)).map((id) => [id, 200 * random() - 100])),
            allowedTokenIds: pick(undefined, anyIds(1), anyIds(90)),
            bannedSequences: pick(
              [],
              anyIds(5).map((id) => [id]),
            ),
            seed: 1,
          },
          promptTokenIds: Int32Array.from(anyIds(pick(0, 3, 300))),
          index: 0,
          stopTokenIds: anyIds(3),
          minTokens: pick(0, 100),
        });
        for (const id of anyIds(pick(0, 5, 80))) state.accept(id);
        return state;
      };
      const rows = Array.from({ length: rowCount }, () => ({ logits: logitsOf(), state: stateOf() }));
      const edits = new EditedRows({
        maxRows: rowCount,
        vocabSize,
        tokenCount,
        capacity: { edits: rowCount * 500, masks: rowCount },
        clock: { now: () => 0 },
      });
      for (const [row, { state }] of rows.entries()) {
        if (!state.isPlain) expect(edits.add(row, state)).toBe(true);
      }
      const logits = kernels.put(Float32Array.from(rows.flatMap((row) => [...row.logits])));
      kernels.launch(
        "edit_logits",
        { grid: [rowCount + 1, pick(1, 3, 8)], block: pick(32, 256) },
        logits,
        kernels.put(edits.bounds),
        kernels.put(edits.tokenIds.slice(0, edits.editCount)),
        kernels.put(edits.values.slice(0, edits.editCount)),
        kernels.put(edits.penalties),
        kernels.put(edits.maskIndices),
        kernels.put(Int32Array.from(edits.masks)),
        kernels.put(Int32Array.of(rowCount)),
        1,
        vocabSize,
        tokenCount,
      );
      const words = new Uint32Array(Math.ceil(vocabSize / 32));
      const expected = rows.map((row) => {
        const changed = row.logits.slice();
        const tokens = changed.subarray(0, tokenCount);
        if (row.state.isMasked) maskLogits(tokens, row.state, words);
        if (row.state.changesLogits) adjustLogits(tokens, row.state);
        return changed;
      });
      const got = kernels.get(logits, new Float32Array(rowCount * vocabSize));
      for (const [row, changed] of expected.entries()) {
        expect(bitsOf(got.slice(row * vocabSize, (row + 1) * vocabSize))).toEqual(bitsOf(changed));
      }
    },
  );

  it("leaves NaN and infinite logits, which are found when a row is sampled", () => {
    using kernels = open();
    const row = Float32Array.of(Number.NaN, Infinity, Number.NaN, Infinity, Number.NaN, Infinity, 1, 2);
    const logits = kernels.put(row);
    kernels.launch(
      "edit_logits",
      { grid: [1], block: 32 },
      logits,
      // A bias and a penalty for each of four, two suppressed ones; the mask has only the last.
      kernels.put(Int32Array.of(0, 2, 4, 6)),
      kernels.put(Int32Array.of(0, 1, 2, 3, 4, 5)),
      kernels.put(Float64Array.of(5, 5, 1, 1, 0, 0)),
      kernels.put(Float64Array.of(2, 0, 0)),
      kernels.put(Int32Array.of(0)),
      kernels.put(Int32Array.of(1 << 7)),
      kernels.put(Int32Array.of(1)),
      1,
      row.length,
      row.length,
    );
    expect(kernels.get(logits, new Float32Array(row.length))).toEqual(row.with(6, -Infinity));
  });
});
