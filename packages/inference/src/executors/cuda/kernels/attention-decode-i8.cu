// Attention of pieces of few tokens to pages of i8: attention-decode.cuh. Entries by head_dim; `any` takes every head_dim.
#include "attention-decode.cuh"
ATTENTION_DECODE(attention_decode_64, I8Pages, 64)
ATTENTION_DECODE(attention_decode_80, I8Pages, 80)
ATTENTION_DECODE(attention_decode_96, I8Pages, 96)
ATTENTION_DECODE(attention_decode_128, I8Pages, 128)
ATTENTION_DECODE(attention_decode_256, I8Pages, 256)
ATTENTION_DECODE(attention_decode_any, I8Pages, 0)
