"""Small tokenizers built like those of the families, trained on corpus.py."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from corpus import lines

TEMPLATES = Path(__file__).parent / "templates"
_LLAMA3_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_QWEN2_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_TEKKEN_WORDS = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Style:
    """`specials` in the order of their ids, from id 0 where `specials_first`, else after the vocabulary."""

    specials: tuple[str, ...]
    settings: dict[str, Any]
    template: str
    words: str = ""
    begin: str | None = None
    normalizes: bool = False
    ignores_merges: bool = False
    is_sentencepiece: bool = False
    is_metaspace: bool = False
    prepends_space: bool = True


_FAST = {"clean_up_tokenization_spaces": False, "model_max_length": 256, "tokenizer_class": "PreTrainedTokenizerFast"}
_SENTENCEPIECE = {
    "add_bos_token": True,
    "add_eos_token": False,
    "bos_token": "<s>",
    "clean_up_tokenization_spaces": False,
    "eos_token": "</s>",
    "model_max_length": 256,
    "pad_token": None,
    "sp_model_kwargs": {},
    "tokenizer_class": "LlamaTokenizer",
    "unk_token": "<unk>",
    "use_default_system_prompt": False,
}

STYLES: dict[str, Style] = {
    "llama2": Style(
        specials=("<unk>", "<s>", "</s>"),
        settings={**_SENTENCEPIECE, "legacy": False},
        template="llama2",
        begin="<s>",
        is_sentencepiece=True,
    ),
    "llama2-metaspace": Style(
        specials=("<unk>", "<s>", "</s>", "[INST]", "[/INST]"),
        settings={**_SENTENCEPIECE, "legacy": False},
        template="mistral",
        begin="<s>",
        is_sentencepiece=True,
        is_metaspace=True,
    ),
    "gemma": Style(
        specials=("<pad>", "<bos>", "<eos>", "<end_of_turn>", "<unk>", "<start_of_turn>", "<mask>"),
        settings={
            "add_bos_token": True,
            "add_eos_token": False,
            "bos_token": "<bos>",
            "clean_up_tokenization_spaces": False,
            "eos_token": "<eos>",
            "model_max_length": 256,
            "pad_token": "<pad>",
            "tokenizer_class": "GemmaTokenizer",
            "unk_token": "<unk>",
        },
        template="gemma",
        begin="<bos>",
        is_sentencepiece=True,
        prepends_space=False,
    ),
    "llama3": Style(
        specials=("<|finetune_right_pad_id|>", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|python_tag|>"),
        settings={**_FAST, "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "pad_token": "<|finetune_right_pad_id|>"},
        template="llama3",
        words=_LLAMA3_WORDS,
        begin="<|begin_of_text|>",
        ignores_merges=True,
    ),
    "qwen2": Style(
        specials=("<|object_ref_start|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>"),
        settings={
            "add_prefix_space": False,
            "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
            "bos_token": None,
            "clean_up_tokenization_spaces": False,
            "eos_token": "<|im_end|>",
            "errors": "replace",
            "model_max_length": 256,
            "pad_token": "<|endoftext|>",
            "split_special_tokens": False,
            "tokenizer_class": "Qwen2Tokenizer",
            "unk_token": None,
        },
        template="qwen2",
        words=_QWEN2_WORDS,
        normalizes=True,
    ),
    "tekken": Style(
        specials=("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]"),
        settings={**_FAST, "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
        template="mistral-v3",
        words=_TEKKEN_WORDS,
        begin="<s>",
        ignores_merges=True,
    ),
}


def write_tokenizer(name: str, size: int, folder: Path, specials_first: bool) -> None:
    """Writes tokenizer.json and tokenizer_config.json with exactly `size` ids."""
    style = STYLES[name]
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _sentencepiece(style, size) if style.is_sentencepiece else _byte_level(style, size, specials_first)
    if tokenizer.get_vocab_size() != size:
        raise RuntimeError(f"{name}: wanted a vocabulary of {size}, found {tokenizer.get_vocab_size()}")
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"added_tokens_decoder": _added(tokenizer), **style.settings, "chat_template": (TEMPLATES / f"{style.template}.jinja").read_text(encoding="utf-8")}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _added(tokenizer: Tokenizer) -> dict[str, Any]:
    def flags(token: AddedToken) -> dict[str, Any]:
        return {"content": token.content, "lstrip": token.lstrip, "normalized": token.normalized, "rstrip": token.rstrip, "single_word": token.single_word, "special": token.special}

    return {str(index): flags(token) for index, token in sorted(tokenizer.get_added_tokens_decoder().items())}


def _begins_with(style: Style, tokenizer: Tokenizer) -> processors.TemplateProcessing:
    begin = style.begin
    return processors.TemplateProcessing(single=f"{begin} $A", pair=f"{begin} $A {begin}:1 $B:1", special_tokens=[(begin, tokenizer.token_to_id(begin))])


def _byte_level(style: Style, size: int, specials_first: bool) -> Tokenizer:
    words = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(style.words), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = words
    trained.normalizer = normalizers.NFC() if style.normalizes else None
    leading = list(style.specials) if specials_first else []
    trained.train_from_iterator(
        lines(),
        trainers.BpeTrainer(
            vocab_size=size - (0 if specials_first else len(style.specials)),
            special_tokens=leading,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    model = json.loads(trained.to_str())["model"]
    tokenizer = Tokenizer(models.BPE(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]], ignore_merges=style.ignores_merges))
    tokenizer.pre_tokenizer = words
    tokenizer.decoder = decoders.ByteLevel()
    if style.normalizes:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in style.specials])
    byte_level = processors.ByteLevel(trim_offsets=style.begin is None)
    tokenizer.post_processor = processors.Sequence([byte_level, _begins_with(style, tokenizer)]) if style.begin else byte_level
    return tokenizer


def _sentencepiece(style: Style, size: int) -> Tokenizer:
    """Orders ids as SentencePiece does: control tokens, 256 bytes, merged pieces, single characters."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    fixed = [*style.specials, *(f"<0x{byte:02X}>" for byte in range(256))]
    characters = "▁ etaoinshrdlucmfwygpbvkxjqzETAWISR.,'\"-?!0123é好"
    trained.train_from_iterator(
        ["".join(character if character in characters else " " for character in line) for line in lines()],
        trainers.BpeTrainer(vocab_size=size - len(fixed), show_progress=False),
    )
    model = json.loads(trained.to_str())["model"]
    singles = [piece for piece in model["vocab"] if len(piece) == 1]
    merges = [tuple(merge) for merge in model["merges"]]
    merged = list(dict.fromkeys(left + right for left, right in merges))
    vocab = {piece: index for index, piece in enumerate([*fixed, *merged, *singles])}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if style.is_metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    elif style.prepends_space:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    strip = [decoders.Strip(" ", 1, 0)] if style.prepends_space else []
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in style.specials])
    tokenizer.post_processor = _begins_with(style, tokenizer)
    return tokenizer
