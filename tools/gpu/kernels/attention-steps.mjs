// Attention of an 8B model: 32 heads over 8 heads of keys, of 128 features, with pages of bf16 and of 8 bits.
import { missingKernels, rotationCount, withKernels } from "./kernel-device.mjs";
import { assertClose, bfloat16 } from "./numbers.mjs";

const [heads, kvHeads, headDim, pageTokens] = [32, 8, 128, 16];
const group = heads / kvHeads;
const scale = headDim ** -0.5;
/** How numbers of pages are stored, and bytes of a position of keys or values, with scales. */
const pageTypes = {
  bf16: { numberBytes: 2, positionBytes: kvHeads * headDim * 2 },
  i8: { numberBytes: 1, positionBytes: kvHeads * (headDim + 4) },
};

/** Pages for `count` contexts, in a random order, and the table of each. */
function createPages(kernels, type, { contextTokens, count }) {
  const pagesEach = Math.ceil(contextTokens / pageTokens);
  const order = Int32Array.from({ length: pagesEach * count }, (_, page) => page);
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  const rows = order.length * pageTokens * kvHeads;
  const random = () =>
    kernels.random(rows * headDim * pageTypes[type].numberBytes, type === "bf16" ? "bf16" : "bytes");
  const scales = () => (type === "bf16" ? undefined : kernels.random(rows * 4, "scales"));
  const keys = { type, numbers: random(), scales: scales() };
  return { keys, values: { type, numbers: random(), scales: scales() }, order, pagesEach };
}

const addressesOf = ({ keys, values }) =>
  [keys.numbers, values.numbers, keys.scales, values.scales].filter((address) => address !== undefined);

/** A page of one head, of keys or values, as numbers. */
function readPage(kernels, { type, numbers, scales }, { page, kvHead }) {
  const at = (page * kvHeads + kvHead) * pageTokens;
  if (type === "bf16") {
    const bits = kernels.get(numbers, new Uint16Array(pageTokens * headDim), at * headDim * 2);
    return Float64Array.from(bits, bfloat16);
  }
  const own = kernels.get(scales, new Float32Array(pageTokens), at * 4);
  const bytes = kernels.get(numbers, new Int8Array(pageTokens * headDim), at * headDim);
  return Float64Array.from(bytes, (number, index) => number * own[Math.floor(index / headDim)]);
}

