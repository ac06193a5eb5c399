import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "./http/start-server.ts";

// The column of this server in docs/compatibility.md, held against the OpenAPI document and the server.

/** Operations by method. */
type Path = Readonly<Record<string, Operation>>;

interface Field {
  readonly description?: string;
}

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

interface Schema {
  /** `#/components/schemas/NAME`. */
  readonly $ref?: string;
  readonly properties?: Properties;
}

interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Path>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

type Properties = Readonly<Record<string, Field>>;

interface Row {
  /** What is in the first cell between backticks. */
  readonly names: readonly string[];
  /** The last cell. */
  readonly own: string;
}

const page = await readFile(
  fileURLToPath(new URL("../../../docs/compatibility.md", import.meta.url)),
  "utf8",
);

/** The rows of the first table below a heading. */
function rowsBelow(heading: string): readonly Row[] {
  const section = page.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(1).map((line) => {
    const cells = line.split("|").map((cell) => cell.trim());
    const names = [...(cells[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
    return { names, own: cells.at(-2) ?? "" };
  });
}

let server: TestServer;
let document: OpenApiDocument;
beforeAll(async () => {
  server = await startServer();
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiDocument;
});
afterAll(() => server[Symbol.asyncDispose]());

function propertiesOf(path: string): Properties {
  const schema = document.paths[path]?.["post"]?.requestBody?.content["application/json"]?.schema;
  const name = schema?.$ref?.split("/").at(-1) ?? "";
  return (document.components.schemas[name] ?? schema)?.properties ?? {};
}

/** What the document says of a field. */
function supportOf({ description = "" }: Field): string {
  if (description.startsWith("Not supported")) return "refused";
  return /^(?:Has no effect|There is one tier only|Must be false|Supported only if|Input that is too long is)/.test(
    description,
  )
    ? "no effect"
    : "yes";
}

test("every endpoint has a row, and every row is as the server is", () => {
  const served = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const rows = rowsBelow("Endpoints").flatMap(({ names, own }) => names.map((name) => ({ name, own })));
  const claimed = rows.filter(({ own }) => own === "yes").map(({ name }) => name);
  expect(claimed.toSorted()).toEqual(served.toSorted());
  for (const { name, own } of rows) expect([name, own]).toEqual([name, own === "yes" ? "yes" : "no"]);
});

test("an endpoint that the server does not have is 404", async () => {
  const missing = rowsBelow("Endpoints").filter(({ own }) => own === "no");
  expect(missing.length).toBeGreaterThan(0);
  for (const name of missing.flatMap(({ names }) => names)) {
    const [method = "", path = ""] = name.split(" ");
    const { status } = await fetch(server.url + path.replace(/\{\w+\}/g, "x"), { method });
    expect([name, status]).toEqual([name, 404]);
  }
});

const tables = [
  { heading: "Chat completions", path: "/v1/chat/completions" },
  { heading: "Completions", path: "/v1/completions" },
  { heading: "Responses", path: "/v1/responses" },
  { heading: "Messages", path: "/v1/messages" },
];

describe.each(tables)("$heading", ({ heading, path }) => {
  test("every field has a row, and every row is as the server is", () => {
    const expected = Object.entries(propertiesOf(path)).map(([name, field]) => [name, supportOf(field)]);
    const rows = rowsBelow(heading).flatMap(({ names, own }) => names.map((name) => [name, own]));
    const known = new Set(expected.map(([name]) => name));
    expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length);
    const unknown = rows.filter(([name]) => !known.has(name));
    expect(Object.fromEntries(rows.filter(([name]) => known.has(name)))).toEqual(
      Object.fromEntries(expected),
    );
    // What the document does not name is refused as an unknown parameter.
    expect(unknown.map(([, own]) => own)).toEqual(unknown.map(() => "refused"));
  });

  test("what is refused is a 400 that names the field", async () => {
    const refused = rowsBelow(heading)
      .filter(({ own }) => own === "refused")
      .flatMap(({ names }) => names);
    expect(refused.length).toBeGreaterThan(0);
    for (const name of refused) {
      const response = await server.post(path, { [name]: { fox: ["den"] } });
      const { error } = (await response.json()) as { error: { message: string } };
      expect([name, response.status, error.message]).toEqual([
        name,
        400,
        expect.stringContaining(`\`${name}\``),
      ]);
    }
  });
});
