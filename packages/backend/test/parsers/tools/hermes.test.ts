import { expect, test } from "vitest";
import { call, content, readAnswer, readPieces } from "../read-answer.ts";

const read = (text: string) => readAnswer(text, { toolParser: "hermes" });

test.each([
  ['<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>', [call("f", '{"a": 1}')]],
  [
    'Let me see.\n<tool_call>\n{"name":"f","arguments":{}}\n</tool_call>\n<tool_call>\n{"name":"look","arguments":{"b":"</tool_call>"}}\n</tool_call>',
    [content("Let me see."), call("f", "{}"), call("look", '{"b":"</tool_call>"}')],
  ],
  ['<tool_call>{"arguments": {"a": 1}, "name": "f"}</tool_call>', [call("f", '{"a": 1}')]],
  [
    '<tool_call>{"type":"function","name":"f","parameters":{"a":1},"id":[1]}</tool_call>',
    [call("f", '{"a":1}')],
  ],
  ['<tool_call>{"name": "f"}</tool_call>', [call("f", "{}")]],
  ['<tool_call>{"name": "f", "arguments": null}</tool_call>', [call("f", "{}")]],
  ['<tool_call>{"name": "f", "arguments": "{\\"a\\":\\"b\\"}"}</tool_call>', [call("f", '{"a":"b"}')]],
  ['<tool_call>{"name": "f", "arguments": {}}</tool_call> done', [call("f", "{}"), content("done")]],
  ['<tool_call>{"name": "f", "arguments": {}}', [call("f", "{}")]],
])("%s", (text, expected) => {
  expect(read(text)).toEqual(expected);
});

test.each([
  "<tool_call>no call</tool_call>",
  '<tool_call>{"nam": "f", "arguments": {}}</tool_call>',
  '<tool_call>{"name": 5, "arguments": {}}</tool_call>',
  '<tool_call>{"name": "", "arguments": {}}</tool_call>',
  '<tool_call>{"name": "f',
  '<tool_call>{"name": "f",',
  "<tool_call>[1]",
  "<tool_call>",
  "a <tool_cal",
  "a </tool_call> b",
  `<tool_call>{"arguments": "${"x".repeat(70_000)}", "name": "f"}`,
])("what is no call is content: %s", (text) => {
  expect(read(text)).toEqual([content(text)]);
});

test("a call that follows a broken one is found", () => {
  expect(read('<tool_call>oops<tool_call>{"name":"f","arguments":{}}</tool_call>')).toEqual([
    content("<tool_call>oops"),
    call("f", "{}"),
  ]);
});

test("arguments that are cut off, or no JSON, are handed on as they are", () => {
  expect(read('<tool_call>{"name": "f", "arguments": {"a": "b')).toEqual([call("f", '{"a": "b')]);
  expect(read('<tool_call>{"name": "f", "arguments": {\'a\': True}}</tool_call>')).toEqual([
    call("f", "{'a': True}"),
  ]);
});

test("arguments come piece by piece, after the whole name", () => {
  const pieces = [
    "<tool_",
    'call>{"na',
    'me": "lo',
    'ok", "arguments"',
    ': {"pla',
    'ce": "Os',
    'lo"}}',
    "</tool_call>",
  ];
  expect(readPieces(pieces, { toolParser: "hermes" })).toEqual([
    { type: "call", callIndex: 0, id: expect.stringMatching(/^call_[0-9a-f]{24}$/), name: "look" },
    { type: "arguments", callIndex: 0, text: '{"pla' },
    { type: "arguments", callIndex: 0, text: 'ce": "Os' },
    { type: "arguments", callIndex: 0, text: 'lo"}' },
  ]);
});
