import type { CudaFunction, CudaStream, RowProduct, RowProductRequest } from "@infernode/memory/cuda";
import {
  type AddressOperand,
  type KernelLaunch,
  type Launch,
  type LibraryProduct,
  type PassShape,
  type Program,
  rowCount,
  type Variant,
} from "../network/program.ts";

/** Where kernels and operands are. */
export interface ProgramBinding {
  readonly functionOf: (launch: KernelLaunch) => CudaFunction;
  readonly addressOf: (operand: NonNullable<AddressOperand>) => bigint;
  /** Prepares a product of a library, on the stream that the program is launched on. */
  readonly productOf: (request: RowProductRequest) => RowProduct;
}

/** A program with its kernels and addresses: launches what computes a pass. */
export interface BoundProgram {
  launch(shape: PassShape, stream: CudaStream): void;
}

type BoundLaunch = (shape: PassShape, stream: CudaStream) => void;

interface BoundVariant extends Pick<Variant, "fits"> {
  readonly launches: readonly BoundLaunch[];
}

/** Binds each launch of a program once, so that a pass finds everything there. */
export function bindProgram({ steps }: Program, binding: ProgramBinding): BoundProgram {
  const bound = steps.map(({ variants }) =>
    variants.map(({ fits, launches }): BoundVariant => ({
      fits,
      launches: launches.map((launch) => bindLaunch(launch, binding)),
    })),
  );
  return {
    launch(shape, stream) {
      for (const variants of bound) {
        const chosen = variants.find(({ fits }) => fits(shape));
        for (const launch of chosen?.launches ?? []) launch(shape, stream);
      }
    },
  };
}

function bindLaunch(launch: Launch, binding: ProgramBinding): BoundLaunch {
  switch (launch.kind) {
    case "kernel":
      return bindKernel(launch, binding);
    case "product":
      return bindProduct(launch, binding);
    default:
      return launch satisfies never;
  }
}

function bindKernel(launch: KernelLaunch, { functionOf, addressOf }: ProgramBinding): BoundLaunch {
  const { grid, block, dynamicSharedBytes } = launch;
  const callee = functionOf(launch);
  const argumentsOf = bindArguments(launch, addressOf);
  return (shape, stream) => {
    const blocks = grid(shape);
    // A pass without rows of logits.
    if (blocks.includes(0)) return;
    callee.launch({ grid: blocks, block, dynamicSharedBytes, stream }, ...argumentsOf(shape));
  };
}

function bindProduct(
  { type, n, k, rows, operands }: LibraryProduct,
  { productOf, addressOf }: ProgramBinding,
): BoundLaunch {
  const [out, x, weight, bias] = operands;
  const product = productOf({
    type,
    n,
    k,
    out: addressOf(out),
    x: addressOf(x),
    weight: addressOf(weight),
    bias: bias && addressOf(bias),
  });
  return (shape) => product.launch(rowCount(rows, shape));
}

/** Most launches have the same arguments in each pass. */
function bindArguments(
  { operands }: KernelLaunch,
  addressOf: ProgramBinding["addressOf"],
): (shape: PassShape) => readonly (bigint | number)[] {
  const bound = operands.map((operand) => {
    if (operand === undefined) return 0n;
    return typeof operand === "object" ? addressOf(operand) : operand;
  });
  const isFixed = (given: readonly unknown[]): given is readonly (bigint | number)[] =>
    given.every((each) => typeof each !== "function");
  if (isFixed(bound)) return () => bound;
  return (shape) => bound.map((each) => (typeof each === "function" ? each(shape) : each));
}
