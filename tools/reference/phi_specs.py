"""The tiny checkpoints of Phi-1, Phi-2, Phi-3 and StableLM."""

from __future__ import annotations

from typing import Any

from checkpoint_specs import CheckpointSpec, shape


def _phi3(**changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=["Phi3ForCausalLM"],
        model_type="phi3",
        attention_bias=False,
        attention_dropout=0.0,
        bos_token_id=1,
        embd_pdrop=0.0,
        eos_token_id=2,
        hidden_size=48,
        num_key_value_heads=4,
        original_max_position_embeddings=256,
        pad_token_id=0,
        resid_pdrop=0.0,
        rms_norm_eps=1e-05,
        rope_scaling=None,
        rope_theta=10000.0,
        sliding_window=None,
        tie_word_embeddings=False,
        torch_dtype="bfloat16",
        transformers_version="4.40.2",
    )
    return {**base, **changes}


def _phi(**changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=["PhiForCausalLM"],
        model_type="phi",
        attention_dropout=0.0,
        bos_token_id=1,
        embd_pdrop=0.0,
        eos_token_id=2,
        hidden_act="gelu_new",
        hidden_size=60,
        intermediate_size=104,
        layer_norm_eps=1e-05,
        num_attention_heads=3,
        num_key_value_heads=3,
        partial_rotary_factor=0.4,
        qk_layernorm=False,
        resid_pdrop=0.1,
        rope_scaling=None,
        rope_theta=10000.0,
        tie_word_embeddings=False,
        torch_dtype="float16",
        transformers_version="4.37.0",
    )
    return {**base, **changes}


def _stablelm(**changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=["StableLmForCausalLM"],
        model_type="stablelm",
        bos_token_id=1,
        eos_token_id=2,
        layer_norm_eps=1e-05,
        partial_rotary_factor=0.25,
        qk_layernorm=False,
        rope_theta=10000,
        tie_word_embeddings=False,
        torch_dtype="float16",
        transformers_version="4.40.1",
        use_parallel_residual=False,
        use_qkv_bias=True,
    )
    return {**base, **changes}


def _longrope(pair_count: int, **changes: Any) -> dict[str, Any]:
    return {
        "long_factor": [round(1.5 + 1.25 * pair, 2) for pair in range(pair_count)],
        "short_factor": [round(1.0 + 0.125 * pair, 3) for pair in range(pair_count)],
        "type": "longrope",
        **changes,
    }


def phi_specs() -> list[CheckpointSpec]:
    return [
        CheckpointSpec(
            "phi",
            _phi(),
            "F16",
            tokenizer_style="qwen2",
            note="attention and MLP take the same norm, biases everywhere, 8 of 20 features of a head rotate",
        ),
        CheckpointSpec(
            "phi-groups",
            _phi(hidden_size=48, intermediate_size=72, num_attention_heads=4, num_key_value_heads=2, partial_rotary_factor=0.5, torch_dtype="bfloat16"),
            "BF16",
            tokenizer_style="qwen2",
            note="the same with two heads of keys, half of a head rotates",
        ),
        CheckpointSpec(
            "phi3",
            _phi3(sliding_window=16),
            "BF16",
            generation_config={"bos_token_id": 1, "eos_token_id": [2, 3], "pad_token_id": 0, "transformers_version": "4.40.2"},
            tokenizer_style="llama2",
            note="fused projections, heads of 12, a window of 16",
        ),
        CheckpointSpec(
            "phi35",
            _phi3(original_max_position_embeddings=16, rope_scaling=_longrope(6), torch_dtype="float32"),
            "F32",
            tokenizer_style="llama2",
            note="longrope over an original context of 16: prompts below, of twice and of six times of it, and continuations that pass it",
        ),
        CheckpointSpec(
            "phi4-mini",
            _phi3(hidden_size=64, num_key_value_heads=2, original_max_position_embeddings=32, partial_rotary_factor=0.75, rope_scaling=_longrope(6), tie_word_embeddings=True),
            "BF16",
            note="longrope over an original context of 32, three quarters of a head rotate, grouped-query attention, tied embeddings",
        ),
        CheckpointSpec(
            "stablelm",
            _stablelm(),
            "F16",
            note="LayerNorm with biases, a quarter of a head rotates, biases on q, k and v",
        ),
        CheckpointSpec(
            "stablelm2-12b",
            _stablelm(hidden_size=60, num_attention_heads=5, num_key_value_heads=1, partial_rotary_factor=0.5, qk_layernorm=True, torch_dtype="bfloat16", use_parallel_residual=True, use_qkv_bias=False),
            "BF16",
            note="attention and MLP beside each other, norms with weights of each head's own",
        ),
    ]
