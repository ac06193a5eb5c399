// Attention of pieces of few tokens to pages of float32: attention-decode.cuh, of any head_dim.
#include "attention-decode.cuh"
ATTENTION_DECODE(attention_decode_any, F32Pages, 0)
