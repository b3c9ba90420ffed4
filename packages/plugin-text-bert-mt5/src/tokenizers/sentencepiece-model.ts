/** One piece of a sentencepiece vocabulary. */
export interface Piece {
  readonly text: string;
  readonly score: number;
  readonly kind: PieceKind;
}

export type PieceKind = "normal" | "unknown" | "control" | "user" | "unused" | "byte";

/** What a sentencepiece model file says. */
export interface SentencePieceModel {
  readonly pieces: readonly Piece[];
  readonly modelType: "unigram" | "bpe" | "word" | "char";
  readonly unknownId: number;
  /** The normalisation table, empty when there is none. */
  readonly charsMap: Uint8Array;
}

const KINDS: readonly (PieceKind | undefined)[] = [
  undefined,
  "normal",
  "unknown",
  "control",
  "user",
  "unused",
  "byte",
];
const MODEL_TYPES: readonly (SentencePieceModel["modelType"] | undefined)[] = [
  undefined,
  "unigram",
  "bpe",
  "word",
  "char",
];

/** One field of a protobuf message: its number, and its bytes or number. */
interface Field {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly value: number;
}

/**
 * Reads the parts of a sentencepiece ModelProto that tokenizing needs: field 1 pieces (piece 1, score 2, type 3),
 * field 2 the trainer's settings (model type 3, unk id 40), field 3 the normaliser's (table 2).
 * @throws RangeError naming what is broken
 */
export function readSentencePieceModel(bytes: Uint8Array): SentencePieceModel {
  const pieces: Piece[] = [];
  let modelType: SentencePieceModel["modelType"] = "unigram";
  let unknownId = 0;
  let charsMap: Uint8Array = new Uint8Array();
  for (const field of fields(bytes)) {
    if (field.number === 1) pieces.push(readPiece(field.bytes));
    if (field.number === 2)
      for (const { number, value } of fields(field.bytes)) {
        if (number === 3) modelType = known(MODEL_TYPES[value], `model type ${value}`);
        if (number === 40) unknownId = value;
      }
    if (field.number === 3)
      for (const inner of fields(field.bytes)) if (inner.number === 2) charsMap = inner.bytes;
  }
  if (pieces.length === 0) throw new RangeError("it holds no pieces");
  if (pieces[unknownId] === undefined)
    throw new RangeError(`its id for unknown, ${unknownId}, is past the last of ${pieces.length} pieces`);
  return { pieces, modelType, unknownId, charsMap };
}

const strict = new TextDecoder("utf-8", { fatal: true });

function readPiece(bytes: Uint8Array): Piece {
  let text = "";
  let score = 0;
  let kind: PieceKind = "normal";
  for (const field of fields(bytes)) {
    if (field.number === 1) text = decode(field.bytes);
    if (field.number === 2) score = asFloat(field.bytes);
    if (field.number === 3) kind = known(KINDS[field.value], `piece type ${field.value}`);
  }
  if (!Number.isFinite(score)) throw new RangeError(`piece ${JSON.stringify(text)} has score ${score}`);
  return { text, score, kind };
}

function decode(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    throw new RangeError("a piece is not UTF-8");
  }
}

function asFloat(bytes: Uint8Array): number {
  if (bytes.byteLength !== 4) throw new RangeError(`a score has ${bytes.byteLength} bytes`);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
}

function known<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new RangeError(`it has ${what}, which is not known`);
  return value;
}

/** The fields of a protobuf message in order (wire types 0, 1, 2 and 5). */
function* fields(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("it ends in the middle of a number");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("it has a number of more than 10 bytes");
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.byteLength)
      throw new RangeError(`a field of ${length} bytes at byte ${at} passes the end`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.byteLength) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wire = key % 8;
    if (wire === 0) yield { number, bytes: new Uint8Array(), value: varint() };
    else if (wire === 1) yield { number, bytes: take(8), value: Number.NaN };
    else if (wire === 2) yield { number, bytes: take(varint()), value: Number.NaN };
    else if (wire === 5) yield { number, bytes: take(4), value: Number.NaN };
    else throw new RangeError(`a field of wire type ${wire} at byte ${at}`);
  }
}
