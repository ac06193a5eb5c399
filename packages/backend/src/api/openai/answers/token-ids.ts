import type { TrackedDelta } from "../../shared/generation/track-progress.ts";
import { arraySchema, integerSchema, type JsonMap } from "../../shared/json-schema.ts";
import type { ChoiceWriter } from "./answer-writer.ts";

/** How the ids are added. */
export interface TokenIdsOptions {
  /** Answers to each prompt. */
  readonly n: number;
  /** Where vLLM has the tokens of the prompt: in each choice, or once in the answer. */
  readonly promptTokenIds: "choices" | "answer";
}

/** The fields that are added, in schemas of choices. */
export const tokenIdsFields: JsonMap = {
  token_ids: arraySchema(integerSchema),
  prompt_token_ids: arraySchema(integerSchema),
};

/** Adds fields to the JSON text of an object that has some. */
export function withFields(json: string, fields: object): string {
  const added = JSON.stringify(fields).slice(1, -1);
  return added === "" ? json : `${json.slice(0, -1)},${added}}`;
}

/**
 * Adds to choices the ids of their tokens (`token_ids`), special tokens included, and those of the prompt
 * (`prompt_token_ids`). In a stream, the ids are in the first chunk that is sent when their tokens have come.
 */
export function withTokenIds(
  writer: ChoiceWriter,
  { n, promptTokenIds: place }: TokenIdsOptions,
): ChoiceWriter {
  const prompts: (readonly number[])[] = [];
  const answers = new Map<number, number[]>();
  const told = new Set<number>();
  const at = ({ requestIndex, delta }: TrackedDelta): number => requestIndex * n + delta.index;
  const append = (reply: TrackedDelta): number => {
    const index = at(reply);
    const ids = answers.get(index) ?? [];
    for (const id of reply.delta.tokenIds) ids.push(id);
    answers.set(index, ids);
    return index;
  };
  const promptField = (index: number): object =>
    place === "choices" ? { prompt_token_ids: prompts[Math.floor(index / n)] } : {};
  return {
    ...writer,
    onPromptTokenIds: (requestIndex, tokenIds) => {
      prompts[requestIndex] = tokenIds;
    },
    *chunkChoices(reply) {
      const index = append(reply);
      for (const batch of writer.chunkChoices(reply)) {
        const [first] = batch;
        if (first !== undefined) {
          const isFirst = !told.has(index);
          told.add(index);
          const fields = { ...(isFirst && promptField(index)), token_ids: answers.get(index) ?? [] };
          batch[0] = withFields(first, fields);
          answers.delete(index);
        }
        yield batch;
      }
    },
    collect: (reply) => {
      append(reply);
      writer.collect(reply);
    },
    onRestart: (requestIndex) => {
      for (let index = requestIndex * n; index < (requestIndex + 1) * n; index += 1) answers.delete(index);
      writer.onRestart?.(requestIndex);
    },
    choices: () =>
      writer
        .choices()
        .map((choice, index) =>
          Object.assign({}, choice, promptField(index), { token_ids: answers.get(index) ?? [] }),
        ),
    answerFields: () => (place === "answer" ? { prompt_token_ids: prompts[0] } : {}),
  };
}
