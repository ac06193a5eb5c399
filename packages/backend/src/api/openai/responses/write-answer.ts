import type { Generation, StreamEvent } from "../../shared/generation.ts";
import { jsonPieces } from "../../shared/generation/json-pieces.ts";
import type { TrackedReplies } from "../../shared/generation/track-progress.ts";
import type { ApiError } from "../../shared/api-error.ts";
import type { ResponseEvent } from "./output-items.ts";
import { ResponseFailure } from "./response-failure.ts";
import type { WriteResponse } from "./response-object.ts";
import { ResponseOutput } from "./response-output.ts";

/** What an answer is written with. */
export interface AnswerForm {
  /** What ids of items are made from. */
  readonly itemId: string;
  readonly write: WriteResponse;
  readonly toError: (error: unknown) => ApiError;
}

async function collect(replies: TrackedReplies, { itemId, write }: AnswerForm): Promise<Iterable<string>> {
  let output = new ResponseOutput(itemId);
  const onRestart = (): void => {
    output = new ResponseOutput(itemId);
  };
  for await (const { delta } of replies.deltas({ onRestart })) output.add(delta);
  output.end();
  const status = output.isIncomplete ? "incomplete" : "completed";
  return jsonPieces(write({ status, output: output.items, usage: replies.usage() }));
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
  { itemId, write, toError }: AnswerForm,
): AsyncGenerator<readonly StreamEvent[]> {
  const events = createEventWriter();
  const output = new ResponseOutput(itemId);
  const response = write({ status: "in_progress" });
  yield [
    events.write({ type: "response.created", response }),
    events.write({ type: "response.in_progress", response }),
  ];
  try {
    for await (const { delta } of replies.deltas()) {
      const batch = output.add(delta).map((event) => events.write(event));
      if (batch.length > 0) yield batch;
    }
  } catch (error) {
    const failure = toError(error);
    const failed = write({ status: "failed", output: output.items, usage: replies.usage(), error: failure });
    yield [events.write({ type: "response.failed", response: failed })];
    throw new ResponseFailure(failure, events.next);
  }
  const last = output.end().map((event) => events.write(event));
  const status = output.isIncomplete ? "incomplete" : "completed";
  const ended = write({ status, output: output.items, usage: replies.usage() });
  yield [...last, events.write({ type: `response.${status}`, response: ended })];
}

/** Writes the answer to one request, as a whole or as events. */
export function writeAnswer(
  replies: TrackedReplies,
  form: AnswerForm,
): Pick<Generation, "collect" | "chunks"> {
  return { collect: async () => collect(replies, form), chunks: () => writeEvents(replies, form) };
}
