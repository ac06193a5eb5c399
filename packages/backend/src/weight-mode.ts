/** How the matrices of a dense checkpoint are computed: as stored, or as whole numbers in blocks with a scale each. */
export type WeightMode = (typeof weightModes)[number];
export const weightModes = ["none", "int8", "int4"] as const;
