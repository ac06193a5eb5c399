import type { Activation, Limits } from "@infernode/models";
import { elementwise } from "../kernels/manifests/elementwise.ts";
import { addressOf, launchOf, type LaunchGeometry, sizeOf } from "./launch.ts";
import { type AddressOperand, type DeviceValue, type KernelLaunch, rowCount } from "./program.ts";

const threads = 256;
const largestFloat32 = 3.4e38;

/** A function of each number. */
export function activationLaunch(
  out: DeviceValue,
  x: DeviceValue,
  activation: Activation | "sigmoid",
): KernelLaunch {
  return launchOf(elementwise, activation, { ...perNumber(out), operands: unary(out, x) });
}

export function clipLaunch(
  out: DeviceValue,
  x: DeviceValue,
  { min = -largestFloat32, max = largestFloat32 }: Limits,
): KernelLaunch {
  return launchOf(elementwise, "clip", { ...perNumber(out), operands: [...unary(out, x), min, max] });
}

/** `factor · x` */
export function scaleLaunch(out: DeviceValue, x: DeviceValue, factor: number): KernelLaunch {
  return launchOf(elementwise, "scale", { ...perNumber(out), operands: [...unary(out, x), factor] });
}

/** `cap · tanh(x / cap)` */
export function capLaunch(out: DeviceValue, x: DeviceValue, cap: number): KernelLaunch {
  return launchOf(elementwise, "cap", { ...perNumber(out), operands: [...unary(out, x), cap] });
}

export function addLaunch(out: DeviceValue, a: DeviceValue, b: DeviceValue): KernelLaunch {
  const operands = [addressOf(out), addressOf(a), addressOf(b), ...sizeOf(out)] as const;
  return launchOf(elementwise, "add", { ...perNumber(out), operands });
}

/** `a ⊙ b`; a `b` of one feature multiplies all of its row. */
export function multiplyLaunch(out: DeviceValue, a: DeviceValue, b: DeviceValue): KernelLaunch {
  const operands = [addressOf(out), addressOf(a), addressOf(b), ...sizeOf(out)] as const;
  const entry = b.width === a.width ? "multiply" : "multiply_rows";
  return launchOf(elementwise, entry, { ...perNumber(out), operands });
}

function unary(
  out: DeviceValue,
  x: DeviceValue,
): readonly [AddressOperand, AddressOperand, AddressOperand, number, number] {
  return [addressOf(out), addressOf(x), ...sizeOf(out)];
}

function perNumber({ rows, width }: DeviceValue): LaunchGeometry {
  return { grid: (shape) => [Math.ceil((rowCount(rows, shape) * width) / threads), 1, 1], block: threads };
}
