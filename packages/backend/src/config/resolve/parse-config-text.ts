import { BackendError } from "../../errors.ts";
import { locateJsonError } from "../../text/locate-json-error.ts";

function assertJson(source: string, path: string): void {
  const place = locateJsonError(source);
  if (place === undefined) return;
  const { line, column, expected, found } = place;
  throw new BackendError(
    "INVALID_CONFIG",
    `${path} is not valid JSON: expected ${expected} at line ${line}, column ${column}; got ${found}`,
  );
}

/**
 * Parses a configuration file's text, JSON or YAML by the ending of its path. JSON is read as the YAML that it
 * is, so that a key that is there twice is an error in both.
 * @throws BackendError `INVALID_CONFIG` with the line
 */
export async function parseConfigText(text: string, path: string): Promise<unknown> {
  // Most programs have no file.
  const { parseDocument } = await import("yaml");
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const isJson = path.endsWith(".json");
  if (isJson) assertJson(source, path);
  const document = parseDocument(source, { strict: true, uniqueKeys: true });
  const [problem] = [...document.errors, ...document.warnings];
  let cause: unknown = problem;
  try {
    // Without a problem there may still be an alias that leads nowhere, or too many.
    if (problem === undefined) return document.toJS() as unknown;
  } catch (error) {
    cause = error;
  }
  const reason = cause instanceof Error ? cause.message.trimEnd() : String(cause);
  throw new BackendError("INVALID_CONFIG", `${path} is not valid ${isJson ? "JSON" : "YAML"}: ${reason}`, {
    cause,
  });
}
