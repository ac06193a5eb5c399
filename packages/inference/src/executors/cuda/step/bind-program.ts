import type { CudaFunction, CudaStream } from "@infernode/memory/cuda";
import type { AddressOperand, KernelLaunch, PassShape, Program, Variant } from "../network/program.ts";

/** Where kernels and operands are. */
export interface ProgramBinding {
  readonly functionOf: (launch: KernelLaunch) => CudaFunction;
  readonly addressOf: (operand: NonNullable<AddressOperand>) => bigint;
}

/** A program with its kernels and addresses: launches what computes a pass. */
export interface BoundProgram {
  launch(shape: PassShape, stream: CudaStream): void;
}

interface BoundLaunch extends Pick<KernelLaunch, "grid" | "block" | "dynamicSharedBytes"> {
  readonly callee: CudaFunction;
  readonly argumentsOf: (shape: PassShape) => readonly (bigint | number)[];
}

interface BoundVariant extends Pick<Variant, "fits"> {
  readonly launches: readonly BoundLaunch[];
}

/** Binds each launch of a program once, so that a pass finds everything there. */
export function bindProgram({ steps }: Program, { functionOf, addressOf }: ProgramBinding): BoundProgram {
  const bound = steps.map(({ variants }) =>
    variants.map(({ fits, launches }): BoundVariant => ({
      fits,
      launches: launches.map((launch) => ({
        grid: launch.grid,
        block: launch.block,
        dynamicSharedBytes: launch.dynamicSharedBytes,
        callee: functionOf(launch),
        argumentsOf: bindArguments(launch, addressOf),
      })),
    })),
  );
  return {
    launch(shape, stream) {
      for (const variants of bound) {
        const chosen = variants.find(({ fits }) => fits(shape));
        for (const { callee, grid, block, dynamicSharedBytes, argumentsOf } of chosen?.launches ?? []) {
          const blocks = grid(shape);
          // A pass without rows of logits.
          if (blocks.includes(0)) continue;
          callee.launch({ grid: blocks, block, dynamicSharedBytes, stream }, ...argumentsOf(shape));
        }
      }
    },
  };
}

/** Most launches have the same arguments in each pass. */
function bindArguments(
  { operands }: KernelLaunch,
  addressOf: ProgramBinding["addressOf"],
): BoundLaunch["argumentsOf"] {
  const bound = operands.map((operand) => {
    if (operand === undefined) return 0n;
    return typeof operand === "object" ? addressOf(operand) : operand;
  });
  const isFixed = (given: readonly unknown[]): given is readonly (bigint | number)[] =>
    given.every((each) => typeof each !== "function");
  if (isFixed(bound)) return () => bound;
  return (shape) => bound.map((each) => (typeof each === "function" ? each(shape) : each));
}
