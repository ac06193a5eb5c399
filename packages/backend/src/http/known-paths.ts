/** The paths of a server and their methods, for 405, OPTIONS and the format of errors. */
export interface KnownPaths {
  /** Adds a route; a `*` at the end of the pattern stands for anything, and `:id` for what is between slashes. */
  add(pattern: string, methods: readonly string[]): void;
  /** In alphabetical order; empty for a path that does not exist. */
  methodsOf(url: string): readonly string[];
  /** The pattern of the first route that the path matches. */
  patternOf(url: string): string | undefined;
}

function matches(pattern: string, url: string): boolean {
  const [path = ""] = url.split("?", 1);
  if (pattern.endsWith("*")) return path.startsWith(pattern.slice(0, -1)) && path.length >= pattern.length;
  if (!pattern.includes(":")) return pattern === path;
  const parts = path.split("/");
  const wanted = pattern.split("/");
  return (
    parts.length === wanted.length &&
    wanted.every((each, index) => (each.startsWith(":") ? parts[index] !== "" : parts[index] === each))
  );
}

/** Creates an empty list. */
export function createKnownPaths(): KnownPaths {
  const routes: { readonly pattern: string; readonly methods: readonly string[] }[] = [];
  return {
    add: (pattern, methods) => void routes.push({ pattern, methods }),
    methodsOf(url) {
      const methods = routes.filter(({ pattern }) => matches(pattern, url)).flatMap((route) => route.methods);
      return methods.length === 0 ? [] : [...new Set([...methods, "OPTIONS"])].sort();
    },
    patternOf: (url) => routes.find(({ pattern }) => matches(pattern, url))?.pattern,
  };
}
