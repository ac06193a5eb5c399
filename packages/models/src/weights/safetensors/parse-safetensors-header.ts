import { ModelError, quoteValue } from "../../errors.ts";
import { JsonCursor, JsonSyntaxError } from "./json-cursor.ts";
import { tensorDtypes, dtypeSizeBytes, isTensorDtype } from "../tensor-dtype.ts";
import type { TensorDtype } from "../tensor-dtype.ts";
import type { TensorInfo } from "../stored-weight.ts";

/** Where a header lies, for errors and for checks against the file. */
export interface HeaderPlace {
  readonly filePath: string;
  /** Where the tensors' bytes begin: offsets count from here. */
  readonly dataStartByte: number;
  readonly fileBytes: number;
}

const maxDimensions = 32;
const maxTensors = 2 ** 20;

/**
 * Parses a safetensors header and checks all that the format promises: each range has the bytes of its
 * shape, and the ranges cover the data without a hole or an overlap. In the order of the data.
 *
 * @throws ModelError `INVALID_SAFETENSORS`, `SAFETENSORS_TRUNCATED`, `UNSUPPORTED_DTYPE`
 */
export function parseSafetensorsHeader(text: string, place: HeaderPlace): TensorInfo[] {
  const tensors = readTensors(text, place);
  // oxlint-disable-next-line unicorn/no-array-sort -- the array is this function's own
  tensors.sort((a, b) => a.startByte - b.startByte || a.endByte - b.endByte);
  assertCovers(tensors, place);
  return tensors;
}

function readTensors(text: string, place: HeaderPlace): TensorInfo[] {
  const tensors: TensorInfo[] = [];
  const cursor = new JsonCursor(text);
  try {
    cursor.readObject((name) => {
      if (name === "__metadata__") {
        cursor.readObject(() => void cursor.readString());
        return;
      }
      if (tensors.length === maxTensors) {
        throw invalid(place, `wanted at most ${maxTensors} tensors, found more`);
      }
      tensors.push(readTensor(cursor, name, place));
    });
    cursor.readEnd();
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      throw invalid(place, `wanted a JSON object that names tensors, ${error.message}`, { cause: error });
    }
    throw error;
  }
  return tensors;
}

function readTensor(cursor: JsonCursor, name: string, place: HeaderPlace): TensorInfo {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  cursor.readObject((field) => {
    switch (field) {
      case "dtype":
        dtype = cursor.readString();
        break;
      case "shape":
        shape = cursor.readIntegers(maxDimensions);
        break;
      case "data_offsets":
        offsets = cursor.readIntegers(2);
        break;
      default:
        throw invalid(place, `wanted dtype, shape and data_offsets, found ${quoteValue(field)}`, {
          tensor: name,
        });
    }
  });
  const [start, end] = offsets ?? [];
  if (dtype === undefined || shape === undefined || start === undefined || end === undefined) {
    throw invalid(place, "wanted dtype, shape and two data_offsets, found fewer", { tensor: name });
  }
  const checkedDtype = checkDtype(dtype, name, place);
  assertByteCount({ dtype: checkedDtype, shape, start, end, name }, place);
  return {
    name,
    dtype: checkedDtype,
    shape: Object.freeze(shape),
    filePath: place.filePath,
    startByte: place.dataStartByte + start,
    endByte: place.dataStartByte + end,
  };
}

function checkDtype(dtype: string, tensor: string, place: HeaderPlace): TensorDtype {
  if (isTensorDtype(dtype)) {
    return dtype;
  }
  throw new ModelError(
    "UNSUPPORTED_DTYPE",
    `${place.filePath}: tensor ${quoteValue(tensor)}: wanted a dtype among ${tensorDtypes.join(", ")}; found ${quoteValue(dtype)}`,
    { file: place.filePath, tensor },
  );
}

interface RawTensor {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

function assertByteCount({ name, dtype, shape, start, end }: RawTensor, place: HeaderPlace): void {
  let bytes = dtypeSizeBytes(dtype);
  for (const dimension of shape) {
    bytes *= dimension;
    if (!Number.isSafeInteger(bytes)) {
      throw invalid(place, `wanted a shape of fewer than 2^53 bytes, found (${shape.join(", ")})`, {
        tensor: name,
      });
    }
  }
  if (end - start !== bytes) {
    throw invalid(
      place,
      `wanted ${bytes} bytes for ${dtype} (${shape.join(", ")}), found the range ${start} to ${end}`,
      { tensor: name },
    );
  }
}

function assertCovers(tensors: readonly TensorInfo[], place: HeaderPlace): void {
  let expected = place.dataStartByte;
  for (const { name, startByte, endByte } of tensors) {
    if (startByte !== expected) {
      const found = startByte < expected ? "an overlap" : "a hole";
      const at = `wanted its data at byte ${expected - place.dataStartByte}`;
      throw invalid(place, `${at}, found ${found}: ${startByte - place.dataStartByte}`, { tensor: name });
    }
    expected = endByte;
  }
  if (expected > place.fileBytes) {
    throw new ModelError(
      "SAFETENSORS_TRUNCATED",
      `${place.filePath}: wanted ${expected} bytes, found a file of ${place.fileBytes}`,
      { file: place.filePath, tensor: tensors.at(-1)?.name },
    );
  }
  if (expected < place.fileBytes) {
    throw invalid(
      place,
      `wanted a file of ${expected} bytes, found ${place.fileBytes - expected} more at its end`,
    );
  }
}

function invalid(
  place: HeaderPlace,
  message: string,
  details: { readonly tensor?: string; readonly cause?: unknown } = {},
): ModelError {
  const where = details.tensor === undefined ? "" : ` tensor ${quoteValue(details.tensor)}:`;
  return new ModelError("INVALID_SAFETENSORS", `${place.filePath}:${where} ${message}`, {
    file: place.filePath,
    ...details,
  });
}
