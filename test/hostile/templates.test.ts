import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../e2e/support/run-cli.ts";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";

/** Writes the final text twice, and trims the first. */
const twice =
  "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</{{ m.role }}>{% endfor %}again: {{ messages[-1].content }}.";

interface Answer {
  readonly status: number;
  readonly prompt?: string;
  readonly error?: { readonly message: string; readonly code: string };
}

let folder: string;
let daemon: TestDaemon;

/** What a model reads of a conversation. */
async function promptOf(model: string, request: string | object): Promise<Answer> {
  const body = typeof request === "string" ? request : JSON.stringify(request);
  const post = (path: string, text: string): Promise<Response> =>
    fetch(daemon.url + path, { method: "POST", headers: { "content-type": "application/json" }, body: text });
  const response = await post("/tokenize", `{"model":"${model}",${body.slice(1)}`);
  const { tokens, error } = (await response.json()) as Answer & { readonly tokens?: readonly number[] };
  if (error !== undefined) return { status: response.status, error };
  const { prompt } = (await (await post("/detokenize", JSON.stringify({ model, tokens }))).json()) as Answer;
  return { status: response.status, prompt: prompt ?? "" };
}

const shows =
  "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}\n{{ c.function.arguments }}\n{% endfor %}{% endfor %}{{ given | tojson if given is defined }}\n{{ given }}";

/** JSON text, what Python's `json.dumps(json.loads(text))` writes of it, and `str(json.loads(text))`. */
const read: readonly (readonly [string, string, string])[] = [
  ['{"b": 1, "10": 2, "9": 3}', '{"b": 1, "10": 2, "9": 3}', "{'b': 1, '10': 2, '9': 3}"],
  ['{"x":1.0,"y":-0.0,"z":1e2}', '{"x": 1.0, "y": -0.0, "z": 100.0}', "{'x': 1.0, 'y': -0.0, 'z': 100.0}"],
  [
    "[9007199254740993,-9007199254740993]",
    "[9007199254740993, -9007199254740993]",
    "[9007199254740993, -9007199254740993]",
  ],
  [
    "[1e16,1.5e-7,123456789.125,1E400]",
    "[1e+16, 1.5e-07, 123456789.125, Infinity]",
    "[1e+16, 1.5e-07, 123456789.125, inf]",
  ],
  ['{"a":1,"b":2,"a":3}', '{"a": 3, "b": 2}', "{'a': 3, 'b': 2}"],
  [' [ true , false , null , "\\u00e9\\n" ] ', '[true, false, null, "é\\n"]', "[True, False, None, 'é\\n']"],
];
/** Only inside of a text: a body is JSON. */
const onlyPython: readonly (readonly [string, string, string])[] = [
  [
    '{"__proto__":{"constructor":1}}',
    '{"__proto__": {"constructor": 1}}',
    "{'__proto__': {'constructor': 1}}",
  ],
  [
    '{"a":NaN,"b":[Infinity,-Infinity]}',
    '{"a": NaN, "b": [Infinity, -Infinity]}',
    "{'a': nan, 'b': [inf, -inf]}",
  ],
  ["{not JSON}", '"{not JSON}"', "{not JSON}"],
  ['{"a":1}x', '"{\\"a\\":1}x"', '{"a":1}x'],
  ["1.0", '"1.0"', "1.0"],
];

/** What Jinja 3.1 has beside what most templates use. */
const rich = [
  "{%- macro show(v, deep=false) -%}<{{ v }}{{ '!' if deep }}>{%- endmacro -%}",
  "{%- for tool in tools | selectattr('function', 'defined') -%}tool{%- endfor -%}",
  "{%- with last = messages[-1] -%}{{ show(last.role, deep=true) }}{%- endwith -%}",
  "{%- raw -%}{{ raw }}{%- endraw -%}",
  "{{ 7 | round }} {{ 1e3 }} {{ (1,) }} {{ 1 < 2 < 3 }} {{ '{:>4}|{}'.format('a', 1) }} {{ 'a b' | urlencode }}",
  "{% for pair in [1, 2, 3] | batch(2) %}{{ pair }}{% endfor %}",
  "{% for x in [1, [2, [3]]] recursive %}{{ loop(x) if x is not number else x }}{% endfor %}",
  "{% set c = cycler('odd', 'even') %}{% set j = joiner('+') %}{% for x in [1, 2] %}{{ j() }}{{ c.next() }}{% endfor %}",
].join("");

/** Each one is rendered where the text of the message has its name. */
const hostile: Readonly<Record<string, string>> = {
  lists: `{% set x = [1] %}${"{% set x = [x, x] %}".repeat(60)}{{ x }}`,
  loops: "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
  split: "{% set t = 'a ' * 99999 %}{% for i in range(99999) %}{% set y = t.split() %}{% endfor %}",
  text: "{% set ns = namespace(t='ab') %}{% for i in range(99) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
  range: "{{ range(10 ** 9) | list }}",
  repeat: "{{ 'a' * 10 ** 9 }}",
  width: "{{ '%999999999d' % 1 }}",
  power: "{{ 10 ** (10 ** 10) }}",
  macro: "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
};
/** What is no template, and what is said of it. */
const broken = [
  ["{% if true %}\n{{ 1 }", "line 2"],
  [`{{ ${"(".repeat(10_000)} }}`, "line 1"],
  ["\n\n{% nothing %}", "line 3"],
] as const;

