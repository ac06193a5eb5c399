import { ModelError, quoteValue } from "./errors.ts";
import { JsonCursor, JsonSyntaxError } from "./json-cursor.ts";

/**
 * Parses `model.safetensors.index.json`: which shard holds which tensor. Shards are plain file names in
 * the same directory; a path is refused.
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
      throw invalid(`wanted an object with a "weight_map" from tensor to file name, ${error.message}`, {
        file,
      });
    }
    throw error;
  }
  if (!hasMap || shards.size === 0) {
    throw invalid('wanted a "weight_map" that names tensors, found none', { file });
  }
  return shards;
}

function checkShardName(name: string, tensor: string, file: string): string {
  if (!/^[^/\\\0]+\.safetensors$/.test(name)) {
    throw invalid(`wanted the name of a .safetensors file in the same directory, found ${quoteValue(name)}`, {
      file,
      tensor,
    });
  }
  return name;
}

function invalid(message: string, details: { readonly file: string; readonly tensor?: string }): ModelError {
  return new ModelError("INVALID_WEIGHT_INDEX", `${details.file}: ${message}`, details);
}
