import type { KernelManifest } from "@infernode/memory/cuda";
import { adapters } from "./manifests/adapters.ts";
import { addRmsNorm } from "./manifests/add-rms-norm.ts";
import { argmax } from "./manifests/argmax.ts";
import { attention } from "./manifests/attention.ts";
import { attentionDecode } from "./manifests/attention-decode.ts";
import { attentionDecodeBf16 } from "./manifests/attention-decode-bf16.ts";
import { attentionDecodeI8 } from "./manifests/attention-decode-i8.ts";
import { attentionJoin } from "./manifests/attention-join.ts";
import { attentionPrefillBf16 } from "./manifests/attention-prefill-bf16.ts";
import { attentionPrefillI8 } from "./manifests/attention-prefill-i8.ts";
import { editLogits } from "./manifests/edit-logits.ts";
import { elementwise } from "./manifests/elementwise.ts";
import { embed } from "./manifests/embed.ts";
import { experts } from "./manifests/experts.ts";
import { feed } from "./manifests/feed.ts";
import { gated } from "./manifests/gated.ts";
import { gemm } from "./manifests/gemm.ts";
import { gemmBlocks } from "./manifests/gemm-blocks.ts";
import { gemv } from "./manifests/gemv.ts";
import { gemvBlocks } from "./manifests/gemv-blocks.ts";
import { gemvMma } from "./manifests/gemv-mma.ts";
import { gemvMmaBlocks } from "./manifests/gemv-mma-blocks.ts";
import { logprobs } from "./manifests/logprobs.ts";
import { narrow } from "./manifests/narrow.ts";
import { norm } from "./manifests/norm.ts";
import { normRotateAppend } from "./manifests/norm-rotate-append.ts";
import { product } from "./manifests/product.ts";
import { rotateAppend } from "./manifests/rotate-append.ts";
import { rows } from "./manifests/rows.ts";
import { sample } from "./manifests/sample.ts";
import { sumSplits } from "./manifests/sum-splits.ts";

const manifests: readonly KernelManifest[] = [
  adapters,
  addRmsNorm,
  argmax,
  attention,
  attentionDecode,
  attentionDecodeBf16,
  attentionDecodeI8,
  attentionJoin,
  attentionPrefillBf16,
  attentionPrefillI8,
  editLogits,
  elementwise,
  embed,
  experts,
  feed,
  gated,
  gemm,
  gemmBlocks,
  gemv,
  gemvBlocks,
  gemvMma,
  gemvMmaBlocks,
  logprobs,
  narrow,
  norm,
  normRotateAppend,
  product,
  rotateAppend,
  rows,
  sample,
  sumSplits,
];

/** All modules by name; the images are in the folder `ptx` of the package. */
export const kernelModules: ReadonlyMap<string, KernelManifest> = new Map(
  manifests.map((manifest) => [manifest.module, manifest]),
);
