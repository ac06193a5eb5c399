import { ModelError, quoteValue } from "../../errors.ts";
import type { Mismatch } from "../../errors.ts";
import { JsonSyntaxError } from "../../files/json-scanner.ts";
import { JsonCursor } from "./json-cursor.ts";

/**
 * Parses `model.safetensors.index.json`: which shard holds which tensor. Shards are files of the same directory
 * or of folders in it, named with `/`; a path that could lead elsewhere is refused.
 *
 * @throws ModelError `INVALID_WEIGHT_INDEX`
 */
export function parseShardMap(text: string, file: string): ReadonlyMap<string, string> {
  const shards = new Map<string, string>();
  let hasMap = false;
  const cursor = new JsonCursor(text);
  try {
    cursor.readObject((name) => {
      if (name !== "weight_map") {
        cursor.skipValue();
        return;
      }
      hasMap = true;
      cursor.readObject(
        (tensor) => void shards.set(tensor, checkShardName(cursor.readString(), tensor, file)),
      );
    });
    cursor.readEnd();
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      throw invalid(error, { file });
    }
    throw error;
  }
  if (!hasMap || shards.size === 0) {
    throw invalid({ expected: 'a "weight_map" that names tensors', got: "none" }, { file });
  }
  return shards;
}

function checkShardName(name: string, tensor: string, file: string): string {
  const parts = name.split("/");
  // Backslashes and colons have a meaning in Windows paths.
  const isInside = parts.every(
    (part) => part !== "" && part !== "." && part !== ".." && !/[\\:\0]/.test(part),
  );
  if (!isInside || !name.endsWith(".safetensors")) {
    const expected = "the name of a .safetensors file in the same directory or a folder of it";
    throw invalid({ expected, got: quoteValue(name) }, { file, tensor });
  }
  return name;
}

function invalid(
  { expected, got }: Mismatch,
  details: { readonly file: string; readonly tensor?: string },
): ModelError {
  return new ModelError("INVALID_WEIGHT_INDEX", { expected, got }, details);
}
