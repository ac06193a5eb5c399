"""The tiny checkpoints: each one's config.json as files of that family look in the world, and how it is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

VOCAB_SIZE = 320


@dataclass(frozen=True)
class CheckpointSpec:
    name: str
    config: dict[str, Any]
    stored_dtype: str
    shard_count: int = 1
    generation_config: dict[str, Any] = field(default_factory=dict)
    tokenizer_style: str = "llama3"
    note: str = ""
    # A config of transformers that computes the same, where it has no class of the family.
    oracle: dict[str, Any] | None = None
    # Stored as the first files of GPT-2 are: without the prefix of the network, and with masks.
    is_base_model: bool = False
    # The tensors under the names of published files, where transformers does not know them.
    as_stored: Callable[[dict[str, Any]], dict[str, Any]] | None = None


def shape(**changes: Any) -> dict[str, Any]:
    shape = {
        "hidden_act": "silu",
        "hidden_size": 64,
        "initializer_range": 0.02,
        "intermediate_size": 80,
        "max_position_embeddings": 256,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "use_cache": True,
        "vocab_size": VOCAB_SIZE,
    }
    return {**shape, **changes}


def _llama(**changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=["LlamaForCausalLM"],
        model_type="llama",
        attention_bias=False,
        attention_dropout=0.0,
        mlp_bias=False,
        bos_token_id=1,
        eos_token_id=2,
        pretraining_tp=1,
        rms_norm_eps=1e-05,
        rope_scaling=None,
        rope_theta=500000.0,
        tie_word_embeddings=False,
        torch_dtype="float32",
        transformers_version="4.43.0",
    )
    return {**base, **changes}


def _mistral(**changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=["MistralForCausalLM"],
        model_type="mistral",
        attention_dropout=0.0,
        bos_token_id=1,
        eos_token_id=2,
        rms_norm_eps=1e-05,
        rope_theta=10000.0,
        sliding_window=None,
        tie_word_embeddings=False,
        torch_dtype="bfloat16",
        transformers_version="4.42.0",
    )
    return {**base, **changes}


def _qwen2(**changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=["Qwen2ForCausalLM"],
        model_type="qwen2",
        attention_dropout=0.0,
        bos_token_id=1,
        eos_token_id=2,
        max_window_layers=2,
        rms_norm_eps=1e-06,
        rope_theta=1000000.0,
        sliding_window=256,
        tie_word_embeddings=True,
        torch_dtype="bfloat16",
        transformers_version="4.43.1",
        use_sliding_window=False,
    )
    return {**base, **changes}


def _qwen3(**changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=["Qwen3ForCausalLM"],
        model_type="qwen3",
        attention_bias=False,
        attention_dropout=0.0,
        bos_token_id=1,
        eos_token_id=2,
        head_dim=32,
        max_window_layers=2,
        rms_norm_eps=1e-06,
        rope_scaling=None,
        rope_theta=1000000,
        sliding_window=None,
        tie_word_embeddings=True,
        torch_dtype="float32",
        transformers_version="4.51.0",
        use_sliding_window=False,
    )
    return {**base, **changes}


def _gemma3(**changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=["Gemma3ForCausalLM"],
        model_type="gemma3_text",
        attention_bias=False,
        attention_dropout=0.0,
        attn_logit_softcapping=None,
        bos_token_id=1,
        eos_token_id=2,
        final_logit_softcapping=None,
        head_dim=32,
        hidden_activation="gelu_pytorch_tanh",
        hidden_size=56,
        intermediate_size=88,
        num_hidden_layers=4,
        query_pre_attn_scalar=24,
        rms_norm_eps=1e-06,
        rope_local_base_freq=10000.0,
        rope_scaling={"factor": 8.0, "rope_type": "linear"},
        rope_theta=1000000.0,
        sliding_window=16,
        sliding_window_pattern=3,
        torch_dtype="bfloat16",
        transformers_version="4.50.0",
    )
    base.pop("hidden_act")
    return {**base, **changes}


def _gemma2(**changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=["Gemma2ForCausalLM"],
        model_type="gemma2",
        attention_bias=False,
        attention_dropout=0.0,
        attn_logit_softcapping=4.0,
        bos_token_id=1,
        eos_token_id=2,
        final_logit_softcapping=20.0,
        head_dim=32,
        hidden_act="gelu_pytorch_tanh",
        hidden_activation="gelu_pytorch_tanh",
        hidden_size=48,
        num_hidden_layers=3,
        query_pre_attn_scalar=32,
        rms_norm_eps=1e-06,
        rope_theta=10000.0,
        sliding_window=16,
        torch_dtype="float32",
        transformers_version="4.42.4",
    )
    return {**base, **changes}


def _gemma(**changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=["GemmaForCausalLM"],
        model_type="gemma",
        attention_bias=False,
        attention_dropout=0.0,
        bos_token_id=1,
        eos_token_id=2,
        head_dim=32,
        hidden_act="gelu",
        hidden_size=40,
        intermediate_size=104,
        num_key_value_heads=1,
        rms_norm_eps=1e-06,
        rope_scaling=None,
        rope_theta=10000.0,
        torch_dtype="bfloat16",
        transformers_version="4.38.1",
    )
    return {**base, **changes}


def _new_style(config: dict[str, Any], rope_parameters: dict[str, Any]) -> dict[str, Any]:
    """Rewrites the fields as transformers 5 writes them."""
    dropped = {"rope_theta", "rope_scaling", "torch_dtype"}
    kept = {key: value for key, value in config.items() if key not in dropped}
    return {
        **kept,
        "dtype": config["torch_dtype"],
        "rope_parameters": rope_parameters,
        "transformers_version": "5.23.0",
    }


_LLAMA31_SCALING = {
    "factor": 8.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 64,
    "rope_type": "llama3",
}

_SAMPLED = {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "bos_token_id": 1, "transformers_version": "4.43.0"}


def checkpoint_specs() -> list[CheckpointSpec]:
    """Returns all checkpoints; with this vocabulary id 0 pads, 1 begins, 2 and 3 end."""
    from dense_specs import dense_specs
    from gpt_specs import gpt_specs
    from phi_specs import phi_specs
    from mixture_specs import mixture_specs
    from wrapped_specs import wrapped_specs

    llama2 = _llama(rope_theta=10000.0, transformers_version="4.31.0.dev0")
    for absent in ("attention_bias", "mlp_bias", "attention_dropout", "rope_theta"):
        llama2.pop(absent)
    return [
        CheckpointSpec(
            "llama2",
            {**llama2, "num_key_value_heads": 4, "intermediate_size": 64},
            "F32",
            generation_config={"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "temperature": 0.9, "top_p": 0.6},
            tokenizer_style="llama2",
            note="multi-head attention, no rope_theta in the file (the default 10000 holds)",
        ),
        CheckpointSpec(
            "qwen3",
            _qwen3(intermediate_size=72),
            "F32",
            generation_config={"bos_token_id": 1, "eos_token_id": [3, 2], "pad_token_id": 0, "do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.95},
            tokenizer_style="qwen2",
            note="norms on queries and keys, head_dim 32 where hidden/heads is 16, tied embeddings",
        ),
        CheckpointSpec(
            "llama3",
            _llama(torch_dtype="bfloat16"),
            "BF16",
            generation_config={**_SAMPLED, "eos_token_id": [2, 3]},
            note="grouped-query attention, theta 500000",
        ),
        CheckpointSpec(
            "llama31",
            _llama(rope_scaling=_LLAMA31_SCALING, eos_token_id=[2, 3]),
            "F32",
            generation_config={**_SAMPLED, "eos_token_id": [2, 3]},
            note="llama3 rope scaling; its three bands (kept, blended, divided) all occur",
        ),
        CheckpointSpec(
            "llama31-v5",
            _new_style(_llama(torch_dtype="bfloat16", eos_token_id=[2, 3], tie_word_embeddings=True), {**_LLAMA31_SCALING, "rope_theta": 500000.0}),
            "BF16",
            note="llama31 with the field names of transformers 5 (rope_parameters, dtype); tied embeddings",
        ),
        CheckpointSpec(
            "llama-heads10",
            _llama(hidden_size=40, intermediate_size=56, rope_theta=10000.0),
            "F32",
            tokenizer_style="llama2",
            note="heads of 10 features, which the runtime's attention takes with 6 zeros",
        ),
        CheckpointSpec(
            "llama-yarn",
            _llama(rope_theta=10000.0, head_dim=24, rope_scaling={"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 16, "beta_fast": 4}),
            "F32",
            note="yarn rope scaling over an original context of 16: prompts of twice and six times of it; heads of 24",
        ),
        CheckpointSpec(
            "llama-linear",
            _llama(rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 4.0}, torch_dtype="float16"),
            "F16",
            note="linear rope scaling, spelled `type` as older files do",
        ),
        CheckpointSpec(
            "llama-bias",
            _llama(attention_bias=True, mlp_bias=True, torch_dtype="bfloat16"),
            "BF16",
            note="biases on all projections of attention and MLP",
        ),
        CheckpointSpec(
            "llama-sharded",
            _llama(torch_dtype="bfloat16", num_hidden_layers=3, head_dim=16),
            "BF16",
            shard_count=3,
            note="three shards with an index, three layers, head_dim in the file",
        ),
        CheckpointSpec(
            "llama-f16",
            _llama(torch_dtype="float16", num_key_value_heads=1, tie_word_embeddings=True),
            "F16",
            note="stored in F16, one key/value head, tied embeddings",
        ),
        CheckpointSpec(
            "mistral",
            _mistral(sliding_window=16),
            "BF16",
            generation_config={"bos_token_id": 1, "eos_token_id": 2, "transformers_version": "4.42.0"},
            tokenizer_style="llama2-metaspace",
            note="every layer sees 16 tokens back at most, itself included",
        ),
        CheckpointSpec(
            "mistral-headdim",
            _mistral(head_dim=32, rope_theta=1000000.0, hidden_size=48, torch_dtype="float32"),
            "F32",
            tokenizer_style="tekken",
            note="head_dim 32 where hidden/heads is 12; no window",
        ),
        CheckpointSpec(
            "qwen2",
            _qwen2(),
            "BF16",
            generation_config={"bos_token_id": 1, "eos_token_id": [3, 2], "pad_token_id": 0, "do_sample": True, "repetition_penalty": 1.1, "temperature": 0.7, "top_k": 20, "top_p": 0.8},
            tokenizer_style="qwen2",
            note="biases on q, k and v; tied embeddings; the window in the file is switched off",
        ),
        CheckpointSpec(
            "qwen2-untied",
            _qwen2(tie_word_embeddings=False, torch_dtype="float16"),
            "F16",
            tokenizer_style="qwen2",
            note="qwen2 with an output head of its own",
        ),
        CheckpointSpec(
            "qwen2-window",
            _qwen2(use_sliding_window=True, sliding_window=16, max_window_layers=1),
            "BF16",
            tokenizer_style="qwen2",
            note="layer 0 sees all, layer 1 sees 16 tokens",
        ),
        CheckpointSpec(
            "qwen3-untied",
            _new_style(_qwen3(tie_word_embeddings=False, torch_dtype="bfloat16", head_dim=16), {"rope_theta": 1000000, "rope_type": "default"}),
            "BF16",
            tokenizer_style="qwen2",
            note="qwen3 with an output head of its own and the field names of transformers 5",
        ),
        CheckpointSpec(
            "gemma3",
            _gemma3(),
            "BF16",
            generation_config={"bos_token_id": 1, "eos_token_id": [2, 3], "cache_implementation": "hybrid", "do_sample": True, "top_k": 64, "top_p": 0.95},
            tokenizer_style="gemma",
            note="four norms around 1; layers 0, 1 and 3 see 16 tokens and rotate by a base of their own, layer 2 is scaled linearly",
        ),
        CheckpointSpec(
            "gemma3-v5",
            {
                **{key: value for key, value in _gemma3().items() if key not in {"rope_theta", "rope_local_base_freq", "rope_scaling", "sliding_window_pattern", "torch_dtype"}},
                "dtype": "float32",
                "final_logit_softcapping": 20.0,
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
                "num_hidden_layers": 3,
                "query_pre_attn_scalar": 32,
                "num_key_value_heads": 1,
                "rope_parameters": {
                    "full_attention": {"rope_theta": 500000.0, "rope_type": "default"},
                    "sliding_attention": {"rope_theta": 8000.0, "rope_type": "default"},
                },
                "transformers_version": "5.23.0",
            },
            "F32",
            tokenizer_style="gemma",
            note="gemma3 with the field names of transformers 5, other layers, and logits that are capped",
        ),
        CheckpointSpec(
            "gemma2",
            _gemma2(),
            "F32",
            tokenizer_style="gemma",
            note="capped attention and capped logits, layers 0 and 2 see 16 tokens",
        ),
        CheckpointSpec(
            "gemma",
            _gemma(),
            "BF16",
            tokenizer_style="gemma",
            note="one key/value head, heads wider than the network; `gelu` stands for its approximation, as in the first files",
        ),
        *dense_specs(),
        *gpt_specs(),
        *phi_specs(),
        *mixture_specs(),
        *wrapped_specs(),
    ]
