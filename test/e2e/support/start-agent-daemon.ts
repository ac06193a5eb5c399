import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lookRecital } from "./looking-model.ts";
import { makeRecitingModel } from "./make-reciting-model.ts";
import { startDaemon, type TestDaemon } from "./start-daemon.ts";

/** With tools the model looks twice, and then answers; without them it answers at once. */
const recitingTemplate = `{%- for m in messages -%}<{{ m.role }}>{{ m.content or "" }}
{%- for call in m.tool_calls or [] -%}{{ call.function.name }} {{ call.function.arguments | tojson }}{%- endfor -%}
{%- endfor -%}
{#- calls are written as <tool_call> -#}
{%- set looks = messages | selectattr("role", "equalto", "tool") | list | length -%}
{%- if tools and looks < 2 -%}{{ tools | tojson }}<|call|>{%- else -%}<think>{%- endif -%}`;

/** Writes what its prompt says, in a format of calls; its weights say nothing about either. */
const storiesTemplate = `{%- for tool in tools or [] -%}{{ tool.function.name }}<tool_call>{%- endfor -%}
{%- for m in messages -%}{{ m.content or "" }}{%- for call in m.tool_calls or [] -%}
{{ call.function.name }}{{ call.function.arguments | tojson }}{%- endfor -%}{%- endfor -%}`;

/**
 * Starts a daemon for the loops of agents, with two models. `reciting` calls `look` with `{"place": "den"}` until it has
 * two results, then thinks `It is asleep.` and answers `A fox sleeps.`. `stories` has weights that know nothing of
 * calls: those that it writes are enforced.
 */
export async function startAgentDaemon(): Promise<TestDaemon> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-agents-"));
  const reciting = await makeRecitingModel({
    template: recitingTemplate,
    specialTokens: ["<think>", "<tool_call>", "</tool_call>"],
    recitals: [
      lookRecital,
      { cue: "<think>", tokens: ["It is ", "asleep.", "</think>", "A fox ", "sleeps."] },
    ],
  });
  const remove = async (): Promise<void> => {
    await reciting[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  };
  try {
    await writeFile(join(directory, "stories.jinja"), storiesTemplate);
    const models = {
      reciting: { path: reciting.directory, engine: { quantize: "none" } },
      stories: { path: "embedded", chatTemplate: "stories.jinja" },
    };
    const file = join(directory, "infernode.config.json");
    await writeFile(file, JSON.stringify({ models }));
    const daemon = await startDaemon({ args: ["--config", file] });
    const end = async (): Promise<void> => {
      await daemon[Symbol.asyncDispose]();
      await remove();
    };
    return { ...daemon, [Symbol.asyncDispose]: end };
  } catch (error) {
    await remove();
    throw error;
  }
}
