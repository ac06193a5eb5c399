/** Names of policies, as the configuration has them. */
export const policyNames = ["round-robin", "weighted", "least-loaded", "prefix-aware"] as const;

/** The name of a policy. */
export type PolicyName = (typeof policyNames)[number];
