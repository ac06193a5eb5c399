const script = `
  const now = performance.now.bind(performance);
  if (process.argv[1]?.includes("engine-process")) performance.now = () => 100 * now();
`;

/**
 * Environment of a daemon in whose engine each step takes a hundred times as long, by its clock: no machine is so fast
 * that a large step takes a millisecond.
 */
export const slowMachine: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`,
};
