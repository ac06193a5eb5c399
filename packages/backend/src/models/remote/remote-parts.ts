import { randomUUID } from "node:crypto";
import { isRecord } from "../../is-record.ts";
import type { AnswerPart } from "../../parsers/part-sink.ts";
import { protocolError } from "./remote-error.ts";

/** Calls in one answer. */
const maxCalls = 1024;

function show(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? "nothing";
}

function readText(value: unknown, name: string): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  throw protocolError(`\`${name}\` of text`, show(value));
}

interface RemoteCall {
  readonly callIndex: number;
  hasArguments: boolean;
}

/** The parts of one answer of a server, from delta to delta. */
export class RemoteParts {
  /** By the server's index. */
  readonly #calls = new Map<unknown, RemoteCall>();

  /** Reads the parts of a delta, besides its content. @throws BackendError `ENGINE_PROTOCOL` */
  read(delta: Readonly<Record<string, unknown>>): {
    readonly before: AnswerPart[];
    readonly after: AnswerPart[];
  } {
    // Both names have the same text.
    const reasoning = readText(delta["reasoning_content"] ?? delta["reasoning"], "reasoning_content");
    return {
      before: reasoning === "" ? [] : [{ type: "reasoning", text: reasoning }],
      after: this.#readCalls(delta["tool_calls"]),
    };
  }

  /** The arguments of calls that the server sent none for. */
  end(): AnswerPart[] {
    const empty = [...this.#calls.values()].filter(({ hasArguments }) => !hasArguments);
    return empty.map(({ callIndex }) => ({ type: "arguments", callIndex, text: "{}" }));
  }

  #readCalls(value: unknown): AnswerPart[] {
    if (value === null || value === undefined) return [];
    if (!Array.isArray(value)) throw protocolError("`tool_calls` in an array", show(value));
    return value.flatMap((call: unknown, at) => this.#readCall(call, at));
  }

  #readCall(value: unknown, at: number): AnswerPart[] {
    const called = isRecord(value) ? value["function"] : undefined;
    if (!isRecord(value) || !isRecord(called)) throw protocolError("calls of functions", show(value));
    const { index = at, id } = value;
    const parts: AnswerPart[] = [];
    let call = this.#calls.get(index);
    if (call === undefined) {
      const name = readText(called["name"], "name");
      if (name === "" || this.#calls.size >= maxCalls) throw protocolError("a call with a name", show(value));
      call = { callIndex: this.#calls.size, hasArguments: false };
      this.#calls.set(index, call);
      const callId = typeof id === "string" && id !== "" ? id : `call_${randomUUID()}`;
      parts.push({ type: "call", callIndex: call.callIndex, id: callId, name });
    }
    const text = readText(called["arguments"], "arguments");
    if (text !== "") parts.push({ type: "arguments", callIndex: call.callIndex, text });
    call.hasArguments ||= text !== "";
    return parts;
  }
}
