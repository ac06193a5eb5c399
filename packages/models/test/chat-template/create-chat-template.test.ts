import { describe, expect, it } from "vitest";

import { createChatTemplate } from "../../src/index.ts";
import type { ChatTemplateMessage, ModelError } from "../../src/index.ts";
import { expectModelError } from "../support/model-error.ts";

const sampleMessages: readonly ChatTemplateMessage[] = [
  { role: "system", content: "  Be kind.\n" },
  { role: "user", content: ' a <b> & "c" é ' },
  { role: "assistant", content: "<think>\nhm\n</think>\n\n  ok\n" },
  { role: "user", content: "more\n" },
];

/** Templates and their renderings by transformers 5.23.0 with jinja2 3.1.6 (`render_jinja_template`). */
const golden: readonly (readonly [string, string])[] = [
  [
    "{% for m in messages %}[{{ m.content.lstrip('\\n') }}|{{ m.content.rstrip('\\n ') }}|{{ m.content.strip() }}|{{ m.content | trim }}]\n{% endfor %}\n",
    '[  Be kind.\n|  Be kind.|Be kind.|Be kind.]\n[ a <b> & "c" é | a <b> & "c" é|a <b> & "c" é|a <b> & "c" é]\n[<think>\nhm\n</think>\n\n  ok\n|<think>\nhm\n</think>\n\n  ok|<think>\nhm\n</think>\n\n  ok|<think>\nhm\n</think>\n\n  ok]\n[more\n|more|more|more]\n',
  ],
  [
    "{{ messages[2].content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}|{{ messages[2].content.split('</think>')[-1].lstrip('\\n') }}|",
    "hm|  ok\n|",
  ],
  [
    "{% for m in messages %}{{ m.role }}{% if loop.first %}!{% continue %}{% endif %}{% if m.role == 'assistant' %}.{% break %}{% endif %},{% else %}none{% endfor %}",
    "system!user,assistant.",
  ],
  [
    "{% set ns = namespace(n=0) %}{% for m in messages if m.role == 'user' %}{% set ns.n = ns.n + 1 %}{% if loop.index0 == 0 %}{% set x = 'set' %}{% endif %}{{ x }}{{ loop.length }}{% endfor %}{{ ns.n }}{{ x }}",
    "set222",
  ],
  [
    "{{ true }} {{ none }} {{ 1.0 }} {{ 2 }} {{ [1, 'a', \"it's\"] }} {{ {'a': true, 'b': none} }} {{ 'a' ~ none ~ false ~ 1.5 }} {{ nothing }}",
    "True None 1.0 2 [1, 'a', \"it's\"] {'a': True, 'b': None} aNoneFalse1.5 ",
  ],
  [
    "{{ 1 == '1' }} {{ 0 == '' }} {{ none == nothing }} {{ [1, [2]] == [1, [2]] }} {{ {'a': 1} == {'a': 1.0} }} {{ true == 1 }} {{ 'a' != 'b' }} {{ -1 % 2 }}",
    "False False False True True True True 1",
  ],
  [
    "{{ 'hello wORLD they\\'re'.title() }} {{ 'hello wORLD they\\'re' | title }} {{ 'éCOLE x'|capitalize }} {{ 'xxaxx'.strip('x') }} {{ 'xxaxx' | trim('x') }}",
    "Hello World They'Re Hello World They're École x a a",
  ],
  [
    "{{ messages[0] | tojson }} {{ {'b': [1.5, true, none, 'é<&>'], 'a': {}} | tojson(indent=2) }}",
    '{"role": "system", "content": "  Be kind.\\n"} {\n  "b": [\n    1.5,\n    true,\n    null,\n    "é<&>"\n  ],\n  "a": {}\n}',
  ],
  [
    "{% macro line(s, n=1) %}{{ s | upper }}{{ n }}{% if n > 1 %}+{% endif %}{% endmacro %}{{ line('a') }}{{ line('b', n=2) }}{% for k, v in {'x': 1, 'y': none}.items() %}{{ k }}={{ v }};{% endfor %}{% for c in 'hé' %}<{{ c }}>{% endfor %}{% for t in nothing %}t{% else %}no{% endfor %}",
    "A1B2+x=1;y=None;<h><é>no",
  ],
  [
    "{{ bos_token }}{{ add_generation_prompt }}{{ tools is none }}{{ documents is none }}{{ nothing is defined }}{% generation %}g{% endgeneration %}{{ range(3) | list }}\n\n",
    "<s>TrueTrueTrueFalseg[0, 1, 2]\n",
  ],
];

