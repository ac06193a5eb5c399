"""The tiny checkpoints of mixtures of experts: odd numbers of experts, and layers with none."""

from __future__ import annotations

from typing import Any

from checkpoint_specs import CheckpointSpec

_COMMON: dict[str, Any] = {
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initializer_range": 0.02,
    "max_position_embeddings": 256,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "output_router_logits": False,
    "rope_scaling": None,
    "tie_word_embeddings": False,
    "use_cache": True,
    "vocab_size": 320,
}


def _mixtral() -> dict[str, Any]:
    return {
        **_COMMON,
        "architectures": ["MixtralForCausalLM"],
        "model_type": "mixtral",
        "intermediate_size": 40,
        "num_experts_per_tok": 2,
        "num_local_experts": 5,
        "rms_norm_eps": 1e-05,
        "rope_theta": 1000000.0,
        "router_aux_loss_coef": 0.02,
        "sliding_window": None,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.36.0.dev0",
    }


def _qwen2_moe() -> dict[str, Any]:
    return {
        **_COMMON,
        "architectures": ["Qwen2MoeForCausalLM"],
        "model_type": "qwen2_moe",
        "decoder_sparse_step": 1,
        "intermediate_size": 88,
        "max_window_layers": 2,
        "mlp_only_layers": [],
        "moe_intermediate_size": 24,
        "norm_topk_prob": False,
        "num_experts": 7,
        "num_experts_per_tok": 3,
        "qkv_bias": True,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "router_aux_loss_coef": 0.001,
        "shared_expert_intermediate_size": 48,
        "sliding_window": 256,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.39.0.dev0",
        "use_sliding_window": False,
    }


def _qwen3_moe() -> dict[str, Any]:
    """Layers 0 and 2 have experts, layer 1 has an MLP."""
    return {
        **_COMMON,
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        "attention_bias": False,
        "decoder_sparse_step": 1,
        "head_dim": 32,
        "hidden_size": 56,
        "intermediate_size": 72,
        "max_window_layers": 3,
        "mlp_only_layers": [1],
        "moe_intermediate_size": 24,
        "norm_topk_prob": True,
        "num_experts": 9,
        "num_experts_per_tok": 2,
        "num_hidden_layers": 3,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "router_aux_loss_coef": 0.001,
        "sliding_window": None,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.51.0",
        "use_sliding_window": False,
    }


def _olmoe() -> dict[str, Any]:
    """As transformers 5 writes it."""
    config = {
        **_COMMON,
        "architectures": ["OlmoeForCausalLM"],
        "model_type": "olmoe",
        "attention_bias": False,
        "clip_qkv": None,
        "dtype": "bfloat16",
        "intermediate_size": 40,
        "norm_topk_prob": False,
        "num_experts": 5,
        "num_experts_per_tok": 2,
        "rms_norm_eps": 1e-05,
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
        "router_aux_loss_coef": 0.01,
        "transformers_version": "5.23.0",
    }
    del config["rope_scaling"]
    return config


def gpt_oss(**changes: Any) -> dict[str, Any]:
    """As the published files have it."""
    config = {
        **_COMMON,
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        "attention_bias": True,
        "experts_per_token": 3,
        "head_dim": 24,
        "hidden_size": 48,
        "initial_context_length": 16,
        "intermediate_size": 40,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        "num_attention_heads": 6,
        "num_experts_per_tok": 3,
        "num_hidden_layers": 3,
        "num_local_experts": 5,
        "pad_token_id": 0,
        "rms_norm_eps": 1e-05,
        "rope_scaling": {
            "beta_fast": 4.0,
            "beta_slow": 1.0,
            "factor": 16.0,
            "original_max_position_embeddings": 16,
            "rope_type": "yarn",
            "truncate": False,
        },
        "rope_theta": 150000,
        "router_aux_loss_coef": 0.9,
        "sliding_window": 16,
        "swiglu_limit": 7.0,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.55.0.dev0",
    }
    return {**config, **changes}


def mixture_specs() -> list[CheckpointSpec]:
    return [
        CheckpointSpec(
            "gpt-oss",
            gpt_oss(),
            "BF16",
            generation_config={"bos_token_id": 1, "do_sample": True, "eos_token_id": [2, 3], "pad_token_id": 0, "transformers_version": "4.55.0.dev0"},
            tokenizer_style="llama3",
            note="five experts, three for each token, with biases and a limit; sinks of attention; 16 tokens in layers 0 and 2; yarn over an original context of 16",
        ),
        CheckpointSpec(
            "mixtral",
            _mixtral(),
            "BF16",
            tokenizer_style="llama2-metaspace",
            note="five experts, two for each token, with weights that add up to 1",
        ),
        CheckpointSpec(
            "olmoe",
            _olmoe(),
            "BF16",
            tokenizer_style="llama3",
            note="five experts, two for each token, with weights that add up to less than 1; norms over all queries and all keys",
        ),
        CheckpointSpec(
            "qwen2-moe",
            _qwen2_moe(),
            "BF16",
            tokenizer_style="qwen2",
            note="seven experts, three for each token, with weights that add up to less than 1, and one for all tokens with a gate",
        ),
        CheckpointSpec(
            "qwen3-moe",
            _qwen3_moe(),
            "BF16",
            tokenizer_style="qwen2",
            note="nine experts, two for each token; layer 1 of three has an MLP",
        ),
    ]
