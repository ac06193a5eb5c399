import type { IncomingHttpHeaders } from "node:http";
import { createTextPattern } from "../../text/text-pattern.ts";
import type { PolicyName } from "./policy-names.ts";

/** A closed range; without a bound it is open there. */
export interface NumberRange {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** When a rule holds: each condition that it has. In texts `*` stands for anything. */
export interface RuleConditions {
  /** Any of these. */
  readonly model?: readonly string[] | undefined;
  /** Any of these names of clients' keys. */
  readonly key?: readonly string[] | undefined;
  /** Each of these, by name in lower case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly promptCharacters?: NumberRange | undefined;
  /** Requests in flight for each backend of the requested model, on average. */
  readonly load?: NumberRange | undefined;
}

/** A routing rule of the configuration. */
export interface RoutingRule {
  readonly name: string;
  /** The highest first; of equal ones the first in the list. */
  readonly priority: number;
  readonly when: RuleConditions;
  /** The model that is asked for instead. */
  readonly model: string | undefined;
  /** Only backends with these ids; `*` stands for anything. */
  readonly backends: readonly string[] | undefined;
  readonly policy: PolicyName | undefined;
}

/** What rules look at. */
export interface RuleRequest {
  readonly model: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly promptCharacters: number;
  readonly keyName: string | undefined;
  /** Only asked for where a rule needs it. */
  load(): number;
}

/** What the first rule that holds says. */
export interface RouteDecision {
  readonly rule: string;
  readonly model: string | undefined;
  readonly policy: PolicyName | undefined;
  acceptsBackend(id: string): boolean;
}

type Condition = (request: RuleRequest) => boolean;

function anyOf(patterns: readonly string[]): (text: string | undefined) => boolean {
  const compiled = patterns.map(createTextPattern);
  return (text) => text !== undefined && compiled.some((matches) => matches(text));
}

function within({ min = -Infinity, max = Infinity }: NumberRange, value: number): boolean {
  return value >= min && value <= max;
}

function compileConditions({ model, key, headers, promptCharacters, load }: RuleConditions): Condition[] {
  const conditions: Condition[] = [];
  if (model !== undefined) {
    const matches = anyOf(model);
    conditions.push((request) => matches(request.model));
  }
  if (key !== undefined) {
    const matches = anyOf(key);
    conditions.push(({ keyName }) => matches(keyName));
  }
  for (const [name, pattern] of Object.entries(headers ?? {})) {
    const matches = createTextPattern(pattern);
    conditions.push((request) => {
      const value = request.headers[name.toLowerCase()];
      return value !== undefined && [value].flat().some(matches);
    });
  }
  if (promptCharacters !== undefined) {
    conditions.push((request) => within(promptCharacters, request.promptCharacters));
  }
  // The last: it is the only one that has to look at the backends.
  if (load !== undefined) conditions.push((request) => within(load, request.load()));
  return conditions;
}

/** Compiles rules. The function returned finds the first that holds; it calls no model. */
export function compileRules(
  rules: readonly RoutingRule[],
): (request: RuleRequest) => RouteDecision | undefined {
  const compiled = rules
    .toSorted((a, b) => b.priority - a.priority)
    .map((rule) => {
      const accepts = rule.backends === undefined ? () => true : anyOf(rule.backends);
      const decision: RouteDecision = {
        rule: rule.name,
        model: rule.model,
        policy: rule.policy,
        acceptsBackend: accepts,
      };
      return { conditions: compileConditions(rule.when), decision };
    });
  return (request) =>
    compiled.find(({ conditions }) => conditions.every((holds) => holds(request)))?.decision;
}
