import { parseJson } from "./answer.ts";
import type { ProbedServer } from "./probed-server.ts";
import { valueAt } from "./json-values.ts";

/** Where a server says how many requests it computes. */
interface ActivitySource {
  readonly path: string;
  /** The count in the text, `undefined` if it is not there. */
  read(text: string): number | undefined;
}

/** The sum of metrics over their labels. */
function readMetrics(...names: readonly string[]): ActivitySource["read"] {
  return (text) => {
    const values = text
      .split("\n")
      .filter((line) => names.some((name) => line.startsWith(name) && /[{ ]/.test(line[name.length] ?? "")))
      .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  };
}

function readSlots(text: string): number | undefined {
  const slots = parseJson(text);
  if (!Array.isArray(slots) || valueAt(slots, 0, "is_processing") === undefined) return undefined;
  return slots.filter((slot) => valueAt(slot, "is_processing") === true).length;
}

const sources: readonly ActivitySource[] = [
  // Of vLLM, and of servers that name their metrics as it does.
  { path: "/metrics", read: readMetrics("vllm:num_requests_running", "vllm:num_requests_waiting") },
  // Of llama.cpp's server.
  { path: "/metrics", read: readMetrics("llamacpp:requests_processing", "llamacpp:requests_deferred") },
  { path: "/slots", read: readSlots },
];

/** Counts the requests that a server computes, as often as it is called; `undefined` if the server does not say. */
export async function countRunning(server: ProbedServer): Promise<number | undefined> {
  for (const source of sources) {
    const { status, text } = await server.get(source.path, { under: "root", isFresh: true });
    const count = status === 200 ? source.read(text) : undefined;
    if (count !== undefined) return count;
  }
  return undefined;
}
