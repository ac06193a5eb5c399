import type { IncomingHttpHeaders } from "node:http";
import type { NumberRange, PolicyName, RoutingRule, RuleConditions } from "../../config/routing-rule.ts";
import { createTextPattern } from "../../text/text-pattern.ts";

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
