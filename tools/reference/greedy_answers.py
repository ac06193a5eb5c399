"""Greedy answers of `transformers` in float32 for a Hugging Face directory, which compare_greedy.mjs compares a daemon with.

    python greedy_answers.py <directory> [<answers.json>] [--tokens 48]

Twenty prompts: questions, texts of several languages, code, and two longer than 512 tokens, the window of Gemma 3.
Each is encoded with the special tokens that the tokenizer adds, as `/v1/completions` does.
"""

import argparse
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

LEDGER = [f"Entry {index}: station {index * 7 % 23} reported {index * 13 % 41} degrees." for index in range(1, 61)]

PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a village by the sea,",
    "def fibonacci(n):\n    ",
    "The three primary colours are",
    "Photosynthesis is the process by which",
    "SELECT name, COUNT(*) FROM",
    "Water boils at a temperature of",
    "Die Hauptstadt von Österreich ist",
    "La tour Eiffel se trouve à",
    "日本の首都は",
    "Столица России",
    "1, 1, 2, 3, 5, 8, 13,",
    "Q: How many legs does a spider have?\nA:",
    '{"name": "Ada", "born": 1815, "field":',
    "To make a cup of tea, first",
    "The difference between a list and a tuple in Python is",
    "Dear Sir or Madam,\n\nI am writing to",
    "🙂 means happy, 😢 means",
    "The log of the stations follows.\n" + "\n".join(LEDGER) + "\nSummary of the log:",
    "\n".join(f"{index}. {index} times {index} is {index * index}." for index in range(1, 81)) + "\n81.",
]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("directory")
    options.add_argument("answers", nargs="?")
    options.add_argument("--tokens", type=int, default=48)
    given = options.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(given.directory)
    model = AutoModelForCausalLM.from_pretrained(given.directory, dtype=torch.float32).eval()
    answers = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        with torch.no_grad():
            output = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=given.tokens,
                repetition_penalty=1.0,
            )
        length = ids.shape[1]
        answer = tokenizer.decode(output[0, length:], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        answers.append({"prompt": prompt, "promptTokens": length, "text": answer})
        print(f"{length} tokens: {answer[:60]!r}", file=sys.stderr)
    text = json.dumps({"tokens": given.tokens, "answers": answers}, ensure_ascii=False, indent=1)
    if given.answers is None:
        print(text)
        return
    with open(given.answers, "w", encoding="utf-8") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
