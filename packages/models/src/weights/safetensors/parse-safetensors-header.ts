import { ModelError, quoteValue } from "../../errors.ts";
import type { Mismatch } from "../../errors.ts";
import { JsonSyntaxError } from "../../files/json-scanner.ts";
import { JsonCursor } from "./json-cursor.ts";
import { tensorDtypes, dtypeSizeBytes, isTensorDtype } from "../tensor-dtype.ts";
import type { TensorDtype } from "../tensor-dtype.ts";
import type { TensorInfo } from "../stored-weight.ts";

/** The file of a header, for errors and for checks against its size. */
export interface HeaderPlace {
  readonly filePath: string;
  /** Where the data starts: offsets count from here. */
  readonly dataStartByte: number;
  readonly fileBytes: number;
}

const maxDimensions = 32;
const maxTensors = 2 ** 20;

/**
 * Parses a safetensors header and checks the rules of the format: each range has the size of its
 * shape, and the ranges cover the data without a hole or an overlap. Returns tensors in the order of the data.
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
        throw invalid(place, { expected: `at most ${maxTensors} tensors`, got: "more" });
      }
      tensors.push(readTensor(cursor, name, place));
    });
    cursor.readEnd();
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      const { expected, got } = error;
      throw invalid(place, { expected: `${expected} of the JSON header`, got }, { cause: error });
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
        throw invalid(
          place,
          { expected: "dtype, shape and data_offsets", got: quoteValue(field) },
          { tensor: name },
        );
    }
  });
  const [start, end] = offsets ?? [];
  if (dtype === undefined || shape === undefined || start === undefined || end === undefined) {
    const mismatch = { expected: "dtype, shape and two data_offsets", got: "fewer" };
    throw invalid(place, mismatch, { tensor: name });
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
    { expected: `a dtype among ${tensorDtypes.join(", ")}`, got: quoteValue(dtype) },
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
      const mismatch = { expected: "a shape of fewer than 2^53 bytes", got: `(${shape.join(", ")})` };
      throw invalid(place, mismatch, { tensor: name });
    }
  }
  if (end - start !== bytes) {
    const expected = `${bytes} bytes for ${dtype} (${shape.join(", ")})`;
    throw invalid(place, { expected, got: `the range ${start} to ${end}` }, { tensor: name });
  }
}

function assertCovers(tensors: readonly TensorInfo[], place: HeaderPlace): void {
  let end = place.dataStartByte;
  for (const { name, startByte, endByte } of tensors) {
    if (startByte !== end) {
      const gap = startByte < end ? "an overlap" : "a hole";
      const mismatch = {
        expected: `data at byte ${end - place.dataStartByte}`,
        got: `${startByte - place.dataStartByte}, which leaves ${gap}`,
      };
      throw invalid(place, mismatch, { tensor: name });
    }
    end = endByte;
  }
  const mismatch = { expected: `a file of ${end} bytes`, got: `one of ${place.fileBytes}` };
  if (end > place.fileBytes) {
    const details = { file: place.filePath, tensor: tensors.at(-1)?.name };
    throw new ModelError("SAFETENSORS_TRUNCATED", mismatch, details);
  }
  if (end < place.fileBytes) throw invalid(place, mismatch);
}

function invalid(
  place: HeaderPlace,
  mismatch: Mismatch,
  details: { readonly tensor?: string; readonly cause?: unknown } = {},
): ModelError {
  return new ModelError("INVALID_SAFETENSORS", mismatch, { file: place.filePath, ...details });
}
