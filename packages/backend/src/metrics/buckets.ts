/** Upper bounds in seconds of the time to first token; vLLM's. */
export const firstTokenBuckets: readonly number[] = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
  2560,
];

/** Upper bounds in seconds of the time between tokens; vLLM's. */
export const tokenIntervalBuckets: readonly number[] = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];

/** Upper bounds in seconds of the duration of a request; vLLM's. */
export const requestDurationBuckets: readonly number[] = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];

/** Upper bounds in seconds of a step. Steps of small models take less than a millisecond, too short for vLLM's bounds. */
export const stepDurationBuckets: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Upper bounds of the number of tokens per step; vLLM's. */
export const stepTokenBuckets: readonly number[] = [
  1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384,
];

/** Upper bounds of the number of answers per request; vLLM's. */
export const choiceCountBuckets: readonly number[] = [1, 2, 5, 10, 20];

/** Upper bounds in bytes of the size of HTTP messages. */
export const byteBuckets: readonly number[] = [
  256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
];

/** Creates the bounds 1, 2, 5, 10, 20, 50 … up to the limit. */
export function oneTwoFiveBuckets(limit: number): readonly number[] {
  const buckets: number[] = [];
  for (let magnitude = 1; magnitude <= limit; magnitude *= 10) {
    for (const factor of [1, 2, 5]) {
      if (factor * magnitude <= limit) buckets.push(factor * magnitude);
    }
  }
  return buckets;
}
