import { describe, expect, test } from "vitest";
import { call, content, reasoning, readAnswer, readPieces, type JoinedPart } from "../read-answer.ts";

type Row = readonly [text: string, parts: readonly JoinedPart[]];

/** Answers of each format, and their parts. */
const formats: Readonly<Record<string, readonly Row[]>> = {
  mistral: [
    ['[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}]', [call("f", '{"a": 1}')]],
    [
      'Hm.\n[TOOL_CALLS][{"name":"f","arguments":{}}, {"name":"look","arguments":{"b":"]"},"id":"x"}]',
      [content("Hm."), call("f", "{}"), call("look", '{"b":"]"}')],
    ],
    ['[TOOL_CALLS]f{"a": 1}[TOOL_CALLS]look[ARGS]{}', [call("f", '{"a": 1}'), call("look", "{}")]],
    ['[TOOL_CALLS]f[CALL_ID]abc123XYZ[ARGS]{"a":1}', [call("f", '{"a":1}')]],
    ["[TOOL_CALLS] none", [content("[TOOL_CALLS] none")]],
    ["[TOOL_CALLS]f[ARGS] none", [content("[TOOL_CALLS]f[ARGS] none")]],
    ["[TOOL_CALLS] [1]", [content("[TOOL_CALLS] [1]")]],
  ],
  llama3: [
    ['{"name": "f", "parameters": {"a": 1}}', [call("f", '{"a": 1}')]],
    ['\n{"type": "function", "name": "f", "parameters": {"a": "}"}}', [call("f", '{"a": "}"}')]],
    ['<|python_tag|>{"name": "other", "parameters": {}}', [call("other", "{}")]],
    ['{"name":"f","parameters":{}}; {"name":"look","parameters":{}}', [call("f", "{}"), call("look", "{}")]],
    ['Sure <|python_tag|>{"name":"f","parameters":{}} ok', [content("Sure"), call("f", "{}"), content("ok")]],
    ['{"name": "Ann", "age": 5}', [content('{"name": "Ann", "age": 5}')]],
    ['Sure: {"name": "f", "parameters": {}}', [content('Sure: {"name": "f", "parameters": {}}')]],
    ['<|python_tag|>search.call(q="x")', [content('<|python_tag|>search.call(q="x")')]],
  ],
  pythonic: [
    ["[f(a=1, b='x\\'y\"'), look()]", [call("f", String.raw`{"a": 1, "b": "x'y\""}`), call("look", "{}")]],
    [
      "[look(tags=['a', (1, -2.5)], more={'k': None, 2: True}, big=12345678901234567890)]",
      [
        call(
          "look",
          '{"tags": ["a", [1, -2.5]], "more": {"k": null, "2": true}, "big": 12345678901234567890}',
        ),
      ],
    ],
    ["<|python_start|>[f(a=.5)]<|python_end|>", [call("f", '{"a": 0.5}')]],
    [String.raw`[f(a="\u00e9\x41\n\q")]`, [call("f", String.raw`{"a": "éA\n\\q"}`)]],
    ["[1, 2] are numbers", [content("[1, 2] are numbers")]],
    ["[g(a=1)]", [content("[g(a=1)]")]],
    ["[f(1)]", [content("[f(1)]")]],
    ["[f(a=open('x'))]", [content("[f(a=open('x'))]")]],
    ["[f(a=1)", [call("f", '{"a": 1}')]],
  ],
  gemma: [
    [
      "<start_function_call>call:f{place:<escape>New, }York<escape>,days:3,on:true}<end_function_call>",
      [call("f", '{"place": "New, }York", "days": 3, "on": true}')],
    ],
    [
      'Ok.<|tool_call>call:look{o:{a:[1,<|"|>x<|"|>]},w:free text}<tool_call|>',
      [content("Ok."), call("look", '{"o": {"a": [1, "x"]}, "w": "free text"}')],
    ],
    [
      "<start_function_call>call:f{}<end_function_call><start_function_call>call:look{}<end_function_call>",
      [call("f", "{}"), call("look", "{}")],
    ],
    ["<start_function_call>f{}", [content("<start_function_call>f{}")]],
    ["<start_function_call>call:f{a:", [content("<start_function_call>call:f{a:")]],
  ],
  granite: [
    ['<|tool_call|>[{"name": "f", "arguments": {"a": 1}}]', [call("f", '{"a": 1}')]],
    ['<tool_call>{"name":"f","arguments":{}}</tool_call>', [call("f", "{}")]],
    ["<|tool_call|>[]", [content("<|tool_call|>[]")]],
  ],
  deepseek: [
    [
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{"a": 1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>look\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
      [call("f", '{"a": 1}'), call("look", "{}")],
    ],
    [
      'Ok.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
      [content("Ok."), call("f", '{"a": 1}')],
    ],
    ["<｜tool▁call▁begin｜>f", [content("<｜tool▁call▁begin｜>f")]],
    ["<｜tool▁call▁begin｜>f<｜tool▁sep｜>text", [content("<｜tool▁call▁begin｜>f<｜tool▁sep｜>text")]],
  ],
  "qwen3-coder": [
    [
      'Ok.\n<tool_call>\n<function=f>\n<parameter=text>\n12\n"a"\n\n🦊\n</parameter>\n<parameter=n>\n12\n</parameter>\n</function>\n</tool_call>',
      [content("Ok."), call("f", String.raw`{"text": "12\n\"a\"\n\n🦊", "n": 12}`)],
    ],
    [
      "<function=look><parameter=on>True</parameter><parameter=list>[1, 2]</parameter><parameter=big>12345678901234567890</parameter><parameter=where>by the den</parameter></function>",
      [call("look", '{"on": true, "list": [1, 2], "big": 12345678901234567890, "where": "by the den"}')],
    ],
    ["<tool_call><function=f></function></tool_call>", [call("f", "{}")]],
    ["<tool_call><function=f><parameter=text>abc\n", [call("f", String.raw`{"text": "abc\n`)]],
    ["<tool_call>f</tool_call>", [content("<tool_call>f</tool_call>")]],
    ["<function= >", [content("<function= >")]],
  ],
  glm: [
    [
      "Ok.<tool_call>f\n<arg_key>text</arg_key>\n<arg_value>12</arg_value>\n<arg_key>n</arg_key>\n<arg_value>12</arg_value>\n</tool_call>",
      [content("Ok."), call("f", '{"text": "12", "n": 12}')],
    ],
    ["<tool_call>look</tool_call>", [call("look", "{}")]],
    ["<tool_call>a b</tool_call>", [content("<tool_call>a b</tool_call>")]],
  ],
  harmony: [
    [
      '<|channel|>analysis<|message|>Look.<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}',
      [reasoning("Look."), call("f", '{"a": 1}')],
    ],
    [
      "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant to=functions.look<|channel|>commentary json<|message|>{}<|call|>",
      [content("I look."), call("look", "{}")],
    ],
    [
      "<|channel|>analysis<|message|>a<|end|><|start|>assistant to=functions.f<|channel|>commentary json<|message|>{}",
      [reasoning("a"), call("f", "{}")],
    ],
    ["<|channel|>final<|message|>Hello.", [content("Hello.")]],
    ["<|channel|>final", [content("<|channel|>final")]],
  ],
  json: [
    ['{"name": "f", "arguments": {"a": 1}}', [call("f", '{"a": 1}')]],
    ['```json\n[{"name":"f"}, {"name":"look","parameters":{}}]\n```', [call("f", "{}"), call("look", "{}")]],
    ['```json\n{"name": "Ann"}\n```', [content('```json\n{"name": "Ann"}\n```')]],
    ['["name"]', [content('["name"]')]],
    ["Hello", [content("Hello")]],
  ],
};

describe.each(Object.entries(formats))("%s", (toolParser, rows) => {
  test.each(rows)("%s", (text, parts) => {
    const options = { toolParser, reasoningParser: toolParser === "harmony" ? "harmony" : "none" };
    expect(readAnswer(text, options)).toEqual(parts);
    expect(readAnswer(text.split(""), options)).toEqual(parts);
  });
});

test("Mistral's calls have ids that its templates take", () => {
  const ids = readPieces(["[TOOL_CALLS]f{}[TOOL_CALLS]look[CALL_ID]abc123XYZ[ARGS]{}"], {
    toolParser: "mistral",
  }).flatMap((part) => (part.type === "call" ? [part.id] : []));
  expect(ids).toEqual([expect.stringMatching(/^[a-zA-Z0-9]{9}$/), "abc123XYZ"]);
});
