// Attention of pieces of few tokens to pages of 8 bits: attention-decode-tensor.cuh. Entries by head_dim.
#include "attention-decode-tensor.cuh"
ATTENTION(attention_decode_64, 128, i8, (attention_decode<I8Page, 64>))
ATTENTION(attention_decode_80, 128, i8, (attention_decode<I8Page, 80>))
ATTENTION(attention_decode_96, 128, i8, (attention_decode<I8Page, 96>))
ATTENTION(attention_decode_128, 128, i8, (attention_decode<I8Page, 128>))
ATTENTION(attention_decode_256, 64, i8, (attention_decode<I8Page, 256>))
