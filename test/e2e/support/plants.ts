import type { Plant, SentAnswer, SentRequest } from "./planting-server.ts";

/** Where something is in JSON; `*` is every element. */
type Path = readonly (string | number)[];
type Fields = Record<string | number, unknown>;

/** Sets a value where its place is there; `undefined` removes it. */
function setAt(json: unknown, [key, ...rest]: Path, value: unknown): void {
  if (typeof json !== "object" || json === null || key === undefined) return;
  const own = json as Fields;
  const keys = key === "*" ? Object.keys(own) : [key];
  for (const each of keys) {
    if (rest.length > 0) setAt(own[each], rest, value);
    else if (value === undefined) delete own[each];
    else if (Object.hasOwn(own, each)) own[each] = value;
  }
}

function edit(text: string, edits: readonly (readonly [path: string, value: unknown])[]): string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return text;
  }
  for (const [path, value] of edits) {
    setAt(
      json,
      path.split(".").map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
      value,
    );
  }
  return JSON.stringify(json);
}

const isStream = ({ headers }: SentAnswer): boolean =>
  headers["content-type"]?.startsWith("text/event-stream") === true;

/** Changes the data of events. */
function editData(text: string, change: (data: string) => string): string {
  return text.replaceAll(/^data: (.*)$/gm, (_, data: string) => `data: ${change(data)}`);
}

type Edits = readonly (readonly [path: string, value: unknown])[];

/** Changes values in the events of streams. */
export const inStreams =
  (...edits: Edits): Plant =>
  (answer) =>
    isStream(answer) ? { ...answer, text: editData(answer.text, (data) => edit(data, edits)) } : answer;

/** Changes values in answers that are whole. */
export const inWholes =
  (...edits: Edits): Plant =>
  (answer) =>
    isStream(answer) || answer.status !== 200 ? answer : { ...answer, text: edit(answer.text, edits) };

/** Changes values in errors. */
export const inErrors =
  (...edits: Edits): Plant =>
  (answer) =>
    answer.status < 400 ? answer : { ...answer, text: edit(answer.text, edits) };

/** Changes the text of streams. */
export const inText =
  (from: RegExp, to: string): Plant =>
  (answer) =>
    isStream(answer) ? { ...answer, text: answer.text.replace(from, to) } : answer;

/** Gives errors another status. */
export const withStatus =
  (status: number): Plant =>
  (answer) =>
    answer.status < 400 ? answer : { ...answer, status };

/** Sets a header, or leaves it out. */
export const withHeader =
  (name: string, value?: string): Plant =>
  (answer) => {
    const { [name]: _, ...others } = answer.headers;
    return { ...answer, headers: value === undefined ? others : { ...others, [name]: value } };
  };

const refusal: SentAnswer = {
  status: 400,
  headers: { "content-type": "application/json" },
  text: JSON.stringify({
    error: { message: "refused", type: "invalid_request_error", param: null, code: null },
  }),
};

/** Answers requests with something else. */
export const instead =
  (fits: (request: SentRequest) => boolean, answer: Partial<SentAnswer> = {}): Plant =>
  (right, request) =>
    fits(request) ? { ...refusal, ...answer } : right;

/** Applies a change to some requests only. */
export const where =
  (fits: (request: SentRequest) => boolean, plant: Plant): Plant =>
  (answer, request) =>
    fits(request) ? plant(answer, request) : answer;
