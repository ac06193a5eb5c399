/** Which methods a path has, for 405 and OPTIONS. */
export interface KnownPaths {
  /** Notes a route; a `*` at the end of the pattern stands for anything. */
  add(pattern: string, methods: readonly string[]): void;
  /** In alphabetical order; empty for a path that is not there. */
  methodsOf(url: string): readonly string[];
}

function matches(pattern: string, path: string): boolean {
  if (pattern.endsWith("*")) return path.startsWith(pattern.slice(0, -1)) && path.length >= pattern.length;
  return pattern === path;
}

/** Creates an empty list. */
export function createKnownPaths(): KnownPaths {
  const routes: { readonly pattern: string; readonly methods: readonly string[] }[] = [];
  return {
    add: (pattern, methods) => void routes.push({ pattern, methods }),
    methodsOf(url) {
      const [path = ""] = url.split("?", 1);
      const methods = routes
        .filter(({ pattern }) => matches(pattern, path))
        .flatMap((route) => route.methods);
      return methods.length === 0 ? [] : [...new Set([...methods, "OPTIONS"])].sort();
    },
  };
}
