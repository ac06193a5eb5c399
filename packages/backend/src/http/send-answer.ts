import type { FastifyReply } from "fastify";
import { abortWhenClientGone, clientGoneCode } from "./connection/client-gone.ts";
import type { Exchange } from "./exchange.ts";

/** Sends an answer; the work stops when the client disconnects. */
export async function sendAnswer(
  reply: FastifyReply,
  exchange: Exchange,
  answer: (signal: AbortSignal) => Promise<unknown>,
): Promise<FastifyReply> {
  const signal = abortWhenClientGone(reply.raw);
  try {
    return await reply.send(await answer(signal));
  } catch (error) {
    if (!signal.aborted) throw error;
    exchange.cutBy = clientGoneCode;
    reply.hijack();
    return reply;
  }
}
