// Answers of random weights that must match random JSON schemas, each checked with ajv and byte by byte.
// `npm run bench -- quality/constrained-answers --help`
import { checkAnswers } from "../lib/check-answers.ts";
import { openEngine } from "../lib/open-engine.ts";
import { parseOptions } from "../lib/parse-options.ts";
import { createRandom } from "../lib/random.ts";
import { randomSchema } from "../lib/random-schema.ts";
import { writeReport } from "../lib/report.ts";

const { values } = parseOptions(
  {
    options: {
      model: { type: "string" },
      schemas: { type: "string", default: "500" },
      answers: { type: "string", default: "20" },
      temperature: { type: "string", default: "1" },
      "max-tokens": { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  },
  { least: { seed: 0, temperature: 0 }, fractions: ["temperature"] },
);
if (values.help || values.model === undefined) {
  process.stdout.write(
    "options: --model <directory>  --schemas 500  --answers 20  --temperature 1  --max-tokens 200  --seed 1  --output <file.json>\n",
  );
  process.exit(values.help ? 0 : 2);
}

const opened = await openEngine(values.model);
const { model, engine } = opened;
const seed = Number(values.seed);
const random = createRandom(seed);
const schemas = Array.from({ length: Number(values.schemas) }, () => randomSchema(random));
const answersPerSchema = Number(values.answers);
const temperature = Number(values.temperature);
const maxTokens = Number(values["max-tokens"]);
const startedAt = performance.now();
const found = await checkAnswers({ model, engine, schemas, answersPerSchema, maxTokens, temperature, seed });
const seconds = (performance.now() - startedAt) / 1000;
await opened[Symbol.asyncDispose]();

const { refused, ended, cut, invalid, strayed } = found;
process.stdout.write(
  `${schemas.length} schemas, ${refused} of them refused; ${ended + cut} answers in ${seconds.toFixed(0)} s: ` +
    `${ended} ended, ${invalid.length} of these invalid; ${cut} cut off, ${strayed.length} of these no beginning\n`,
);
for (const text of [...invalid, ...strayed].slice(0, 5)) process.stdout.write(`${text}\n`);
if (values.output !== undefined) {
  const counts = { refused, ended, cut, invalid: invalid.length, strayed: strayed.length };
  writeReport(values.output, "quality/constrained-answers", {
    model: model.name,
    schemas: schemas.length,
    answersPerSchema,
    temperature,
    maxTokens,
    seed,
    ...counts,
  });
}
process.exitCode = invalid.length + strayed.length > 0 ? 1 : 0;
