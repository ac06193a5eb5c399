import type { Generation, StreamEvent } from "../../shared/generation.ts";
import { jsonPieces } from "../../shared/generation/json-pieces.ts";
import type { TrackedReplies } from "../../shared/generation/track-progress.ts";
import type { ApiError } from "../../shared/api-error.ts";
import { CancelledError } from "../../shared/cancelled-error.ts";
import type { ResponseEvent } from "./output-items.ts";
import { ResponseFailure } from "./response-failure.ts";
import type { ResponseState, WriteResponse, WrittenResponse } from "./response-object.ts";
import { ResponseOutput } from "./response-output.ts";

/** What an answer is written with. */
export interface AnswerForm {
  /** What ids of items are made from. */
  readonly itemId: string;
  readonly write: WriteResponse;
  /** Stores the response when it is completed; resolves with what is sent. */
  readonly keep: (response: WrittenResponse) => Promise<WrittenResponse>;
  readonly toError: (error: unknown) => ApiError;
}

async function collect(
  replies: TrackedReplies,
  { itemId, write, keep }: AnswerForm,
): Promise<Iterable<string>> {
  let output = new ResponseOutput(itemId);
  const onRestart = (): void => {
    output = new ResponseOutput(itemId);
  };
  for await (const { delta } of replies.deltas({ onRestart })) output.add(delta);
  output.end();
  const status = output.isIncomplete ? "incomplete" : "completed";
  return jsonPieces(await keep(write({ status, output: output.items, usage: replies.usage() })));
}

/** Numbers events. */
function createEventWriter(): { next: number; write(event: ResponseEvent): StreamEvent } {
  return {
    next: 0,
    write({ type, ...fields }) {
      const data = JSON.stringify({ type, sequence_number: this.next, ...fields });
      this.next += 1;
      return { name: type, data };
    },
  };
}

async function* writeEvents(
  replies: TrackedReplies,
  { itemId, write, keep, toError }: AnswerForm,
  onState: (response: object) => void,
): AsyncGenerator<readonly StreamEvent[]> {
  const events = createEventWriter();
  const output = new ResponseOutput(itemId);
  const writeAll = (batch: readonly ResponseEvent[]): StreamEvent[] =>
    batch.map((event) => events.write(event));
  /** The last event has the whole response. */
  const end = (type: string, state: Pick<ResponseState, "status" | "error">): StreamEvent => {
    const response = write({ ...state, output: output.items, usage: replies.usage() });
    onState(response);
    return events.write({ type, response });
  };
  const response = write({ status: "in_progress" });
  yield writeAll([
    { type: "response.created", response },
    { type: "response.in_progress", response },
  ]);
  try {
    for await (const { delta } of replies.deltas()) {
      const batch = writeAll(output.add(delta));
      if (batch.length > 0) yield batch;
    }
  } catch (error) {
    if (error instanceof CancelledError) {
      yield [...writeAll(output.cut()), end("response.incomplete", { status: "cancelled" })];
      return;
    }
    const failure = toError(error);
    yield [end("response.failed", { status: "failed", error: failure })];
    throw new ResponseFailure(failure, events.next);
  }
  yield writeAll(output.end());
  const status = output.isIncomplete ? "incomplete" : "completed";
  const ended = await keep(write({ status, output: output.items, usage: replies.usage() }));
  onState(ended);
  yield [events.write({ type: `response.${status}`, response: ended })];
}

/** Writes the answer to one request, as a whole or as events. */
export function writeAnswer(
  replies: TrackedReplies,
  form: AnswerForm,
): Pick<Generation, "collect" | "chunks" | "snapshot"> {
  let current: object | undefined;
  const onState = (response: object): void => {
    current = response;
  };
  return {
    collect: async () => collect(replies, form),
    chunks: () => writeEvents(replies, form, onState),
    snapshot: () => current ?? form.write({ status: "in_progress" }),
  };
}
