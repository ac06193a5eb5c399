// Attention of pieces of many tokens to pages of 8 bits: attention-prefill.cuh. Entries by head_dim.
#include "attention-prefill.cuh"
ATTENTION(attention_prefill_64, 128, i8, (attention_prefill<i8, 64>))
ATTENTION(attention_prefill_80, 128, i8, (attention_prefill<i8, 80>))
ATTENTION(attention_prefill_96, 128, i8, (attention_prefill<i8, 96>))
ATTENTION(attention_prefill_128, 128, i8, (attention_prefill<i8, 128>))
ATTENTION(attention_prefill_256, 128, i8, (attention_prefill<i8, 256>))
