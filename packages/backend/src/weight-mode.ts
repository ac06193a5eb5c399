/** How the matrices of a dense checkpoint are computed: as stored, or as integers of 8 or 4 bits with scales. */
export type WeightMode = (typeof weightModes)[number];
export const weightModes = ["none", "int8", "int4"] as const;
