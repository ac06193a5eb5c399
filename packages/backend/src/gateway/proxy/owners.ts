/** Which backend keeps a response or a conversation. The least recently used are forgotten. */
export interface Owners {
  /** The id of the backend. */
  of(id: string): string | undefined;
  set(id: string, backendId: string): void;
}

const subjectPath = /^\/v1\/(?:responses|conversations)\/([^/]+)/;

/** Whose paths are no ids. */
const ownWords = new Set(["input_tokens"]);

const answeredId = /"id"\s*:\s*"((?:resp|conv)[\w-]{1,120})"/;

/** An id stands in the beginning of an answer. */
const searchedBytes = 1024;

/** The id of the response or conversation that a path is about. */
export function subjectOf(path: string): string | undefined {
  const id = subjectPath.exec(path)?.[1];
  return id === undefined || ownWords.has(id) ? undefined : id;
}

/** Whether answers of a path have the id of what the backend keeps. */
export function keepsAnswers(method: string, path: string): boolean {
  return method === "POST" && (path === "/v1/responses" || path === "/v1/conversations");
}

/** The id in the beginning of an answer. */
export function idIn(bytes: Buffer): string | undefined {
  return answeredId.exec(bytes.toString("latin1", 0, searchedBytes))?.[1];
}

/** Creates an empty table. */
export function createOwners(maxCount: number): Owners {
  const backends = new Map<string, string>();
  const set = (id: string, backendId: string): void => {
    backends.delete(id);
    backends.set(id, backendId);
    if (backends.size <= maxCount) return;
    const [oldest] = backends.keys();
    if (oldest !== undefined) backends.delete(oldest);
  };
  return {
    set,
    of(id) {
      const backendId = backends.get(id);
      if (backendId !== undefined) set(id, backendId);
      return backendId;
    },
  };
}
