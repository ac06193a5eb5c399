"""The tiny checkpoints of models that take images, too: their configs hold one of a network of text."""

from __future__ import annotations

from typing import Any

from checkpoint_specs import CheckpointSpec


def _vision(model_type: str, **changes: Any) -> dict[str, Any]:
    base = {
        "hidden_size": 16,
        "image_size": 28,
        "intermediate_size": 24,
        "model_type": model_type,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "patch_size": 14,
    }
    return {**base, **changes}


def wrapped_specs() -> list[CheckpointSpec]:
    gemma3 = {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "boi_token_index": 318,
        "eoi_token_index": 319,
        "eos_token_id": [2, 3],
        "image_token_index": 317,
        "initializer_range": 0.02,
        "mm_tokens_per_image": 1,
        "model_type": "gemma3",
        "text_config": {
            "head_dim": 8,
            "hidden_size": 56,
            "intermediate_size": 88,
            "model_type": "gemma3_text",
            "num_hidden_layers": 3,
            "query_pre_attn_scalar": 3,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
            "sliding_window": 16,
            "sliding_window_pattern": 2,
            "vocab_size": 320,
        },
        "torch_dtype": "bfloat16",
        "transformers_version": "4.50.0.dev0",
        "vision_config": _vision("siglip_vision_model", vision_use_head=False),
    }
    mistral3 = {
        "architectures": ["Mistral3ForConditionalGeneration"],
        "dtype": "bfloat16",
        "image_token_index": 10,
        "model_type": "mistral3",
        "multimodal_projector_bias": False,
        "projector_hidden_act": "gelu",
        "spatial_merge_size": 2,
        "text_config": {
            "attention_dropout": 0.0,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "head_dim": 24,
            "hidden_act": "silu",
            "hidden_size": 48,
            "initializer_range": 0.02,
            "intermediate_size": 72,
            "max_position_embeddings": 256,
            "model_type": "mistral",
            "num_attention_heads": 3,
            "num_hidden_layers": 2,
            "num_key_value_heads": 1,
            "rms_norm_eps": 1e-05,
            "rope_parameters": {"rope_theta": 1000000000.0, "rope_type": "default"},
            "sliding_window": None,
            "use_cache": True,
            "vocab_size": 320,
        },
        "tie_word_embeddings": False,
        "transformers_version": "5.23.0",
        "vision_config": _vision("pixtral", head_dim=8),
        "vision_feature_layer": -1,
    }
    ministral3 = {
        **{key: value for key, value in mistral3.items() if key != "tie_word_embeddings"},
        "text_config": {
            **{key: value for key, value in mistral3["text_config"].items() if key not in {"bos_token_id", "eos_token_id"}},
            "head_dim": 16,
            "hidden_size": 40,
            "model_type": "ministral3",
            "rope_parameters": {
                "beta_fast": 32.0,
                "beta_slow": 1.0,
                "factor": 8.0,
                "llama_4_scaling_beta": 0.7,
                "mscale": 1.0,
                "mscale_all_dim": 1.0,
                "original_max_position_embeddings": 32,
                "rope_theta": 1000000.0,
                "rope_type": "yarn",
                "type": "yarn",
            },
            "tie_word_embeddings": True,
        },
    }
    return [
        CheckpointSpec(
            "gemma3-images",
            gemma3,
            "BF16",
            tokenizer_style="gemma",
            note="a config with one of text, which leaves out what its class has as defaults; the tensors of text have names of their own, those of images are not read",
        ),
        CheckpointSpec("ministral3-images", ministral3, "BF16", tokenizer_style="tekken", note="the text of a Ministral 3, whose embeddings are tied"),
        CheckpointSpec("mistral3", mistral3, "BF16", tokenizer_style="tekken", note="the text of a Mistral Small 3.1, with the field and tensor names of transformers 5"),
    ]
