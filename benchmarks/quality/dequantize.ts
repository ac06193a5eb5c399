// Writes the numbers that the quantized matrices of a checkpoint stand for, in float32, for measurements outside of the
// product. `npm run bench -- quality/dequantize --help`
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheckpoint, quantizationRecipes, quantizeCheckpoint } from "@infernode/models";
import { readNumbers } from "../lib/block-weights.ts";
import { parseOptions } from "../lib/parse-options.ts";

const { values } = parseOptions(
  {
    options: {
      model: { type: "string" },
      mode: { type: "string", default: "int4" },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  },
  { choices: { mode: ["int8", "int4"] } },
);
const { model, mode, output } = values;
if (values.help || model === undefined || output === undefined || (mode !== "int4" && mode !== "int8")) {
  process.stdout.write("options: --model <directory>  --mode int8|int4  --output <file.safetensors>\n");
  process.exit(values.help ? 0 : 2);
}
const directory = await mkdtemp(join(tmpdir(), "infernode-dequantize-"));
const checkpoint = await openCheckpoint(model);
const plan = await quantizeCheckpoint(checkpoint, { ...quantizationRecipes[mode], directory });
await plan.prepare({ threadCount: 2 });
const header: Record<string, unknown> = {};
const parts: Uint8Array[] = [];
let offset = 0;
for (const [name, weight] of plan.quantizedWeights) {
  if (weight.encoding !== "block-quantized") continue;
  const numbers = await readNumbers(weight);
  header[name] = {
    dtype: "F32",
    shape: weight.shape,
    data_offsets: [offset, offset + numbers.byteLength],
  };
  offset += numbers.byteLength;
  parts.push(new Uint8Array(numbers.buffer));
}
const text = Buffer.from(JSON.stringify(header));
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(text.length));
await writeFile(output, Buffer.concat([length, text, ...parts]));
await checkpoint.weights.close();
await rm(directory, { recursive: true, force: true });
