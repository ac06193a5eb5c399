import { parseArray, parseBody } from "./parse-body.ts";
import type { PtxConstant, PtxEntry, PtxModule, SharedArray } from "./ptx-module.ts";

const entryPattern =
  /\.visible\s+\.entry\s+(?<name>[\w$]+)\((?<parameters>[^)]*)\)(?<limits>[^{]*)\{(?<body>[\s\S]*?)\n\}/gu;

function parseConstant(statement: string): PtxConstant | undefined {
  const groups =
    /^(?:\.visible\s+)?\.(?:global|const)\s+\.align\s+\d+\s+\.(?<type>\w+)\s+(?<name>[\w$]+)(?:\[(?<count>\d+)\])?(?:\s*=\s*(?<values>.*))?$/su.exec(
      statement,
    )?.groups;
  if (groups === undefined) return undefined;
  const { type = "", name = "", count, values } = groups;
  const list = values === undefined ? [] : values.replaceAll(/[{}\s]/gu, "").split(",");
  return { name, elementType: type, count: Number(count ?? 1), values: list };
}

/**
 * Parses a PTX module as clang writes it: entries without calls, shared, local and constant arrays.
 * @throws Error that names what it does not know
 */
export function parsePtx(source: string): PtxModule {
  const text = source.replaceAll(/\/\/[^\n]*/gu, "");
  const shared: SharedArray[] = [];
  const constants: PtxConstant[] = [];
  for (const part of text.replaceAll(entryPattern, "").split(";")) {
    const statement = part
      .replaceAll(/\.(?:version|target)[^\n]*\n|\.address_size\s+\d+/gu, "")
      .replaceAll(/\s+/gu, " ")
      .trim();
    if (statement === "") continue;
    const array = parseArray(statement);
    const constant = parseConstant(statement);
    if (array !== undefined) shared.push(array);
    else if (constant !== undefined) constants.push(constant);
    else throw new Error(`expected an entry or an array, got "${statement.slice(0, 120)}"`);
  }
  const entries: PtxEntry[] = [];
  for (const match of text.matchAll(entryPattern)) {
    const { name = "", parameters = "", limits = "", body = "" } = match.groups ?? {};
    const beforeBody = text.slice(0, match.index + match[0].length - body.length - "\n}".length);
    const parsed = parseBody(body, beforeBody.split("\n").length);
    const used = new Set(body.match(/[\w$]+/gu));
    entries.push({
      ...parsed,
      name,
      parameters: [...parameters.matchAll(/\.param\s+\.(\w+)\s+([\w$]+)/gu)].map(
        ([, type = "", parameter = ""]) => ({
          type,
          name: parameter,
        }),
      ),
      maxThreads: Number(/\.maxntid\s+(\d+)/u.exec(limits)?.[1] ?? 1024),
      shared: [...shared.filter((array) => used.has(array.name)), ...parsed.shared],
    });
  }
  return { entries, constants };
}
