import type { OnnxNode } from "./onnx-graph.ts";
import type { GraphWriter } from "./quantized-operators.ts";

/** The nodes of one expert, from its rows to its result. */
export interface ExpertNodes {
  /** The name of its rows, which no other node makes. */
  readonly input: string;
  readonly nodes: readonly OnnxNode[];
  readonly output: string;
}

/** Where the rows of experts are. */
export interface SentTokens {
  /** `(tokens, width)` */
  readonly tokens: string;
  /** The token of each row, sorted by expert. */
  readonly order: string;
  /** How many rows each expert has. */
  readonly counts: string;
}

/**
 * Rows of all experts: for each token; of all pairs of a token and an expert, sorted by expert; and a name for each
 * expert. Each is made of the one before when it is needed.
 */
interface Rows {
  tokens?: string;
  joined?: string;
  parts?: readonly string[];
}

/** What differs by expert and is no rows, such as a weight in another type. */
interface PerExpert {
  readonly names: readonly string[];
}

type Value = Rows | PerExpert;

/**
 * Writes the nodes of all experts. Those that have nothing of an expert's own compute the rows of all of them at once,
 * before they are sent where that is possible: a row does not depend on others. So only products are a node for each
 * expert, unless experts differ in more than their weights. Returns the name of all rows, sorted by expert.
 */
export function writeExpertNodes(
  writer: GraphWriter,
  experts: readonly ExpertNodes[],
  sent: SentTokens,
): string {
  const expertWriter = new ExpertWriter(writer, experts, sent);
  return areAlike(experts) ? expertWriter.writeTogether() : expertWriter.writeApart();
}

class ExpertWriter {
  readonly #writer: GraphWriter;
  readonly #experts: readonly ExpertNodes[];
  readonly #sent: SentTokens;
  /** By the name that it has in the first expert. */
  readonly #values = new Map<string, Value>();

  constructor(writer: GraphWriter, experts: readonly ExpertNodes[], sent: SentTokens) {
    this.#writer = writer;
    this.#experts = experts;
    this.#sent = sent;
  }

  writeTogether(): string {
    const { input, nodes, output } = this.#experts[0]!;
    this.#values.set(input, { tokens: this.#sent.tokens });
    for (const [index, node] of nodes.entries()) this.#writeNode(index, node);
    return this.#joined(this.#values.get(output) as Rows);
  }

  writeApart(): string {
    const parts = this.#parts({ tokens: this.#sent.tokens });
    for (const [expert, { input, nodes }] of this.#experts.entries()) {
      for (const node of nodes) {
        this.#add(
          node,
          node.inputs.map((name) => (name === input ? parts[expert]! : name)),
        );
      }
    }
    return this.#joined({ parts: this.#experts.map(({ output }) => output) });
  }

  #writeNode(index: number, node: OnnxNode): void {
    const nodes = this.#experts.map((expert) => expert.nodes[index]!);
    const values = node.inputs.map((name) => this.#values.get(name));
    const isOwn = node.inputs.map(
      (name, at) => values[at] === undefined && nodes.some(({ inputs }) => inputs[at] !== name),
    );
    const hasOwn = isOwn.includes(true) || values.some((value) => value !== undefined && "names" in value);
    const rows = values.filter((value): value is Rows => value !== undefined && !("names" in value));
    if (!hasOwn && rows.length > 0) {
      this.#writeOnce(node, rows);
      return;
    }
    // A node of a weight alone, or a product of rows and a weight.
    const inputsOf = (expert: number): readonly string[] =>
      nodes[expert]!.inputs.map((name, at) => {
        const value = values[at];
        if (value === undefined) return name;
        return ("names" in value ? value.names : this.#parts(value))[expert]!;
      });
    for (const [expert, each] of nodes.entries()) this.#add(each, inputsOf(expert));
    for (const [at, name] of node.outputs.entries()) {
      const names = nodes.map(({ outputs }) => outputs[at]!);
      this.#values.set(name, rows.length > 0 ? { parts: names } : { names });
    }
  }

  /** For all rows at once. */
  #writeOnce(node: OnnxNode, rows: readonly Rows[]): void {
    const isBefore = rows.every(({ tokens }) => tokens !== undefined);
    const inputs = node.inputs.map((name) => {
      const value = this.#values.get(name) as Rows | undefined;
      if (value === undefined) return name;
      return isBefore ? value.tokens! : this.#joined(value);
    });
    this.#add(node, inputs);
    for (const name of node.outputs) this.#values.set(name, isBefore ? { tokens: name } : { joined: name });
  }

  #add({ op, outputs, domain, attributes }: OnnxNode, inputs: readonly string[]): void {
    const [output = "", ...moreOutputs] = outputs;
    this.#writer.node(op, inputs, {
      output,
      moreOutputs,
      ...(domain !== undefined && { domain }),
      ...(attributes !== undefined && { attributes }),
    });
  }

  #joined(rows: Rows): string {
    const { node } = this.#writer;
    rows.joined ??=
      rows.parts === undefined
        ? node("Gather", [rows.tokens!, this.#sent.order])
        : node("Concat", rows.parts, { attributes: { axis: 0 } });
    return rows.joined;
  }

  #parts(rows: Rows): readonly string[] {
    rows.parts ??= this.#split(this.#joined(rows));
    return rows.parts;
  }

  #split(joined: string): readonly string[] {
    const parts = this.#experts.map((_, index) => `${joined}.${index}`);
    const [output = "", ...moreOutputs] = parts;
    this.#writer.node("Split", [joined, this.#sent.counts], { output, moreOutputs, attributes: { axis: 0 } });
    return parts;
  }
}

/** Whether all experts have the same nodes, between the same ones of them. */
function areAlike(experts: readonly ExpertNodes[]): boolean {
  const shapes = experts.map(({ input, nodes, output }) => {
    const places = new Map([[input, "rows"]]);
    for (const [index, { outputs }] of nodes.entries()) {
      for (const [at, name] of outputs.entries()) places.set(name, `${index}.${at}`);
    }
    const of = nodes.map(({ op, domain, inputs, outputs, attributes }) => ({
      op,
      domain,
      attributes,
      outputCount: outputs.length,
      inputs: inputs.map((name) => places.get(name)),
    }));
    return JSON.stringify([of, places.get(output)]);
  });
  return shapes.every((each) => each === shapes[0]);
}
