// Attention of pieces of many tokens to pages of bf16: attention-prefill.cuh. Entries by head_dim.
#include "attention-prefill.cuh"
ATTENTION_PREFILL(attention_prefill_64, Bf16, 64)
ATTENTION_PREFILL(attention_prefill_80, Bf16, 80)
ATTENTION_PREFILL(attention_prefill_96, Bf16, 96)
ATTENTION_PREFILL(attention_prefill_128, Bf16, 128)
ATTENTION_PREFILL(attention_prefill_256, Bf16, 256)
