/** Names of policies, as the configuration has them. */
export const policyNames = ["round-robin", "weighted", "least-loaded", "prefix-aware"] as const;

/** The name of a policy. */
export type PolicyName = (typeof policyNames)[number];

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
  /** Each of these, by name in any case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly promptCharacters?: NumberRange | undefined;
  /** Requests in flight for each backend of the requested model, on average. */
  readonly load?: NumberRange | undefined;
}

/** A routing rule. */
export interface RoutingRule {
  readonly name: string;
  /** The highest first; of equal ones the first in the list. */
  readonly priority: number;
  readonly when: RuleConditions;
  /** The model that is asked for instead. */
  readonly model?: string | undefined;
  /** Only backends with these ids; `*` stands for anything. */
  readonly backends?: readonly string[] | undefined;
  readonly policy?: PolicyName | undefined;
}
