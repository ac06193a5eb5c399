import type { FinishReason } from "@infernode/inference";
import type { AnswerPart } from "../../../parsers/part-sink.ts";
import { ApiError } from "../../shared/api-error.ts";
import { partsOf, type TokenDelta } from "../../../operations/token-delta.ts";
import {
  createCallItem,
  createMessageItem,
  createReasoningItem,
  type ItemStatus,
  type OutputItem,
  type ResponseEvent,
} from "./output-items.ts";

/** An item and its place; `whole` once it has ended. */
interface Entry {
  readonly index: number;
  readonly kind: AnswerPart["type"];
  readonly item: OutputItem;
  whole?: object;
}

/** The items of one answer, and the events that tell of them: an item ends where another one begins. */
export class ResponseOutput {
  /** Of the answer; ids of its items are made from it. */
  readonly #id: string;
  readonly #entries: Entry[] = [];
  readonly #calls = new Map<number, Entry>();
  #finishReason: FinishReason | undefined;

  constructor(id: string) {
    this.#id = id;
  }

  get isIncomplete(): boolean {
    return this.#finishReason === "length";
  }

  /** The items that have ended. */
  get items(): readonly object[] {
    return this.#entries.flatMap(({ whole }) => (whole === undefined ? [] : [whole]));
  }

  add(delta: TokenDelta): ResponseEvent[] {
    const events: ResponseEvent[] = [];
    for (const part of partsOf(delta)) this.#addPart(part, events);
    this.#finishReason ??= delta.finishReason;
    return events;
  }

  /** Ends the last item; an answer without any has an empty message. */
  end(): ResponseEvent[] {
    const events: ResponseEvent[] = [];
    if (this.#entries.length === 0) this.#begin("content", createMessageItem(this.#nextId("msg")), events);
    this.#closeAll(this.isIncomplete, events);
    return events;
  }

  /** Ends the last item of an answer that goes no further. */
  cut(): ResponseEvent[] {
    const events: ResponseEvent[] = [];
    this.#closeAll(true, events);
    return events;
  }

  #closeAll(isLastIncomplete: boolean, events: ResponseEvent[]): void {
    const last = this.#entries.at(-1);
    for (const entry of this.#entries) {
      this.#close(entry, isLastIncomplete && entry === last ? "incomplete" : "completed", events);
    }
  }

  #addPart(part: AnswerPart, events: ResponseEvent[]): void {
    if (part.type === "call") {
      const entry = this.#begin(part.type, createCallItem(this.#nextId("fc"), part), events);
      this.#calls.set(part.callIndex, entry);
      return;
    }
    if (part.text === "") return;
    const entry =
      part.type === "arguments" ? this.#calls.get(part.callIndex) : this.#textEntry(part.type, events);
    if (entry === undefined || entry.whole !== undefined) {
      throw new ApiError("generation_failed", "The model's server sent arguments of a call that had ended");
    }
    entry.item.text.push(part.text);
    events.push({ ...entry.item.toDelta(part.text), ...placeOf(entry) });
  }

  /** The entry that a text of this kind continues, or a new one. */
  #textEntry(kind: "content" | "reasoning", events: ResponseEvent[]): Entry {
    const last = this.#entries.at(-1);
    if (last?.kind === kind) return last;
    const item =
      kind === "content" ? createMessageItem(this.#nextId("msg")) : createReasoningItem(this.#nextId("rs"));
    return this.#begin(kind, item, events);
  }

  #nextId(prefix: string): string {
    return `${prefix}_${this.#id}${this.#entries.length}`;
  }

  #begin(kind: AnswerPart["type"], item: OutputItem, events: ResponseEvent[]): Entry {
    const last = this.#entries.at(-1);
    // A remote server may send the arguments of a call without any at the end.
    const isWaiting = last?.kind === "call" && last.item.text.isEmpty;
    if (last !== undefined && !isWaiting) this.#close(last, "completed", events);
    const entry: Entry = { index: this.#entries.length, kind, item };
    this.#entries.push(entry);
    events.push({
      type: "response.output_item.added",
      output_index: entry.index,
      item: item.toObject("in_progress"),
    });
    const part = item.toPart("");
    if (part !== undefined) events.push({ type: "response.content_part.added", ...placeOf(entry), part });
    return entry;
  }

  #close(entry: Entry, status: ItemStatus, events: ResponseEvent[]): void {
    if (entry.whole !== undefined) return;
    const { item, index } = entry;
    const place = placeOf(entry);
    const part = item.toPart(item.text.toString());
    events.push({ ...item.toDone(), ...place });
    if (part !== undefined) events.push({ type: "response.content_part.done", ...place, part });
    entry.whole = item.toObject(status);
    events.push({ type: "response.output_item.done", output_index: index, item: entry.whole });
  }
}

/** Where the text of an item is. */
function placeOf({ item, index, kind }: Entry): object {
  const place = { item_id: item.id, output_index: index };
  return kind === "call" ? place : { ...place, content_index: 0 };
}
