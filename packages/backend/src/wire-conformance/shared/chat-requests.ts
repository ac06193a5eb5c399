import type { Answer } from "./answer.ts";
import type { ProbedServer, RequestOptions } from "./probed-server.ts";

type Fields = Readonly<Record<string, unknown>>;

export const chatPath = "/chat/completions";
export const question = { role: "user", content: "Where does a fox sleep?" };

/** A short greedy chat. Fields that are `undefined` are left out. */
export function chatBody({ model }: ProbedServer, fields: Fields = {}): Fields {
  return { model, messages: [question], max_tokens: 16, temperature: 0, ...fields };
}

/** Asks for a short greedy chat. */
export function askChat(
  server: ProbedServer,
  fields: Fields = {},
  options?: RequestOptions,
): Promise<Answer> {
  return server.post(chatPath, chatBody(server, fields), options);
}

/** Asks for a stream of a short greedy chat. */
export function streamChat(
  server: ProbedServer,
  fields: Fields = {},
  options?: RequestOptions,
): Promise<Answer> {
  return askChat(server, { stream: true, ...fields }, options);
}
