// Attention of pieces of many tokens to pages of bf16: attention-prefill.cuh. Entries by head_dim.
#include "attention-prefill.cuh"
ATTENTION(attention_prefill_64, 128, u16, (attention_prefill<u16, 64>))
ATTENTION(attention_prefill_80, 128, u16, (attention_prefill<u16, 80>))
ATTENTION(attention_prefill_96, 128, u16, (attention_prefill<u16, 96>))
ATTENTION(attention_prefill_128, 128, u16, (attention_prefill<u16, 128>))
ATTENTION(attention_prefill_256, 128, u16, (attention_prefill<u16, 256>))
