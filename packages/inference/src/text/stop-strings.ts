interface Node {
  readonly children: Map<number, Node>;
  readonly depth: number;
  /** The node of the longest proper suffix in the automaton. */
  suffix: Node | undefined;
  /** The longest stop string that ends at this node. */
  match: string | undefined;
}

/**
 * Stop strings as one automaton: each character takes constant time, and a state's depth is the length of the text
 * that may still become a stop string. Shared by the answers of a request.
 * @see Aho and Corasick 1975, doi:10.1145/360825.360855
 */
export class StopStrings {
  readonly #root: Node = { children: new Map(), depth: 0, suffix: undefined, match: undefined };

  constructor(texts: readonly string[]) {
    for (const text of texts) this.#insert(text);
    this.#link();
  }

  matcher(options: { readonly includeStopInOutput: boolean }): StopMatcher {
    return new StopMatcher(this.#root, options.includeStopInOutput);
  }

  #insert(text: string): void {
    let node = this.#root;
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      let next = node.children.get(code);
      if (next === undefined) {
        next = { children: new Map(), depth: node.depth + 1, suffix: undefined, match: undefined };
        node.children.set(code, next);
      }
      node = next;
    }
    node.match = text;
  }

  /** Breadth first, so that a node's suffix is linked before the node. */
  #link(): void {
    const queue: Node[] = [this.#root];
    for (const node of queue) {
      for (const [code, child] of node.children) {
        child.suffix = node === this.#root ? this.#root : step(node.suffix ?? this.#root, code);
        child.match ??= child.suffix.match;
        queue.push(child);
      }
    }
  }
}

/** Matches one answer's text. The stop string that is complete first wins; of two, the longer. */
export class StopMatcher {
  readonly #includeStop: boolean;
  #node: Node;
  #held = "";
  #match: string | undefined;

  constructor(root: Node, includeStop: boolean) {
    this.#includeStop = includeStop;
    this.#node = root;
  }

  /** The stop string that was matched; nothing may be pushed afterwards. */
  get match(): string | undefined {
    return this.#match;
  }

  /** Takes text; returns what cannot be part of a stop string. */
  push(text: string): string {
    for (let i = 0; i < text.length; i += 1) {
      this.#node = step(this.#node, text.charCodeAt(i));
      const match = this.#node.match;
      if (match !== undefined) {
        this.#match = match;
        const whole = this.#held + text.slice(0, i + 1);
        this.#held = "";
        return this.#includeStop ? whole : whole.slice(0, whole.length - match.length);
      }
    }
    if (this.#includeStop) return text;
    const whole = this.#held + text;
    const emittedLength = whole.length - this.#node.depth;
    this.#held = whole.slice(emittedLength);
    return whole.slice(0, emittedLength);
  }

  /** Returns what was held back; the text has ended. */
  flush(): string {
    return this.#held;
  }
}

function step(from: Node, code: number): Node {
  let node: Node | undefined = from;
  while (node !== undefined) {
    const next = node.children.get(code);
    if (next !== undefined) return next;
    if (node.suffix === undefined) return node;
    node = node.suffix;
  }
  return from;
}
