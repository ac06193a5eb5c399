// Attention of pieces of few tokens to pages of bf16: attention-decode.cuh. Entries by head_dim; `any` takes every head_dim.
#include "attention-decode.cuh"
ATTENTION_DECODE(attention_decode_64, Bf16Pages, 64)
ATTENTION_DECODE(attention_decode_80, Bf16Pages, 80)
ATTENTION_DECODE(attention_decode_96, Bf16Pages, 96)
ATTENTION_DECODE(attention_decode_128, Bf16Pages, 128)
ATTENTION_DECODE(attention_decode_256, Bf16Pages, 256)
ATTENTION_DECODE(attention_decode_any, Bf16Pages, 0)
