import { elementsOf, type Instruction } from "./ptx-module.ts";
import type { Values } from "./values.ts";

/** Registers are fields of the lanes' records here: `X[i].field`. */
const lane = (text: string): string => text.replaceAll(/\bR_/gu, "X[i].R_");

const eachLane = (body: string): string => `FOR_LANES(i) { ${body} }`;

function writeShuffle({ parts, operands }: Instruction, { assign, read }: Values): string {
  const [targets = "", value = "", by = "", limit = ""] = operands;
  const [to = "", inRange] = targets.split("|");
  const result = lane(assign(to, "b32", "got[i]"));
  const flag = inRange === undefined ? "" : lane(assign(inRange, "pred", "valid[i]"));
  return [
    "u32 value[32], by[32], limit[32], got[32]; u8 valid[32];",
    eachLane(
      lane(`value[i] = ${read(value, "b32")}; by[i] = ${read(by, "u32")}; limit[i] = ${read(limit, "u32")};`),
    ),
    `shuffle_${parts[2] ?? ""}(lanes, value, by, limit, got, valid);`,
    eachLane(`${result} ${flag}`),
  ].join(" ");
}

function writeVote({ parts, operands }: Instruction, { assign, read }: Values): string | undefined {
  const [to = "", from = ""] = operands;
  const collect = `u32 votes = 0; ${eachLane(lane(`if (${read(from, "pred")}) votes |= 1u << i;`))}`;
  const result = {
    ballot: ["b32", "votes"],
    any: ["pred", "votes != 0"],
    all: ["pred", "votes == lanes"],
    uni: ["pred", "votes == 0 || votes == lanes"],
  }[parts[2] ?? ""];
  if (result === undefined) return undefined;
  return `${collect} ${eachLane(lane(assign(to, result[0] ?? "", result[1] ?? "")))}`;
}

function writeReduction({ parts, operands }: Instruction, { assign, read }: Values): string | undefined {
  const [to = "", from = ""] = operands;
  const type = parts.at(-1) ?? "";
  const operation = parts[2] ?? "";
  const isFirst = "bool isFirst = true;";
  const cpp = type === "s32" ? "i32" : "u32";
  const join = {
    add: "all + x",
    min: "std::min(all, x)",
    max: "std::max(all, x)",
    and: "all & x",
    or: "all | x",
    xor: "all ^ x",
  }[operation];
  if (join === undefined) return undefined;
  const collect = eachLane(
    lane(`const ${cpp} x = ${read(from, type)}; all = isFirst ? x : ${join}; isFirst = false;`),
  );
  return `${isFirst} ${cpp} all = 0; ${collect} ${eachLane(lane(assign(to, type, "all")))}`;
}

function writeLoadMatrix({ opcode, operands }: Instruction, { assign, address }: Values): string | undefined {
  const [to = "", from = ""] = operands;
  const targets = elementsOf(to);
  if (!/^ldmatrix\.sync\.aligned\.m8n8\.x[124](?:\.trans)?\.shared\.b16$/u.test(opcode)) return undefined;
  const results = targets.map((target, index) => lane(assign(target, "b32", `got[i][${index}]`)));
  return [
    "B.whole_warp(lanes); u64 rows[32]; u32 got[32][4];",
    eachLane(lane(`rows[i] = ${address(from)};`)),
    `B.load_matrix(${targets.length}, ${opcode.includes(".trans")}, rows, got);`,
    eachLane(results.join(" ")),
  ].join(" ");
}

/** Shapes of products: the runtime's function, and the types of a, b and of the sum. */
const products: Readonly<Record<string, { readonly name: string; readonly sum: string }>> = {
  "m16n8k16.row.col.f32.bf16.bf16.f32": { name: "mma_16<Bf16>", sum: "f32" },
  "m16n8k16.row.col.f32.f16.f16.f32": { name: "mma_16<F16>", sum: "f32" },
  "m16n8k8.row.col.f32.bf16.bf16.f32": { name: "mma_8<Bf16>", sum: "f32" },
  "m16n8k8.row.col.f32.f16.f16.f32": { name: "mma_8<F16>", sum: "f32" },
  "m16n8k8.row.col.f32.tf32.tf32.f32": { name: "mma_tf32", sum: "f32" },
  "m16n8k32.row.col.s32.s8.s8.s32": { name: "mma_int8", sum: "s32" },
};

function writeProduct({ opcode, operands }: Instruction, { assign, read }: Values): string | undefined {
  const product = products[opcode.replace("mma.sync.aligned.", "").replace(".satfinite", "")];
  if (product === undefined) return undefined;
  const [d = [], a = [], b = [], c = []] = operands.map(elementsOf);
  const cpp = product.sum === "f32" ? "float" : "i32";
  const fill = (name: string, list: readonly string[], type: string): string =>
    list.map((operand, index) => `${name}[i][${index}] = ${read(operand, type)};`).join(" ");
  return [
    `B.whole_warp(lanes); u32 a[32][4], b[32][2]; ${cpp} c[32][4];`,
    eachLane(lane(`${fill("a", a, "b32")} ${fill("b", b, "b32")} ${fill("c", c, product.sum)}`)),
    `${product.name}(a, b, c);`,
    eachLane(d.map((target, index) => lane(assign(target, product.sum, `c[i][${index}]`))).join(" ")),
  ].join(" ");
}

/** Writes what the lanes of a warp do together. */
export function writeWarpInstruction(instruction: Instruction, values: Values): string | undefined {
  switch (instruction.parts[0]) {
    case "shfl":
      return writeShuffle(instruction, values);
    case "vote":
      return writeVote(instruction, values);
    case "redux":
      return writeReduction(instruction, values);
    case "ldmatrix":
      return writeLoadMatrix(instruction, values);
    case "mma":
      return writeProduct(instruction, values);
    case "bar":
      return "";
    default:
      return undefined;
  }
}
