// @ts-check
// Arrow shards of any size for timings and tests: true captions, MD5s and sizes, while the pictures are holes that take
// no disk. A batch may hold more than 4 GiB.
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import {
  Binary,
  Field,
  Int64,
  LargeBinary,
  MessageHeader,
  MetadataVersion,
  Schema,
  Utf8,
} from "apache-arrow";
import { FileBlock, Footer } from "apache-arrow/ipc/metadata/file";
import { BufferRegion, FieldNode, Message, RecordBatch } from "apache-arrow/ipc/metadata/message";

/**
 * @typedef {object} SparseShard
 * @property {number} rows
 * @property {number} [batches] rows are dealt to them evenly; 1 unless given
 * @property {number} [imageBytes] stored length of every picture; 40 unless given
 * @property {number} [firstRow] number of the first row over all shards: the same number gives the same row
 */

/** Sizes that turn up again and again, as in a data set of pictures from the web. */
const SIDES = [512, 640, 683, 720, 768, 800, 853, 960, 1024, 1080, 1152, 1200, 1280, 1365, 1536, 1600];

/**
 * Writes one shard in the official layout.
 * @param {string} path
 * @param {SparseShard} shape
 */
export function writeSparseShard(path, { rows, batches = 1, imageBytes = 40, firstRow = 0 }) {
  const perBatch = Math.ceil(rows / batches);
  const isLarge = perBatch * imageBytes > 0x7fffffff;
  const schema = new Schema([
    new Field("text_zh", new Utf8(), true),
    new Field("md5", new Utf8(), true),
    new Field("width", new Int64(), true),
    new Field("height", new Int64(), true),
    new Field("image", isLarge ? new LargeBinary() : new Binary(), true),
  ]);
  const fd = openSync(path, "w");
  try {
    /** @type {FileBlock[]} */
    const blocks = [];
    let at = put(fd, Buffer.from("ARROW1\0\0", "latin1"), 0);
    at = writeMessage(fd, Message.from(schema), at).end;
    for (let done = 0; done < rows; done += perBatch) {
      const count = Math.min(perBatch, rows - done);
      const { buffers, regions, bodyBytes } = bodyOf(firstRow + done, count, imageBytes, isLarge);
      const nodes = Array.from({ length: 5 }, () => new FieldNode(count, 0));
      const header = new RecordBatch(count, nodes, regions, null);
      const message = new Message(bodyBytes, MetadataVersion.V5, MessageHeader.RecordBatch, header);
      const { bytes, end } = writeMessage(fd, message, at);
      for (const [i, buffer] of buffers.entries()) put(fd, buffer, end + regions[i].offset);
      blocks.push(new FileBlock(bytes, bodyBytes, at));
      at = end + bodyBytes;
    }
    const footer = Footer.encode(new Footer(schema, MetadataVersion.V5, blocks, []));
    const tail = Buffer.alloc(10);
    tail.writeInt32LE(footer.length, 0);
    tail.write("ARROW1", 4, "latin1");
    ftruncateSync(fd, at);
    put(fd, tail, put(fd, footer, at));
  } finally {
    closeSync(fd);
  }
}

/**
 * The buffers of a batch without the pictures' own, which stays a hole at the end.
 * @param {number} first
 * @param {number} count
 * @param {number} imageBytes
 * @param {boolean} isLarge
 */
function bodyOf(first, count, imageBytes, isLarge) {
  const captions = Buffer.from(
    Array.from({ length: count }, (_, i) => `第${first + i}张图，一只猫坐在窗边看雨`).join("\n"),
  );
  const captionEnds = new Int32Array(count + 1);
  for (let i = 0, end = 0; i < count; i++)
    captionEnds[i + 1] = end = captions.indexOf(10, end) + 1 || captions.length;
  const md5s = Buffer.alloc(32 * count);
  const md5Ends = Int32Array.from({ length: count + 1 }, (_, i) => 32 * i);
  const widths = new BigInt64Array(count);
  const heights = new BigInt64Array(count);
  for (let i = 0; i < count; i++) {
    const seed = first + i + 1;
    for (let word = 0; word < 4; word++)
      md5s.write(
        mixed(seed * 4 + word)
          .toString(16)
          .padStart(8, "0"),
        32 * i + 8 * word,
        "latin1",
      );
    widths[i] = BigInt(SIDES[mixed(seed * 3) % SIDES.length] + (mixed(seed * 5) % 3));
    heights[i] = BigInt(SIDES[mixed(seed * 7) % SIDES.length] + (mixed(seed * 11) % 3));
  }
  const imageEnds = isLarge
    ? BigInt64Array.from({ length: count + 1 }, (_, i) => BigInt(i * imageBytes))
    : Int32Array.from({ length: count + 1 }, (_, i) => i * imageBytes);
  const none = Buffer.alloc(0);
  const buffers = [
    ...[none, bytesOf(captionEnds), captions, none, bytesOf(md5Ends), md5s],
    ...[none, bytesOf(widths), none, bytesOf(heights), none, bytesOf(imageEnds)],
  ];
  /** @type {BufferRegion[]} */
  const regions = [];
  let at = 0;
  for (const buffer of buffers) {
    regions.push(new BufferRegion(at, buffer.length));
    at += Math.ceil(buffer.length / 8) * 8;
  }
  regions.push(new BufferRegion(at, count * imageBytes));
  at += Math.ceil((count * imageBytes) / 8) * 8;
  return { buffers, regions, bodyBytes: at };
}

/**
 * @param {number} fd
 * @param {Message} message
 * @param {number} at
 */
function writeMessage(fd, message, at) {
  const metadata = Message.encode(message);
  const bytes = Math.ceil((8 + metadata.length) / 8) * 8;
  const framed = Buffer.alloc(bytes);
  framed.writeInt32LE(-1, 0);
  framed.writeInt32LE(bytes - 8, 4);
  framed.set(metadata, 8);
  return { bytes, end: put(fd, framed, at) };
}

/**
 * @param {number} fd
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function put(fd, bytes, at) {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, at + done);
  return at + bytes.length;
}

/** @param {ArrayBufferView} view */
function bytesOf(view) {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/**
 * A 32-bit number that looks random (the finaliser of MurmurHash3).
 * @param {number} seed
 */
function mixed(seed) {
  let x = seed | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
