"""The tiny checkpoints of GPT-2 and Falcon."""

from __future__ import annotations

from typing import Any

from checkpoint_specs import VOCAB_SIZE, CheckpointSpec


def _gpt2(**changes: Any) -> dict[str, Any]:
    base = {
        "activation_function": "gelu_new",
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.1,
        "bos_token_id": 1,
        "embd_pdrop": 0.1,
        "eos_token_id": 2,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "model_type": "gpt2",
        "n_ctx": 180,
        "n_embd": 36,
        "n_head": 3,
        "n_layer": 2,
        "n_positions": 180,
        "resid_pdrop": 0.1,
        "summary_activation": None,
        "summary_first_dropout": 0.1,
        "summary_proj_to_labels": True,
        "summary_type": "cls_index",
        "summary_use_proj": True,
        "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
        "vocab_size": VOCAB_SIZE,
    }
    return {**base, **changes}


def _falcon(**changes: Any) -> dict[str, Any]:
    base = {
        "alibi": False,
        "apply_residual_connection_post_layernorm": False,
        "architectures": ["FalconForCausalLM"],
        "attention_dropout": 0.0,
        "bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_dropout": 0.0,
        "hidden_size": 60,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "model_type": "falcon",
        "multi_query": True,
        "new_decoder_architecture": False,
        "num_attention_heads": 5,
        "num_hidden_layers": 2,
        "parallel_attn": True,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.27.4",
        "use_cache": True,
        "vocab_size": VOCAB_SIZE,
    }
    return {**base, **changes}


def gpt_specs() -> list[CheckpointSpec]:
    gpt2_untied = _gpt2(
        add_cross_attention=False,
        n_embd=48,
        n_head=3,
        n_inner=104,
        reorder_and_upcast_attn=True,
        scale_attn_by_inverse_layer_idx=False,
        scale_attn_weights=False,
        tie_word_embeddings=False,
        torch_dtype="bfloat16",
        transformers_version="4.35.0",
    )
    falcon_groups = _falcon(hidden_size=48, new_decoder_architecture=True, num_attention_heads=4, num_kv_heads=2)
    falcon2 = {
        **falcon_groups,
        "hidden_size": 64,
        "ffn_hidden_size": 104,
        "max_position_embeddings": 256,
        "num_ln_in_parallel_attn": 1,
        "rope_theta": 500042,
        "tie_word_embeddings": False,
    }
    falcon_sequential = _falcon(bias=True, hidden_size=48, multi_query=False, num_attention_heads=3, parallel_attn=False, torch_dtype="float16")
    return [
        CheckpointSpec(
            "gpt2",
            _gpt2(),
            "F32",
            is_base_model=True,
            tokenizer_style="qwen2",
            note="names without a prefix, and masks beside weights, as in the first files; matrices stored as (in, out), 180 positions, heads of 12 features, tied embeddings",
        ),
        CheckpointSpec(
            "gpt2-untied",
            gpt2_untied,
            "BF16",
            tokenizer_style="qwen2",
            note="names with a prefix, products of queries and keys not scaled, a width of MLPs in the file, an output head of its own",
        ),
        CheckpointSpec("falcon", _falcon(), "BF16", note="one head of keys; attention and MLP take the same norm, no biases, heads of 12 features, tied embeddings; no rope_theta in the file (10000 holds)"),
        CheckpointSpec("falcon-groups", falcon_groups, "BF16", note="two groups of two queries, a key and a value in one matrix; norms of attention and MLP"),
        CheckpointSpec("falcon2", falcon2, "BF16", note="the same groups, one norm, a width of MLPs in the file, an output head of its own"),
        CheckpointSpec("falcon-sequential", falcon_sequential, "F16", note="MLP after attention, biases, a key and a value for each query"),
    ]
