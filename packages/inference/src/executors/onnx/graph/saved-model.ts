import type { OnnxPrepackedCopy } from "./onnx-graph.ts";

const graphField = 7;
const initializerField = 5;
const nameField = 8;
const externalDataField = 13;
const keyField = 1;
const valueField = 2;

/** Copies that a saved model has of its weights, by the name of the weight; offsets are in its file of weights. */
export function readPrepackedCopies(model: Uint8Array): ReadonlyMap<string, readonly OnnxPrepackedCopy[]> {
  const copies = new Map<string, readonly OnnxPrepackedCopy[]>();
  for (const graph of messages(model, graphField)) {
    for (const initializer of messages(graph, initializerField)) {
      const found = [...messages(initializer, externalDataField)].flatMap(parseEntry);
      if (found.length > 0) copies.set(text(initializer, nameField), found);
    }
  }
  return copies;
}

/** `prepacked_0` = `key|offset;length;checksum|…` */
function parseEntry(entry: Uint8Array): readonly OnnxPrepackedCopy[] {
  if (!text(entry, keyField).startsWith("prepacked")) return [];
  const [key = "", ...ranges] = text(entry, valueField).split("|");
  const parts = ranges.map((range) => {
    const [startByte = Number.NaN, lengthBytes = Number.NaN] = range.split(";").map(Number);
    return { startByte, endByte: startByte + lengthBytes };
  });
  return [{ key, parts }];
}

function text(message: Uint8Array, field: number): string {
  const [first] = messages(message, field);
  return new TextDecoder().decode(first);
}

const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;

/** The values of one field of a message that have a length. @throws RangeError for bytes that are no message */
function* messages(bytes: Uint8Array, wantedField: number): Generator<Uint8Array> {
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = bytes[at];
      if (byte === undefined) throw new RangeError("expected a whole message, got its end");
      at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const wireType = tag & 7;
    if (wireType === varint) {
      readVarint();
    } else if (wireType === lengthDelimited) {
      const length = readVarint();
      if (Math.floor(tag / 8) === wantedField) yield bytes.subarray(at, at + length);
      at += length;
    } else {
      at += wireType === fixed64 ? 8 : 4;
    }
  }
}
