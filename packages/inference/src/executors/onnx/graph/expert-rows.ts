import type { ExpertRouting } from "@infernode/models";
import type { SentTokens } from "./expert-nodes.ts";
import type { OnnxAttribute, OnnxNode } from "./onnx-graph.ts";
import type { GraphWriter } from "./quantized-operators.ts";

/** Tokens in the order of the experts that they are sent to. */
export interface ExpertRows {
  readonly sent: SentTokens;
  /** Adds what the experts return for each token, rows sorted by expert, weighted: → `(tokens, width)`. */
  readonly join: (sorted: string, width: number) => string;
}

/**
 * Writes how tokens are sent to experts: the rows of all pairs of a token and an expert, sorted by expert, are one tensor
 * and are split into one for each expert, often of no rows, which costs almost nothing; so each weight is multiplied
 * where it is stored. Measured against the runtime's own operators, `MoE` and `QMoE`, in `docs/mixtures.md`.
 */
export function sendToExperts(
  { node, reshape, integers }: GraphWriter,
  x: string,
  { logits, expertCount, expertsPerToken, areWeightsNormalized }: ExpertRouting<string>,
): ExpertRows {
  const perToken = integers([expertsPerToken]);
  const first = integers([0]);
  /** `(tokens, expertsPerToken)`: the largest ones, and which they are. */
  const largest = (scores: string): readonly [string, string] => {
    const indices = `${scores}.experts`;
    const attributes = { axis: -1 };
    return [node("TopK", [scores, perToken], { attributes, moreOutputs: [indices] }), indices];
  };
  const softmax = (scores: string): string => node("Softmax", [scores], { attributes: { axis: -1 } });
  const [scores, experts] = largest(areWeightsNormalized ? logits : softmax(logits));
  const weights = areWeightsNormalized ? softmax(scores) : scores;
  /** A pair of a token and one of its experts is `token · expertsPerToken + rank`. */
  const pairs = reshape(experts, [-1]);
  const pairCount = node("Shape", [pairs]);
  const ascending = (values: string): string => {
    const order = `${values}.order`;
    const attributes = { axis: 0, largest: 0 };
    node("TopK", [values, pairCount], { attributes, moreOutputs: [order] });
    return order;
  };
  const order = ascending(pairs);
  const isSent = node("OneHot", [pairs, integers([expertCount]), integers([0, 1])]);
  const counts = node("ReduceSum", [isSent, first], { attributes: { keepdims: 0 } });
  return {
    sent: { tokens: x, order: node("Div", [order, perToken]), counts },
    join(sorted, width) {
      const ofTokens = reshape(node("Gather", [sorted, ascending(order)]), [-1, expertsPerToken, width]);
      return reshape(node("MatMul", [reshape(weights, [-1, 1, expertsPerToken]), ofTokens]), [-1, width]);
    },
  };
}

/** A part of a graph. */
interface Branch {
  readonly nodes: readonly OnnxNode[];
  /** A name that they make, `(T, W)` of float32. */
  readonly output: string;
  /** A name of such a value outside of the branch, which it would be without the branch. */
  readonly otherwise: string;
}

/**
 * A branch that is always taken: the time in which the runtime plans the memory of a graph grows with the square of its
 * nodes, and those of a branch are planned apart.
 */
export function writeBranch(
  writer: GraphWriter,
  condition: string,
  { nodes, output, otherwise }: Branch,
): string {
  const branch = (name: string, all: readonly OnnxNode[]): OnnxAttribute => ({
    graph: { nodes: all, outputs: [{ name, dtype: "float32", shape: ["T", "W"] }] },
  });
  const same = `${output}.none`;
  const attributes = {
    then_branch: branch(output, nodes),
    else_branch: branch(same, [{ op: "Identity", inputs: [otherwise], outputs: [same] }]),
  };
  return writer.node("If", [condition], { attributes });
}
