// Attention of pieces of few tokens to pages of bf16: attention-decode-tensor.cuh. Entries by head_dim.
#include "attention-decode-tensor.cuh"
ATTENTION(attention_decode_64, 128, u16, (attention_decode<Bf16Page, 64>))
ATTENTION(attention_decode_80, 128, u16, (attention_decode<Bf16Page, 80>))
ATTENTION(attention_decode_96, 128, u16, (attention_decode<Bf16Page, 96>))
ATTENTION(attention_decode_128, 128, u16, (attention_decode<Bf16Page, 128>))
ATTENTION(attention_decode_256, 64, u16, (attention_decode<Bf16Page, 256>))
