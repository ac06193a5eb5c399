import { elementsOf, type Instruction } from "./ptx-module.ts";
import { fieldOf, type Values } from "./values.ts";

const eachLane = (body: string): string => `FOR_LANES(i) { ${body} }`;

function writeShuffle({ parts, operands }: Instruction, { assign, read }: Values): string {
  const [targets = "", value = "", by = "", limit = ""] = operands;
  const [to = "", inRange] = targets.split("|");
  const result = assign(to, "b32", "got[i]");
  const flag = inRange === undefined ? "" : assign(inRange, "pred", "valid[i]");
  return [
    "u32 value[32], by[32], limit[32], got[32]; u8 valid[32];",
    eachLane(
      `value[i] = ${read(value, "b32")}; by[i] = ${read(by, "u32")}; limit[i] = ${read(limit, "u32")};`,
    ),
    `shuffle_${parts[2] ?? ""}(lanes, value, by, limit, got, valid);`,
    eachLane(`${result} ${flag}`),
  ].join(" ");
}

function writeVote({ parts, operands }: Instruction, { assign, read }: Values): string | undefined {
  const [to = "", from = ""] = operands;
  const collect = `u32 votes = 0; ${eachLane(`if (${read(from, "pred")}) votes |= 1u << i;`)}`;
  const result = {
    ballot: ["b32", "votes"],
    any: ["pred", "votes != 0"],
    all: ["pred", "votes == lanes"],
    uni: ["pred", "votes == 0 || votes == lanes"],
  }[parts[2] ?? ""];
  if (result === undefined) return undefined;
  return `${collect} ${eachLane(assign(to, result[0] ?? "", result[1] ?? ""))}`;
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
    `const ${cpp} x = ${read(from, type)}; all = isFirst ? x : ${join}; isFirst = false;`,
  );
  return `${isFirst} ${cpp} all = 0; ${collect} ${eachLane(assign(to, type, "all"))}`;
}

/** Where registers are in the record of a lane; undefined where an operand is none. */
function writePlaces(operands: readonly string[], { entry }: Values): string | undefined {
  if (!operands.every((operand) => entry.registers.has(operand))) return undefined;
  const places = operands.map((operand) => `offsetof(Record, ${fieldOf(operand)})`);
  return `static const u32 at[] = { ${places.join(", ")} };`;
}

function writeLoadMatrix({ opcode, operands }: Instruction, values: Values): string | undefined {
  const [to = "", from = ""] = operands;
  const targets = elementsOf(to);
  const places = writePlaces(targets, values);
  if (!/^ldmatrix\.sync\.aligned\.m8n8\.x[124](?:\.trans)?\.shared\.b16$/u.test(opcode)) return undefined;
  if (places === undefined) return undefined;
  return [
    `B.whole_warp(lanes); u64 rows[32]; ${places}`,
    eachLane(`rows[i] = ${values.address(from)};`),
    `B.load_matrix(${targets.length}, ${opcode.includes(".trans")}, rows, Lanes(X, at));`,
  ].join(" ");
}

/** Functions of the runtime by shape and types of a product. */
const products: Readonly<Record<string, string>> = {
  "m16n8k16.row.col.f32.bf16.bf16.f32": "mma_16<Bf16>",
  "m16n8k16.row.col.f32.f16.f16.f32": "mma_16<F16>",
  "m16n8k8.row.col.f32.bf16.bf16.f32": "mma_8<Bf16>",
  "m16n8k8.row.col.f32.f16.f16.f32": "mma_8<F16>",
  "m16n8k8.row.col.f32.tf32.tf32.f32": "mma_tf32",
  "m16n8k32.row.col.s32.s8.s8.s32": "mma_int8",
};

function writeProduct({ opcode, operands }: Instruction, values: Values): string | undefined {
  const name = products[opcode.replace("mma.sync.aligned.", "").replace(".satfinite", "")];
  const [d = [], a = [], b = [], c = []] = operands.map(elementsOf);
  const places = writePlaces([...a, ...b, ...c, ...d], values);
  if (name === undefined || places === undefined) return undefined;
  return `B.whole_warp(lanes); ${places} multiply(${name}, Lanes(X, at), ${a.length}, ${b.length});`;
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
