// Attention of an 8B model: 32 heads over 8 heads of keys, of 128 features, with pages of bf16.
import { missingKernels, rotationCount, withKernels } from "./kernel-device.mjs";
import { assertClose, bfloat16 } from "./numbers.mjs";

const [heads, kvHeads, headDim, pageTokens] = [32, 8, 128, 16];
const group = heads / kvHeads;
const scale = headDim ** -0.5;
const positionBytes = kvHeads * headDim * 2;

/** Pages for `count` contexts, in a random order, and the table of each. */
function createPages(kernels, contextTokens, count) {
  const pagesEach = Math.ceil(contextTokens / pageTokens);
  const order = Int32Array.from({ length: pagesEach * count }, (_, page) => page);
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  const sizeBytes = order.length * pageTokens * positionBytes;
  const [keys, values] = [kernels.random(sizeBytes, "bf16"), kernels.random(sizeBytes, "bf16")];
  return { keys, values, order, pagesEach };
}

/** Attention of one head of a token to the first positions of a table, in float64. */
function attend(kernels, { keys, values, table }, { q, head, length }) {
  const kvHead = Math.floor(head / group);
  const read = (pages, page) => {
    const offset = (page * kvHeads + kvHead) * pageTokens * headDim * 2;
    return Float64Array.from(kernels.get(pages, new Uint16Array(pageTokens * headDim), offset), bfloat16);
  };
  const scores = [];
  const rows = [];
  for (let position = 0; position < length; position += pageTokens) {
    const page = table[position / pageTokens];
    const [key, value] = [read(keys, page), read(values, page)];
    for (let at = 0; at < Math.min(pageTokens, length - position); at += 1) {
      let score = 0;
      for (let i = 0; i < headDim; i += 1) score += q[i] * key[at * headDim + i];
      scores.push(score * scale);
      rows.push(value.subarray(at * headDim, (at + 1) * headDim));
    }
  }
  const most = scores.reduce((a, b) => Math.max(a, b));
  const weights = scores.map((score) => Math.exp(score - most));
  const total = weights.reduce((a, b) => a + b);
  const out = new Float64Array(headDim);
  rows.forEach((row, at) => {
    for (let i = 0; i < headDim; i += 1) out[i] += (weights[at] / total) * row[i];
  });
  return out;
}

/** One token of each stream; the best count of splits is the figure. */
export function measureDecodeAttention(options) {
  const skipped = missingKernels(options);
  if (skipped !== undefined) return skipped;
  return withKernels(options, ["attention-decode-bf16", "attention-join"], (kernels) => {
    const figures = [];
    const checks = [];
    for (const contextTokens of options.tiny ? [70] : [1024, 8192, 32_768]) {
      for (const streams of options.tiny ? [2] : [1, 32]) {
        const readBytes = 2 * contextTokens * streams * positionBytes;
        const turns = rotationCount(kernels, readBytes);
        const { keys, values, order, pagesEach } = createPages(kernels, contextTokens, streams * turns);
        const tables = Array.from({ length: turns }, (_, turn) =>
          kernels.put(order.slice(turn * streams * pagesEach, (turn + 1) * streams * pagesEach)),
        );
        const q = kernels.random(streams * heads * headDim * 4, "f32");
        const streamIds = kernels.put(Int32Array.from({ length: streams }, (_, stream) => stream));
        const ones = kernels.put(new Int32Array(streams).fill(1));
        const positions = kernels.put(new Int32Array(streams).fill(contextTokens - 1));
        const counts = kernels.put(Int32Array.of(streams));
        const what = `decode attention, ${streams} stream(s) of ${contextTokens}`;
        let best;
        for (const splits of options.tiny ? [1, 2] : [1, 4, 16, 64]) {
          if (splits * 64 > Math.max(64, contextTokens) || splits * streams > 1024) continue;
          const out = kernels.poisoned(streams * heads * headDim * 4);
          const partial = kernels.poisoned(streams * heads * splits * (headDim + 2) * 4);
          const launch = (index) => {
            kernels.launch(
              "attention_decode_128",
              {
                grid: [kvHeads, streams, splits],
                block: 128,
                dynamicSharedBytes: 8 * headDim * 4 + 2 * 2 * 32 * (headDim * 2 + 16),
              },
              out,
              partial,
              q,
              keys,
              values,
              0n,
              0n,
              0n,
              streamIds,
              ones,
              positions,
              streamIds,
              tables[index % turns],
              pagesEach,
              heads,
              kvHeads,
              headDim,
              0,
              scale,
              0,
            );
            if (splits === 1) return;
            const geometry = { grid: [streams, heads], block: 64 };
            kernels.launch("attention_join", geometry, out, partial, 0n, counts, headDim, splits);
          };
          const count = options.tiny ? 2 : 2 * turns;
          const time = kernels.timeMicroseconds(count, launch);
          const [stream, head] = [streams - 1, Math.floor(Math.random() * heads)];
          const at = (stream * heads + head) * headDim * 4;
          const first = (((count - 1) % turns) * streams + stream) * pagesEach;
          const expected = attend(
            kernels,
            { keys, values, table: order.subarray(first, first + pagesEach) },
            { q: kernels.get(q, new Float32Array(headDim), at), head, length: contextTokens },
          );
          const got = kernels.get(out, new Float32Array(headDim), at);
          checks.push(assertClose(`${what}, ${splits} split(s)`, { got, expected, limit: 5e-5 }));
          kernels.free(out, partial);
          if (best === undefined || time.median < best.median) best = { ...time, splits };
        }
        figures.push({
          what,
          value: readBytes / best.median / 1e6,
          unit: "TB/s",
          spread: best.spread,
          splits: best.splits,
          microseconds: best.median,
        });
        kernels.free(keys, values, ...tables, q, streamIds, ones, positions, counts);
      }
    }
    return { figures, checks };
  });
}