const branches = Object.entries(hostile).map(
  ([name, source]) => `{% if ask == '${name}' %}${source}{% endif %}`,
);

/** Each is the template of a model of that name. */
const templates: Readonly<Record<string, string>> = {
  shows,
  twice,
  counts: "{{ messages[-1].content | length }}: {{ messages[-1].content }}",
  rich,
  hostile: `{% set ask = messages[-1].content %}${branches.join("")}{{ ask }}`,
  ...Object.fromEntries(broken.slice(1).map(([source], index) => [`broken-${index + 1}`, source])),
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-templates-"));
  const models: Record<string, object> = {};
  for (const [name, source] of Object.entries(templates)) {
    const chatTemplate = join(folder, `${name}.jinja`);
    await writeFile(chatTemplate, source);
    models[name] = { path: "embedded", chatTemplate };
  }
  const file = join(folder, "infernode.config.json");
  await writeFile(file, JSON.stringify({ models, engine: { threads: 1 } }));
  daemon = await startDaemon({ args: ["--config", file] });
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

describe("what a client sent is what the template sees", () => {
  const conversation = (text: string) => [
    { role: "user", content: "Hi" },
    {
      role: "assistant",
      content: "",
      tool_calls: [{ type: "function", function: { name: "f", arguments: text } }],
    },
  ];

  test.each([...read, ...onlyPython])("in the arguments of a call: %s", async (text, json, printed) => {
    const { prompt } = await promptOf("shows", { messages: conversation(text) });
    expect(prompt).toBe(`${json}\n${printed}\n\n`);
  });

  test.each(read)("in chat_template_kwargs: %s", async (text, json, printed) => {
    for (const name of ["chat_template_kwargs", "chat\\u005ftemplate_kwargs"]) {
      const body = `{"x":0,"messages":[{"role":"user","content":"{\\"chat_template_kwargs\\":["}], "${name}" : {"given":${text}} }`;
      const { prompt } = await promptOf("shows", body.replace('"x":0,', ""));
      expect(prompt).toBe(`${json}\n${printed}`);
    }
  });

  test("and half of a surrogate pair is refused by its place", async () => {
    const { status, error } = await promptOf("shows", { messages: conversation('{"a":"\\ud83d"}') });
    expect([status, error?.code]).toEqual([400, "chat_template_failed"]);
    expect(error?.message).toContain("messages[1].tool_calls[0].function.arguments");
    const { prompt } = await promptOf("shows", {
      messages: conversation('{"a":"\\ud83d\\ude42 \\\\ud83d"}'),
    });
    expect(prompt).toContain('{"a": "🙂 \\\\ud83d"}');
  });
});

describe("a final message that is left open", () => {
  test("has nothing in it that the template or the client did not write", async () => {
    const messages = [
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Once upon " },
    ];
    const { prompt } = await promptOf("twice", { messages, continue_final_message: true });
    expect(prompt).toBe("<user>Hi</user><assistant>Once upon</assistant>again: Once upon ");
  });

  test("is refused where the template changes it", async () => {
    const messages = [{ role: "user", content: "Hi" }];
    const { status, error } = await promptOf("counts", { messages, continue_final_message: true });
    expect([status, error?.code]).toEqual([400, "chat_template_failed"]);
    expect(error?.message).toContain("writes the final message's text as it is");
  });
});

describe("the template engine", () => {
  test("knows what Jinja knows", async () => {
    const { prompt } = await promptOf("rich", { messages: [{ role: "user", content: "Hi" }] });
    expect(prompt).toBe("<user!>{{ raw }}7 1000.0 (1,) True    a|1 a%20b[1, 2][3]123odd+even");
  });

  test("ends what would not end, with an error of that request alone", async () => {
    const engine = daemon.enginePid("hostile");
    for (const name of Object.keys(hostile)) {
      const { status, error } = await promptOf("hostile", { messages: [{ role: "user", content: name }] });
      expect([name, status, error?.code]).toEqual([name, 400, "chat_template_failed"]);
      expect(error?.message).toMatch(/hostile\.jinja, line 1: expected at most \d+ /);
    }
    const { prompt } = await promptOf("hostile", { messages: [{ role: "user", content: "Hi" }] });
    expect(prompt).toBe("Hi");
    expect(daemon.enginePid("hostile")).toBe(engine);
  });

  test("refuses to start with what is no template, by file and line", async () => {
    const path = join(folder, "broken.jinja");
    const [source, line] = broken[0];
    await writeFile(path, source);
    const { exitCode, stderr } = await runCli(["serve", "--port", "0", "--chat-template", path]);
    expect(exitCode).toBe(4);
    for (const words of ["INVALID_CHAT_TEMPLATE", line, "broken.jinja"]) expect(stderr).toContain(words);
    for (const [index, [, place]] of [...broken.entries()].slice(1)) {
      const failed = await daemon.waitForLog(
        ({ msg, model }) => msg === "engine failed" && model === `broken-${index}`,
      );
      expect(failed["reasons"]).toEqual([expect.stringMatching(`broken-${index}\\.jinja.*${place}`)]);
      expect(failed["reasons"]).toEqual([expect.stringContaining("INVALID_CHAT_TEMPLATE")]);
    }
  });
});
