import { writeFileSync } from "node:fs";
import {
  CompressionType,
  compressionRegistry,
  DataType,
  Field,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  vectorFromArray,
} from "apache-arrow";
import { BufferRegion } from "apache-arrow/ipc/metadata/message";
import lz4 from "lz4-napi";

/** Columns of a test file: a type and the cells of each batch. */
export type TestColumns = Readonly<
  Record<string, { type: DataType; batches: readonly (readonly unknown[])[] }>
>;

/** Writes an Arrow file with Arrow's own library, so that the reader is tested against another writer. */
export function writeArrow(path: string, columns: TestColumns, packed?: "lz4" | "zstd"): void {
  writeFileSync(path, arrowBytes(columns, packed));
}

/** The bytes of such a file. */
export function arrowBytes(columns: TestColumns, packed?: "lz4" | "zstd"): Buffer {
  const names = Object.keys(columns);
  const schema = new Schema(names.map((name) => new Field(name, columns[name].type, true)));
  compressionRegistry.set(CompressionType.LZ4_FRAME, {
    encode: (data) => lz4.compressFrameSync(Buffer.from(data)),
  });
  compressionRegistry.set(CompressionType.ZSTD, { encode: storedZstd });
  const type = packed === "lz4" ? CompressionType.LZ4_FRAME : packed === "zstd" ? CompressionType.ZSTD : null;
  const writer = new PackingWriter(type === null ? {} : { compressionType: type });
  writer.reset(undefined, schema);
  const count = columns[names[0]].batches.length;
  // One dictionary for all batches: the file format has no other.
  const whole = names.map((name) => vectorFromArray(columns[name].batches.flat(), columns[name].type));
  for (let i = 0, start = 0; i < count; i++) {
    const end = start + columns[names[0]].batches[i].length;
    const children = names.map((name, k) =>
      DataType.isDictionary(columns[name].type)
        ? whole[k].slice(start, end).data[0]
        : vectorFromArray([...columns[name].batches[i]], columns[name].type).data[0],
    );
    start = end;
    const length = columns[names[0]].batches[i].length;
    const struct = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
    writer.write(new RecordBatch(schema, struct));
  }
  writer.finish();
  return Buffer.from(writer.toUint8Array(true));
}

/** Arrow's own writer puts the packed length where the format wants the unpacked one. */
class PackingWriter extends RecordBatchFileWriter {
  protected override _compressBodyBuffers(views: ArrayBufferView[]) {
    const encode =
      compressionRegistry.get(this._compression?.type ?? 0)?.encode ?? ((data: Uint8Array) => data);
    const bufferRegions: BufferRegion[] = [];
    const buffers: Uint8Array[] = [];
    let at = 0;
    for (const [i, view] of views.entries()) {
      const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      if (bytes.length === 0) {
        bufferRegions.push(new BufferRegion(at, 0));
        buffers.push(bytes, bytes);
        continue;
      }
      // Some buffers stay as they are, which the format marks by -1.
      const isPacked = i % 4 !== 3;
      const content = isPacked ? encode(bytes) : bytes;
      const length = Buffer.alloc(8);
      length.writeBigInt64LE(isPacked ? BigInt(bytes.length) : -1n);
      at = Math.ceil(at / 8) * 8;
      bufferRegions.push(new BufferRegion(at, 8 + content.length));
      buffers.push(length, content);
      at += 8 + content.length;
    }
    return { byteLength: Math.ceil(at / 8) * 8, bufferRegions, buffers };
  }
}

/** A Zstandard frame that stores the bytes as they are (RFC 8878): no encoder is needed to test a decoder. */
function storedZstd(data: Uint8Array): Uint8Array {
  const head = Buffer.alloc(13);
  head.writeUInt32LE(0xfd2fb528, 0);
  head[4] = 0xe0; // single segment, 8 bytes of content size
  head.writeBigUInt64LE(BigInt(data.length), 5);
  const pieces: Uint8Array[] = [head];
  const block = 1 << 16;
  for (let at = 0; at < data.length || at === 0; at += block) {
    const piece = data.subarray(at, at + block);
    const isLast = at + block >= data.length ? 1 : 0;
    const blockHead = Buffer.alloc(3);
    blockHead.writeUIntLE((piece.length << 3) | isLast, 0, 3);
    pieces.push(blockHead, piece);
  }
  return Buffer.concat(pieces);
}