const specialTokens = new Map([
  ["bos_token", "<s>"],
  ["eos_token", "</s>"],
]);

const render = (source: string, messages: readonly ChatTemplateMessage[] = sampleMessages): string =>
  createChatTemplate(source, { specialTokens: specialTokens }).render(messages);

describe("createChatTemplate", () => {
  it.each(golden)("renders as the reference does: %s", (source, wanted) => {
    expect(render(source)).toBe(wanted);
  });

  it("adds the generation prompt by default", () => {
    const template = createChatTemplate("{% if add_generation_prompt %}A:{% endif %}");
    expect(template.render([])).toBe("A:");
    expect(template.render([], { addGenerationPrompt: false })).toBe("");
  });

  it("passes variables, which override special tokens but not the messages", () => {
    const template = createChatTemplate("{{ enable_thinking }}{{ bos_token }}{{ messages | length }}", {
      specialTokens: specialTokens,
    });
    expect(
      template.render([], { variables: { enable_thinking: false, bos_token: "B", messages: [1] } }),
    ).toBe("FalseB0");
  });

  it("uses the given clock", () => {
    const now = (): Date => new Date(2024, 6, 5, 9, 3);
    expect(createChatTemplate("{{ strftime_now('%d %b %Y, %H:%M') }}", { now }).render([])).toBe(
      "05 Jul 2024, 09:03",
    );
  });

  it("fails with the message that the template raises", async () => {
    const error = await expectModelError("CHAT_TEMPLATE_FAILED", () =>
      render("{{ raise_exception('Conversation roles must alternate') }}"),
    );
    expect(error.message).toBe("Conversation roles must alternate");
  });

  it("fails on a message without the content that the template needs", async () => {
    const error = await expectModelError("CHAT_TEMPLATE_FAILED", () =>
      render("{{ messages[0].content + 'x' }}", [{ role: "user", content: null }]),
    );
    expect(error.message).toBe(
      "chat template failed: line 1: unsupported operand types for +: 'NoneType' and 'str'",
    );
  });

  it("fails on content in parts where the template needs a string", async () => {
    const parts = [{ type: "text", text: "x" }] as unknown as string;
    const error = await expectModelError("CHAT_TEMPLATE_FAILED", () =>
      render("{{ 'a' + messages[0].content }}", [{ role: "user", content: parts }]),
    );
    expect(error.message).toContain("'str' and 'list'");
  });

  it.each(["{% if %}", "{{ a", "{% for x in %}", "{% endfor %}"])("refuses the source %s", async (source) => {
    const error = await expectModelError("INVALID_CHAT_TEMPLATE", () => createChatTemplate(source));
    expect(error.cause).toBeInstanceOf(Error);
  });

  const refused = [
    "{{ 1.5 * 'x' }}",
    "{% include 'x' %}",
    "{{ 'a' | nofilter }}",
    "{{ 1 is notest }}",
    "{{ messages | map(attribute='role') }}",
    "{{ messages.append(1) }}",
    "{{ nothing.content }}",
    "{{ nothing() }}",
    "{{ none | length }}",
    "{% for m in none %}{% endfor %}",
  ];
  it.each(refused)("fails as Jinja does, or where Jinja prints an address: %s", async (source) => {
    const error = await expectModelError("CHAT_TEMPLATE_FAILED", () => render(`\n\n${source}`));
    expect(error.message).toMatch(/^chat template failed: line 3: /);
    expect(error.message).not.toMatch(/undefined \(|Cannot read|is not a function/);
  });

  it("names the template and the line", async () => {
    const options = { name: "chat_template.jinja" };
    const invalid = await expectModelError("INVALID_CHAT_TEMPLATE", () =>
      createChatTemplate("{{ 1 }}\n{% if %}", options),
    );
    expect(invalid.message).toBe(
      'chat template: chat_template.jinja, line 2: expected an expression, got "%}"',
    );
    const failed = await expectModelError("CHAT_TEMPLATE_FAILED", () =>
      createChatTemplate("{% macro f(x) %}\n{{ x.y.z }}{% endmacro %}\n\n{{ f({}) }}", options).render([]),
    );
    expect(failed.message).toBe(
      "chat template failed: chat_template.jinja, line 2: 'dict object' has no attribute 'y'",
    );
  });

  it("passes a message's reasoning under every name that templates read", () => {
    const source = "{{ messages[0].thinking }}{{ messages[0].reasoning_content }}";
    const message = { role: "assistant", content: "x" };
    for (const name of ["reasoning_content", "thinking", "reasoning"]) {
      expect(render(source, [{ ...message, [name]: "hm" }])).toBe("hmhm");
    }
    expect(render(source, [message])).toBe("");
  });

  it("does not render messages as templates", () => {
    const content = "{{ raise_exception('x') }}{% for i in range(9) %}{% endfor %}";
    expect(render("{{ messages[0].content }}", [{ role: "user", content }])).toBe(content);
  });

  const escapes = [
    "{{ messages.constructor }}",
    "{{ messages.__proto__ }}",
    "{{ ''.constructor.constructor('return process')() }}",
    "{{ messages[0].constructor }}",
    "{{ raise_exception.constructor('return 1')() }}",
    "{{ strftime_now.__globals__ }}",
    "{{ process.env }}{{ globalThis }}{{ require('fs') }}",
    "{{ namespace.constructor }}",
  ];
  it.each(escapes)("keeps the process out of reach of %s", async (source) => {
    const outcome = (): string => {
      try {
        return render(source);
      } catch (error) {
        return (error as ModelError).code;
      }
    };
    expect(["", "CHAT_TEMPLATE_FAILED"]).toContain(outcome());
  });

  it("does not change prototypes, whatever the keys of messages", () => {
    const message = JSON.parse(
      '{"role":"user","content":"x","__proto__":{"polluted":true}}',
    ) as ChatTemplateMessage;
    expect(render("{{ messages[0].content }}", [message])).toBe("x");
    expect({}).not.toHaveProperty("polluted");
  });

  const doubled = (times: number): string => `{% set x = [1] %}${"{% set x = [x, x] %}".repeat(times)}`;
  const endless: readonly (readonly [string, string])[] = [
    ["loops in loops", "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}"],
    ["a long range", "{{ range(1000000000) | list }}"],
    [
      "a text that doubles",
      "{% set ns = namespace(x='ab') %}{% for a in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    ],
    [
      "a list that doubles",
      "{% set ns = namespace(x=[1]) %}{% for a in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    ],
    ["a macro that calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"],
    ["a block that calls itself", "{% block b %}{{ self.b() }}{% endblock %}"],
    ["a loop that calls itself", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"],
    [
      "a long text looked through often",
      "{% set x = 'ab' * 500000 %}{% for a in range(90000) %}{% set y = x | length %}{% endfor %}",
    ],
    ["lists in lists, printed", `${doubled(60)}{{ x }}`],
    ["lists in lists, written as JSON", `${doubled(60)}{{ x | tojson }}`],
    ["lists in lists, compared", `${doubled(60)}{% set y = x %}${doubled(60)}{{ x == y }}`],
    ["lists in lists, ordered", `${doubled(60)}{% set y = x %}${doubled(60)}{{ x < y }}`],
    ["lists in lists, sorted", `${doubled(60)}{% set y = x %}${doubled(60)}{{ [x, y] | sort }}`],
    ["lists in lists, looked for", `${doubled(60)}{% set y = x %}${doubled(60)}{{ x in [y] }}`],
    [
      "deep lists",
      "{% set ns = namespace(x=[]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
    ],
    [
      "a long text split often",
      "{% set x = 'a ' * 100000 %}{% for i in range(90000) %}{% set y = x.split() %}{% endfor %}",
    ],
    [
      "a long text replaced often",
      "{% set x = 'a' * 100000 %}{% for i in range(90000) %}{% set y = x.replace('a', 'bbbb') %}{% endfor %}",
    ],
    ["a text repeated", "{{ 'a' * 10 ** 9 }}"],
    ["a list repeated", "{{ [0] * 10 ** 9 }}"],
    ["a wide text", "{{ 'x'.ljust(10 ** 10) }}"],
    ["a wide format", "{{ '{:>999999999}'.format('a') }}"],
    ["a wide directive", "{{ '%999999999d' % 1 }}"],
    ["a wide indent", "{{ [1] | tojson(indent=10 ** 9) }}"],
    ["a large power", "{{ 10 ** (10 ** 10) }}"],
    [
      "a large product",
      "{% set ns = namespace(x=3) %}{% for i in range(90000) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
    ],
    ["a large batch", "{{ [1] | batch(10 ** 9, 0) | list }}"],
    ["many slices", "{{ [1] | slice(10 ** 9) | list }}"],
    ["much that is written", `{% set x = 'a' * 1000000 %}{% for i in range(90000) %}{{ x }}{% endfor %}`],
    ["a long sum", `{{ ${"1 + ".repeat(20000)}1 }}`],
    ["a long chain of filters", `{{ 'a'${" | upper".repeat(20000)} }}`],
    ["a long chain of members", `{{ messages[0]${"[0]".repeat(20000)} }}`],
  ];
  it.each(endless)("ends a template with %s", async (_, source) => {
    const error = await expectModelError("CHAT_TEMPLATE_FAILED", () => render(source));
    expect(error.message).toMatch(/^chat template failed: line 1: (?:expected|'str object')/);
  });

  const large: readonly (readonly [string, string])[] = [
    ["brackets", `{{ ${"(".repeat(10_000)}1${")".repeat(10_000)} }}`],
    ["lists", `{{ ${"[".repeat(10_000)}${"]".repeat(10_000)} }}`],
    ["subscripts", `{{ ${"a[".repeat(10_000)}1${"]".repeat(10_000)} }}`],
    ["calls", `{{ ${"f(".repeat(10_000)}${")".repeat(10_000)} }}`],
    ["not", `{{ ${"not ".repeat(100_000)}1 }}`],
    ["minus", `{{ ${"- ".repeat(100_000)}1 }}`],
    ["else", `{{ ${"1 if 0 else ".repeat(10_000)}1 }}`],
    ["blocks", "{% if 1 %}".repeat(10_000) + "{% endif %}".repeat(10_000)],
    ["loops", "{% for a in b %}".repeat(10_000) + "{% endfor %}".repeat(10_000)],
    ["words", "{{a}}".repeat(200_000)],
    ["an open string", `{{ '${"a".repeat(3_000_000)}`],
    ["an open comment", `{#${"-".repeat(3_000_000)}`],
    ["an open raw block", `{% raw %}${"{% endraw".repeat(300_000)}`],
    ["a wrong name", `{{ ${"1a".repeat(100_000)} }}`],
  ];
  it.each(large)("refuses a template that is too large to parse: %s", async (_, source) => {
    const error = await expectModelError("INVALID_CHAT_TEMPLATE", () => createChatTemplate(source));
    expect(error.message).toMatch(/^chat template: line 1: expected/);
  });

  it("parses and renders megabytes of blanks", () => {
    const blanks = " \n".repeat(1_500_000);
    expect(render(`{{ 1 }}${blanks}{%- set x = 1${blanks}-%}${blanks}{{ x }}`)).toBe("11");
  });

  it("renders ordinary nesting", () => {
    const deep = 40;
    expect(render(`{{ ${"(".repeat(deep)}1${")".repeat(deep)} }}`)).toBe("1");
    expect(render("{% if 1 %}".repeat(deep) + "x" + "{% endif %}".repeat(deep))).toBe("x");
    expect(render(`{{ ${"'a' ~ ".repeat(5000)}'a' }}`)).toBe("a".repeat(5001));
    expect(render(`{{ ${"'a' + ".repeat(400)}'a' }}`)).toBe("a".repeat(401));
    const recursive = `{% macro f(v) %}{% if v is mapping %}{% for k, x in v.items() %}{{ k }}({{ f(x) }}){% endfor %}{% else %}{{ v }}{% endif %}{% endmacro %}{{ f(messages[0].tree) }}`;
    let tree: unknown = 1;
    for (let level = 0; level < 50; level += 1) tree = { a: tree };
    expect(render(recursive, [{ role: "user", content: "", tree }])).toBe(
      "a(".repeat(50) + "1" + ")".repeat(50),
    );
  });

  it("renders a long conversation", () => {
    const messages = Array.from({ length: 5000 }, (_, index) => ({
      role: "user",
      content: `message ${index}`,
    }));
    const text = render(
      "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}\n{% endfor %}",
      messages,
    );
    expect(text.split("\n")).toHaveLength(5001);
  });
});
