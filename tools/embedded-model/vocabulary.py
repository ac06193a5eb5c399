"""The tokenizer: byte-level BPE with tokens that mark the turns of a conversation."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from conversations import Document

PAD, BEGIN, END, SYSTEM, USER, ASSISTANT, TURN_END = range(7)
SPECIAL_TOKENS = ("<|pad|>", "<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|turn_end|>")
_ROLES = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT}
_WORDS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

CHAT_TEMPLATE = (
    "{{- bos_token }}"
    "{%- for message in messages %}"
    "{%- if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{- raise_exception('Roles are system, user and assistant; found ' + message['role'] + '.') }}"
    "{%- endif %}"
    "{{- '<|' + message['role'] + '|>' }}"
    "{%- if message['content'] is string %}"
    "{{- message['content'] | trim }}"
    "{%- else %}"
    "{%- for part in message['content'] %}{%- if part['type'] == 'text' %}{{- part['text'] | trim }}{%- endif %}{%- endfor %}"
    "{%- endif %}"
    "{{- '<|turn_end|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}"
)


def train_tokenizer(documents: Iterable[Document], size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(documents), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin|> $A", pair="<|begin|> $A $B", special_tokens=[("<|begin|>", BEGIN)]
    )
    return tokenizer


def _texts(documents: Iterable[Document]) -> Iterable[str]:
    for document in documents:
        if "text" in document:
            yield document["text"]
        else:
            yield from (message["content"] for message in document["messages"])


def encode(tokenizer: Tokenizer, document: Document) -> tuple[list[int], list[bool]]:
    """Returns token ids and, for each, whether the model learns to write it."""
    if "text" in document:
        ids = [BEGIN, *tokenizer.encode(document["text"], add_special_tokens=False).ids, END]
        return ids, [False] + [True] * (len(ids) - 1)
    ids, learned = [BEGIN], [False]
    for message in document["messages"]:
        content = tokenizer.encode(message["content"].strip(), add_special_tokens=False).ids
        is_own = message["role"] == "assistant"
        ids += [_ROLES[message["role"]], *content, TURN_END]
        learned += [False] + [is_own] * (len(content) + 1)
    return ids, learned