/** A prompt from its start. */
export function measurePrefillAttention(options) {
  const skipped = missingKernels(options);
  if (skipped !== undefined) return skipped;
  return withKernels(options, ["attention-prefill-bf16"], (kernels) => {
    const figures = [];
    const checks = [];
    for (const length of options.tiny ? [20] : [512, 2048, 8192]) {
      const { keys, values, order: table } = createPages(kernels, length, 1);
      const q = kernels.random(length * heads * headDim * 4, "f32 of bf16");
      const out = kernels.poisoned(length * heads * headDim * 4);
      const put = (...numbers) => kernels.put(Int32Array.of(...numbers));
      const [start, lengths, sequences] = [put(0), put(length), kernels.put(new Int32Array(length))];
      const tables = kernels.put(table);
      const geometry = {
        grid: [Math.ceil((length * group) / 64), kvHeads, 1],
        block: 128,
        dynamicSharedBytes: (64 + 2 * 32) * (headDim + 8) * 2,
      };
      const launch = () =>
        kernels.launch(
          "attention_prefill_128",
          geometry,
          out,
          q,
          keys,
          values,
          0n,
          start,
          lengths,
          start,
          sequences,
          tables,
          table.length,
          heads,
          kvHeads,
          0,
          scale,
          0,
        );
      const time = kernels.timeMicroseconds(options.tiny ? 1 : 4, launch, { rounds: options.tiny ? 1 : 5 });
      const what = `prefill attention, ${length} tokens`;
      for (const token of [0, length - 1, Math.floor(Math.random() * length)]) {
        const head = Math.floor(Math.random() * heads);
        const at = (token * heads + head) * headDim * 4;
        const query = kernels.get(q, new Float32Array(headDim), at);
        const expected = attend(kernels, { keys, values, table }, { q: query, head, length: token + 1 });
        const got = kernels.get(out, new Float32Array(headDim), at);
        checks.push(assertClose(`${what}, token ${token}`, { got, expected, limit: 2 ** -7 }));
      }
      const value = (2 * heads * headDim * length * (length + 1)) / time.median / 1e6;
      figures.push({ what, value, unit: "TFLOP/s", spread: time.spread, microseconds: time.median });
      kernels.free(keys, values, q, out, start, lengths, sequences, tables);
    }
    return { figures, checks };
  });
}
