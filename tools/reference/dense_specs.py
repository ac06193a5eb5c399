"""The tiny checkpoints of families that are Llama's network with changes: as in checkpoint_specs.py."""

from __future__ import annotations

from typing import Any

import torch

from checkpoint_specs import CheckpointSpec, shape


def _config(architecture: str, model_type: str, **changes: Any) -> dict[str, Any]:
    base = shape(
        architectures=[architecture],
        model_type=model_type,
        attention_bias=False,
        attention_dropout=0.0,
        bos_token_id=1,
        eos_token_id=2,
        rms_norm_eps=1e-06,
        rope_scaling=None,
        rope_theta=10000.0,
        tie_word_embeddings=False,
        torch_dtype="bfloat16",
        transformers_version="4.48.0",
    )
    return {**base, **changes}


_INTERNLM2_NAMES = {
    "model.embed_tokens": "model.tok_embeddings",
    "lm_head": "output",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.o_proj": "attention.wo",
    "mlp.gate_proj": "feed_forward.w1",
    "mlp.up_proj": "feed_forward.w3",
    "mlp.down_proj": "feed_forward.w2",
}


def _internlm2_tensors(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of each head of keys: its three queries, its key, its value, of 12 rows each."""
    stored: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if "k_proj" in name or "v_proj" in name:
            continue
        if "q_proj" in name:
            parts = [tensors[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            groups = torch.cat([part.reshape(2, -1, 12, 72) for part in parts], dim=1)
            stored[name.replace("self_attn.q_proj", "attention.wqkv")] = groups.reshape(-1, 72).contiguous()
            continue
        for ours, theirs in _INTERNLM2_NAMES.items():
            name = name.replace(ours, theirs)
        stored[name] = tensor
    return stored


def dense_specs() -> list[CheckpointSpec]:
    granite = _config(
        "GraniteForCausalLM",
        "granite",
        attention_multiplier=0.09,
        embedding_multiplier=1.75,
        hidden_size=48,
        intermediate_size=104,
        logits_scaling=1.5,
        mlp_bias=False,
        num_attention_heads=3,
        num_key_value_heads=1,
        residual_multiplier=0.7,
        tie_word_embeddings=True,
    )
    olmo2 = _config(
        "Olmo2ForCausalLM",
        "olmo2",
        hidden_size=48,
        intermediate_size=88,
        num_attention_heads=3,
        num_key_value_heads=1,
        rope_theta=500000,
        num_hidden_layers=3,
    )
    olmo3 = {
        **{key: value for key, value in olmo2.items() if key not in {"rope_theta", "rope_scaling", "torch_dtype"}},
        "architectures": ["Olmo3ForCausalLM"],
        "dtype": "bfloat16",
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        "model_type": "olmo3",
        "num_key_value_heads": 1,
        "rope_parameters": {
            "full_attention": {"factor": 4.0, "rope_theta": 500000.0, "rope_type": "linear"},
            "sliding_attention": {"rope_theta": 500000.0, "rope_type": "default"},
        },
        "sliding_window": 16,
        "transformers_version": "5.23.0",
    }
    internlm2 = _config(
        "InternLM2ForCausalLM",
        "internlm2",
        bias=False,
        hidden_size=72,
        intermediate_size=88,
        num_attention_heads=6,
        num_key_value_heads=2,
        pad_token_id=2,
        rms_norm_eps=1e-05,
        rope_scaling={"factor": 2.0, "type": "dynamic"},
        rope_theta=1000000,
    )
    internlm2.pop("attention_bias")
    internlm2_as_llama = {**internlm2, "model_type": "llama"}
    internlm3 = _config(
        "InternLM3ForCausalLM",
        "internlm3",
        bias=False,
        head_dim=16,
        hidden_size=48,
        intermediate_size=72,
        num_attention_heads=3,
        num_key_value_heads=1,
        pad_token_id=0,
        qkv_bias=False,
        rope_theta=50000000,
    )
    minicpm = _config(
        "MiniCPMForCausalLM",
        "minicpm",
        dim_model_base=40,
        hidden_size=48,
        intermediate_size=72,
        num_attention_heads=3,
        num_hidden_layers=3,
        num_key_value_heads=1,
        scale_depth=1.4,
        scale_emb=2,
        tie_word_embeddings=True,
    )
    minicpm_as_granite = {
        **minicpm,
        "model_type": "granite",
        "attention_multiplier": 0.25,
        "embedding_multiplier": 2,
        "logits_scaling": 48 / 40,
        "residual_multiplier": 1.4 / 3**0.5,
    }
    pythia = _config(
        "GPTNeoXForCausalLM",
        "gpt_neox",
        bos_token_id=1,
        classifier_dropout=0.1,
        eos_token_id=2,
        hidden_act="gelu",
        hidden_dropout=0.0,
        hidden_size=48,
        intermediate_size=104,
        layer_norm_eps=1e-05,
        num_attention_heads=3,
        rotary_emb_base=10000,
        rotary_pct=0.25,
        torch_dtype="float16",
        use_parallel_residual=True,
    )
    for absent in ("attention_bias", "num_key_value_heads", "rms_norm_eps", "rope_scaling", "rope_theta"):
        pythia.pop(absent)
    gpt_neox = {
        **pythia,
        "attention_bias": False,
        "hidden_size": 60,
        "num_attention_heads": 5,
        "rotary_emb_base": 50000,
        "rotary_pct": 0.5,
        "torch_dtype": "float32",
        "use_parallel_residual": False,
    }
    smollm3 = _config(
        "SmolLM3ForCausalLM",
        "smollm3",
        hidden_size=48,
        intermediate_size=72,
        layer_types=["full_attention"] * 4,
        max_window_layers=28,
        mlp_bias=False,
        no_rope_layer_interval=4,
        no_rope_layers=[1, 1, 1, 0],
        num_attention_heads=3,
        num_hidden_layers=4,
        num_key_value_heads=1,
        pad_token_id=0,
        rope_theta=5000000.0,
        sliding_window=None,
        tie_word_embeddings=True,
        use_sliding_window=False,
    )
    smollm3_window = {
        **smollm3,
        "no_rope_layers": [0, 1],
        "num_hidden_layers": 2,
        "rope_theta": 2000000.0,
        "sliding_window": 16,
        "torch_dtype": "float32",
        "use_sliding_window": True,
    }
    for absent in ("layer_types", "rope_theta", "no_rope_layer_interval"):
        smollm3_window.pop(absent)
    starcoder2 = _config(
        "Starcoder2ForCausalLM",
        "starcoder2",
        embedding_dropout=0.0,
        hidden_act="gelu_pytorch_tanh",
        hidden_size=48,
        intermediate_size=104,
        mlp_type="default",
        norm_epsilon=1e-05,
        norm_type="layer_norm",
        num_attention_heads=3,
        num_key_value_heads=1,
        residual_dropout=0.0,
        rope_theta=999999.4420358813,
        sliding_window=16,
        torch_dtype="float32",
        use_bias=True,
    )
    for absent in ("attention_bias", "rms_norm_eps", "rope_scaling", "tie_word_embeddings"):
        starcoder2.pop(absent)
    starcoder2_untied = {**starcoder2, "sliding_window": None, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_bias": False}
    cohere = _config(
        "CohereForCausalLM",
        "cohere",
        hidden_size=48,
        intermediate_size=72,
        layer_norm_eps=1e-05,
        logit_scale=0.9,
        model_max_length=256,
        num_attention_heads=3,
        num_key_value_heads=1,
        pad_token_id=0,
        use_qk_norm=False,
    )
    for absent in ("rms_norm_eps", "rope_scaling", "rope_theta", "tie_word_embeddings"):
        cohere.pop(absent)
    cohere_plus = {**cohere, "num_attention_heads": 6, "num_key_value_heads": 2, "rope_theta": 75000000.0, "torch_dtype": "float16", "use_qk_norm": True}
    cohere2 = {
        **cohere,
        "architectures": ["Cohere2ForCausalLM"],
        "head_dim": 16,
        "layer_switch": 4,
        "model_type": "cohere2",
        "num_hidden_layers": 4,
        "order_of_interleaved_layers": "local_attn_first",
        "position_embedding_type": "rope_gptj",
        "rope_theta": 50000,
        "rotary_pct": 1.0,
        "sliding_window": 16,
        "sliding_window_pattern": 4,
        "use_embedding_sharing": True,
        "use_gated_activation": True,
        "use_parallel_block": True,
        "use_parallel_embedding": True,
    }
    cohere2.pop("model_max_length")
    ministral3 = _config(
        "Ministral3ForCausalLM",
        "ministral3",
        dtype="bfloat16",
        head_dim=24,
        hidden_size=40,
        intermediate_size=72,
        num_hidden_layers=3,
        num_key_value_heads=1,
        rms_norm_eps=1e-05,
        rope_parameters={
            "beta_fast": 4.0,
            "beta_slow": 1.0,
            "factor": 16.0,
            "llama_4_scaling_beta": 0.5,
            "mscale": 1.0,
            "mscale_all_dim": 0.5,
            "original_max_position_embeddings": 16,
            "rope_theta": 10000.0,
            "rope_type": "yarn",
            "type": "yarn",
        },
        sliding_window=None,
        transformers_version="5.0.0.dev0",
    )
    for absent in ("attention_bias", "rope_scaling", "rope_theta", "torch_dtype"):
        ministral3.pop(absent)
    return [
        CheckpointSpec("cohere-qk-norm", cohere_plus, "F16", note="norms of queries and keys, with weights of each head's own"),
        CheckpointSpec("cohere2", cohere2, "BF16", note="layers 0 to 2 see 16 tokens and rotate, layer 3 sees all and does not"),
        CheckpointSpec("cohere", cohere, "BF16", note="attention and MLP beside each other, layer norms without biases, neighbours rotate together, logits scaled; no rope_theta in the file (500000 holds)"),
        CheckpointSpec("gpt-neox", gpt_neox, "F32", note="MLP after attention, no biases of attention, heads of 12 features of which 6 rotate"),
        CheckpointSpec("granite", granite, "BF16", note="factors of embeddings, attention, what layers add, and logits"),
        CheckpointSpec("internlm2", internlm2, "BF16", oracle=internlm2_as_llama, as_stored=_internlm2_tensors, note="one product of queries, keys and values by head of keys, names of its own; the logits are those of Llama, whose network is the same"),
        CheckpointSpec("internlm3", internlm3, "BF16", note="Llama's network under the names of InternLM 3"),
        CheckpointSpec("minicpm", minicpm, "BF16", oracle=minicpm_as_granite, note="factors under the names of MiniCPM; the logits are those of Granite, whose network is the same"),
        CheckpointSpec("ministral3", ministral3, "BF16", tokenizer_style="tekken", note="yarn over an original context of 16, and queries that are scaled by their position from there on: prompts of twice and six times of it; heads of 24"),
        CheckpointSpec("olmo2", olmo2, "BF16", note="norms after attention and MLP; norms over all queries and all keys; one head of keys"),
        CheckpointSpec("olmo3", olmo3, "BF16", note="layers 0 and 2 see 16 tokens, layer 1 sees all and is scaled linearly; the field names of transformers 5"),
        CheckpointSpec("pythia", pythia, "F16", note="MLP beside attention, one product for queries, keys and values, 4 of 16 features rotate"),
        CheckpointSpec("smollm3", smollm3, "BF16", note="the last of four layers does not rotate"),
        CheckpointSpec("smollm3-window", smollm3_window, "F32", note="layer 0 does not rotate and sees 16 tokens; no rope_theta in the file (2000000 holds)"),
        CheckpointSpec("starcoder2", starcoder2, "F32", note="layer norms and projections with biases, an MLP without a gate, 16 tokens; tied embeddings"),
        CheckpointSpec("starcoder2-untied", starcoder2_untied, "BF16", note="no biases but those of norms, no window, an output head of its own"),
    ]
