import { describe, expect, it } from "vitest";

import { createChatTemplate } from "../../src/index.ts";
import type { ChatTemplateMessage, ModelError } from "../../src/index.ts";
import { expectModelError } from "../support/model-error.ts";

const chatml =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const trimming =
  "{% for m in messages %}[{{ m.role }}]\n\n{{ m.content | trim }} </s>{% endfor %}{% if add_generation_prompt %}[assistant]\n\n{% endif %}";

const conversation = (content: string | null, role = "assistant"): readonly ChatTemplateMessage[] => [
  { role: "user", content: "hi" },
  { role, content },
];
const render = (source: string, messages: readonly ChatTemplateMessage[]): string =>
  createChatTemplate(source).render(messages, { continueFinalMessage: true });

describe("continueFinalMessage", () => {
  it("ends with the text of the final message, without a generation prompt", () => {
    const opened = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n";
    expect(render(chatml, conversation("Sure, "))).toBe(`${opened}Sure, `);
    expect(render(chatml, conversation("\n a\n\n"))).toBe(`${opened}\n a\n\n`);
    expect(render(chatml, conversation(""))).toBe(opened);
    expect(render(chatml, conversation("I am", "user"))).toBe(
      "<|im_start|>user\nhi<|im_end|>\n<|im_start|>user\nI am",
    );
  });

  it("trims the text where the template does, and keeps the template's own white space", () => {
    const opened = "[user]\n\nhi </s>[assistant]\n\n";
    expect(render(trimming, conversation("Sure, "))).toBe(`${opened}Sure,`);
    expect(render(trimming, conversation("Sure"))).toBe(`${opened}Sure`);
    expect(render(trimming, conversation(""))).toBe(opened);
    expect(render(trimming, conversation("\n"))).toBe(opened);
  });

  it("ends with the last of several equal texts", () => {
    const messages = [...conversation("hi"), ...conversation("hi")];
    expect(render(chatml, messages)).toBe(
      "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nhi<|im_end|>\n"
        .repeat(2)
        .slice(0, -"<|im_end|>\n".length),
    );
  });

  it("never shows a mark, however often the template writes the text", () => {
    const twice = "{% for m in messages %}{{ m.content }}{% endfor %}|{{ messages[-1].content }}|end";
    expect(render(twice, conversation("Sure, "))).toBe("hiSure, |Sure, ");
    const trimmedFirst =
      "{% for m in messages %}{{ m.content | trim }}{% endfor %}|{{ messages[-1].content }}|end";
    expect(render(trimmedFirst, conversation("Sure, "))).toBe("hiSure,|Sure, ");
    const trimmedLast =
      "{% for m in messages %}{{ m.content }}{% endfor %}|{{ messages[-1].content | trim }}\n\nend";
    expect(render(trimmedLast, conversation("Sure\n"))).toBe("hiSure\n|Sure");
    const partly = "{{ messages[-1].content.strip('\\n') }}\n.";
    expect(render(partly, conversation("Sure \n"))).toBe("Sure ");
  });

  it("supports texts with any code point", () => {
    const content = "\u{F0000}\u{F0001}";
    expect(render(chatml, conversation(content)).endsWith(`assistant\n${content}`)).toBe(true);
  });

  it.each([
    "{{ messages[-1].content | length }}{{ messages[-1].content }}",
    "{{ messages[-1].content | reverse }}",
    "{{ messages[-1].content | tojson(ensure_ascii=true) }}",
  ])("is refused where the template changes it: %s", async (source) => {
    await expectModelError("CHAT_TEMPLATE_FAILED", async () => render(source, conversation("Sure, ")));
  });

  it("fails where the template does not write the text", async () => {
    for (const [source, content] of [
      [chatml, null],
      ["{{ messages[0].content }}", "Sure"],
    ] as const) {
      const error: ModelError = await expectModelError("CHAT_TEMPLATE_FAILED", async () =>
        render(source, conversation(content)),
      );
      expect(error.message).toContain("expected");
    }
  });
});
