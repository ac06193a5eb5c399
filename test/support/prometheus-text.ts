/** A strict reader of Prometheus' text format 0.0.4; refuses what a lenient one would guess. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*/;
const number = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|NaN|[+-]Inf)$/;

export function parsePrometheusText(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new SyntaxError("the last line must end with a line feed");
  const families = new Map<string, Family>();
  let current: Family | undefined;
  let help: { readonly name: string; readonly text: string } | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    if (line.startsWith("# HELP ")) {
      const [, name = "", rest = ""] = /^# HELP (\S+) (.*)$/.exec(line) ?? [];
      if (name === "") throw new SyntaxError(`not a help line: ${line}`);
      help = { name, text: unescape(rest, /\\([\\n])/y) };
    } else if (line.startsWith("# TYPE ")) {
      const [, name = "", type = ""] =
        /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? [];
      if (name === "" || help?.name !== name) throw new SyntaxError(`type without help before it: ${line}`);
      if (families.has(name)) throw new SyntaxError(`a second family ${name}`);
      current = { name, type, help: help.text, samples: [] };
      families.set(name, current);
    } else if (line.startsWith("#")) {
      throw new SyntaxError(`neither help nor type: ${line}`);
    } else {
      const sample = parseSample(line);
      if (current === undefined || !belongs(current, sample.name)) {
        throw new SyntaxError(`a sample outside its family: ${line}`);
      }
      current.samples.push(sample);
    }
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

/** The value of the one series with these labels, whatever further labels it has. */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const found = [...families.values()]
    .flatMap(({ samples }) => samples)
    .filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Error(`expected one series ${name} ${JSON.stringify(labels)}, found ${found.length}`);
  }
  return only.value;
}

function parseSample(line: string): Sample {
  const name = metricName.exec(line)?.[0];
  if (name === undefined) throw new SyntaxError(`no metric name: ${line}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    while (!rest.startsWith("}")) {
      const key = labelName.exec(rest)?.[0];
      if (key === undefined) throw new SyntaxError(`no label name at ${JSON.stringify(rest)}`);
      const quoted = /^="((?:[^"\\]|\\[\\"n])*)"/.exec(rest.slice(key.length));
      if (quoted === null) throw new SyntaxError(`no quoted value at ${JSON.stringify(rest)}`);
      if (key in labels) throw new SyntaxError(`a second label ${key}: ${line}`);
      labels[key] = unescape(quoted[1] ?? "", /\\([\\"n])/y);
      rest = rest.slice(key.length + quoted[0].length);
      if (rest.startsWith(",") && !rest.startsWith(",}")) rest = rest.slice(1);
      else if (!rest.startsWith("}")) throw new SyntaxError(`no comma at ${JSON.stringify(rest)}`);
    }
    rest = rest.slice(1);
  }
  if (!rest.startsWith(" ") || !number.test(rest.slice(1))) throw new SyntaxError(`no number: ${line}`);
  return { name, labels, value: Number(rest.slice(1).replace("Inf", "Infinity")) };
}

function unescape(text: string, escape: RegExp): string {
  let plain = "";
  for (let at = 0; at < text.length;) {
    if (text[at] !== "\\") {
      plain += text[at];
      at += 1;
      continue;
    }
    escape.lastIndex = at;
    const found = escape.exec(text);
    if (found === null) throw new SyntaxError(`an unknown escape in ${JSON.stringify(text)}`);
    plain += found[1] === "n" ? "\n" : found[1];
    at += 2;
  }
  return plain;
}

function belongs({ name, type }: Family, sampleName: string): boolean {
  if (type === "histogram") return [`${name}_bucket`, `${name}_sum`, `${name}_count`].includes(sampleName);
  return sampleName === name;
}

function checkFamily(family: Family): void {
  const keys = family.samples.map(({ name, labels }) => `${name}${keyOf(labels)}`);
  if (new Set(keys).size !== keys.length) throw new SyntaxError(`a series of ${family.name} appears twice`);
  if (family.type === "counter" && family.samples.some(({ value }) => !(value >= 0))) {
    throw new SyntaxError(`the counter ${family.name} is below 0`);
  }
  if (family.type !== "histogram") return;
  const series = new Map<string, { buckets: [number, number][]; sum?: number; count?: number }>();
  for (const { name, labels, value } of family.samples) {
    const { le, ...own } = labels;
    const entry = series.get(keyOf(own)) ?? { buckets: [] };
    series.set(keyOf(own), entry);
    if (name.endsWith("_sum")) entry.sum = value;
    else if (name.endsWith("_count")) entry.count = value;
    else entry.buckets.push([Number(le?.replace("Inf", "Infinity")), value]);
  }
  for (const [key, { buckets, sum, count }] of series) {
    const bounds = buckets.map(([bound]) => bound);
    const counts = buckets.map(([, bucketCount]) => bucketCount);
    if (!isRising(bounds, true) || bounds.at(-1) !== Number.POSITIVE_INFINITY) {
      throw new SyntaxError(`bounds of ${family.name}${key}: ${bounds.join()}`);
    }
    if (!isRising(counts, false) || counts.at(-1) !== count) {
      throw new SyntaxError(`counts of ${family.name}${key}: ${counts.join()} of ${count}`);
    }
    if (sum === undefined) throw new SyntaxError(`no sum of ${family.name}${key}`);
  }
}

function isRising(values: readonly number[], isStrict: boolean): boolean {
  return values.every((value, index) => {
    const before = values[index - 1];
    return before === undefined || (isStrict ? value > before : value >= before);
  });
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