/** Attention of one head of a token to the first positions of a table, in float64. */
function attend(kernels, { keys, values, table }, { q, head, length }) {
  const kvHead = Math.floor(head / group);
  const read = (pages, page) => readPage(kernels, pages, { page, kvHead });
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

/** What kernels of pieces take: attention-pieces.cuh. */
function argumentsOf(
  { out, partial },
  { q, keys, values },
  { starts, lengths, positions, sequences, tables, stride },
) {
  const pages = [keys.numbers, values.numbers, keys.scales ?? 0n, values.scales ?? 0n];
  const noSinks = 0n;
  const [window, cap] = [0, 0];
  return [out, partial, q, ...pages, noSinks, starts, lengths, positions, sequences, tables, stride].concat([
    heads,
    kvHeads,
    headDim,
    window,
    scale,
    cap,
    float32,
  ]);
}

/** The type that kernels write: store-as.cuh. */
const float32 = 0;
const titleOf = (type) => (type === "bf16" ? "" : ", pages of 8 bits");
/** Tensor cores round queries, which so are numbers of bf16, and weights. */
const limit = 2 ** -7;

/** One token of each stream; the best count of splits is the figure. */
export const measureDecodeAttention = (type) => (options) => {
  const skipped = missingKernels(options);
  if (skipped !== undefined) return skipped;
  return withKernels(options, [`attention-decode-${type}`, "attention-join"], (kernels) => {
    const figures = [];
    const checks = [];
    const { numberBytes, positionBytes } = pageTypes[type];
    const stageBytes = 32 * (headDim * numberBytes + 16) + (type === "i8" ? 128 : 0);
    for (const contextTokens of options.tiny ? [70] : [1024, 8192, 32_768]) {
      for (const streams of options.tiny ? [2] : [1, 32]) {
        const readBytes = 2 * contextTokens * streams * positionBytes;
        const turns = rotationCount(kernels, readBytes);
        const pages = createPages(kernels, type, { contextTokens, count: streams * turns });
        const { order, pagesEach } = pages;
        const tables = Array.from({ length: turns }, (_, turn) =>
          kernels.put(order.slice(turn * streams * pagesEach, (turn + 1) * streams * pagesEach)),
        );
        const q = kernels.random(streams * heads * headDim * 4, "f32 of bf16");
        const streamIds = kernels.put(Int32Array.from({ length: streams }, (_, stream) => stream));
        const ones = kernels.put(new Int32Array(streams).fill(1));
        const positions = kernels.put(new Int32Array(streams).fill(contextTokens - 1));
        const counts = kernels.put(Int32Array.of(streams));
        const what = `decode attention, ${streams} stream(s) of ${contextTokens}${titleOf(type)}`;
        let best;
        for (const splits of options.tiny ? [1, 2] : [1, 4, 16, 64]) {
          if (splits * 64 > Math.max(64, contextTokens) || splits * streams > 1024) continue;
          const out = kernels.poisoned(streams * heads * headDim * 4);
          const partial = kernels.poisoned(streams * heads * splits * (headDim + 2) * 4);
          const launch = (index) => {
            kernels.launch(
              "attention_decode_128",
              { grid: [kvHeads, streams, splits], block: 128, dynamicSharedBytes: 4 * 2 * stageBytes },
              ...argumentsOf(
                { out, partial },
                { q, ...pages },
                {
                  starts: streamIds,
                  lengths: ones,
                  positions,
                  sequences: streamIds,
                  tables: tables[index % turns],
                  stride: pagesEach,
                },
              ),
            );
            if (splits === 1) return;
            const geometry = { grid: [streams, heads], block: 64 };
            kernels.launch("attention_join", geometry, out, partial, 0n, counts, headDim, splits, float32);
          };
          const count = options.tiny ? 2 : 2 * turns;
          const time = kernels.timeMicroseconds(count, launch);
          const [stream, head] = [streams - 1, Math.floor(Math.random() * heads)];
          const at = (stream * heads + head) * headDim * 4;
          const first = (((count - 1) % turns) * streams + stream) * pagesEach;
          const expected = attend(
            kernels,
            { ...pages, table: order.subarray(first, first + pagesEach) },
            { q: kernels.get(q, new Float32Array(headDim), at), head, length: contextTokens },
          );
          const got = kernels.get(out, new Float32Array(headDim), at);
          checks.push(assertClose(`${what}, ${splits} split(s)`, { got, expected, limit }));
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
        kernels.free(...addressesOf(pages), ...tables, q, streamIds, ones, positions, counts);
      }
    }
    return { figures, checks };
  });
};

/** A prompt from its start. */
export const measurePrefillAttention = (type) => (options) => {
  const skipped = missingKernels(options);
  if (skipped !== undefined) return skipped;
  return withKernels(options, [`attention-prefill-${type}`], (kernels) => {
    const figures = [];
    const checks = [];
    for (const length of options.tiny ? [20] : [512, 2048, 8192]) {
      const pages = createPages(kernels, type, { contextTokens: length, count: 1 });
      const { order: table } = pages;
      const q = kernels.random(length * heads * headDim * 4, "f32 of bf16");
      const out = kernels.poisoned(length * heads * headDim * 4);
      const put = (...numbers) => kernels.put(Int32Array.of(...numbers));
      const [start, lengths, sequences] = [put(0), put(length), kernels.put(new Int32Array(length))];
      const tables = kernels.put(table);
      const tile = 32;
      const geometry = {
        grid: [Math.ceil((length * group) / 64), kvHeads, 1],
        block: 128,
        dynamicSharedBytes:
          (64 + 2 * tile) * (headDim + 8) * 2 + (type === "i8" ? 2 * tile * (headDim + 4) : 0),
      };
      const args = argumentsOf(
        { out, partial: 0n },
        { q, ...pages },
        { starts: start, lengths, positions: start, sequences, tables, stride: table.length },
      );
      const launch = () => kernels.launch("attention_prefill_128", geometry, ...args);
      const time = kernels.timeMicroseconds(options.tiny ? 1 : 4, launch, { rounds: options.tiny ? 1 : 5 });
      const what = `prefill attention, ${length} tokens${titleOf(type)}`;
      for (const token of [0, length - 1, Math.floor(Math.random() * length)]) {
        const head = Math.floor(Math.random() * heads);
        const at = (token * heads + head) * headDim * 4;
        const query = kernels.get(q, new Float32Array(headDim), at);
        const expected = attend(kernels, { ...pages, table }, { q: query, head, length: token + 1 });
        const got = kernels.get(out, new Float32Array(headDim), at);
        checks.push(assertClose(`${what}, token ${token}`, { got, expected, limit }));
      }
      const value = (2 * heads * headDim * length * (length + 1)) / time.median / 1e6;
      figures.push({ what, value, unit: "TFLOP/s", spread: time.spread, microseconds: time.median });
      kernels.free(...addressesOf(pages), q, out, start, lengths, sequences, tables);
    }
    return { figures, checks };
  });
};
