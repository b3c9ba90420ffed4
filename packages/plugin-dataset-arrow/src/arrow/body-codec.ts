/** How the buffers of a record batch are packed, each on its own (Message.fbs, BodyCompression). */
export type CodecName = "lz4" | "zstd";

/** Unpacks one buffer: 8 bytes with the length, then an LZ4 frame or a Zstandard frame. */
export type BodyCodec = (packed: Buffer) => Buffer;

/** A single unpacked buffer may take this much; pictures of a batch lie in one buffer. */
const MOST_BYTES = 1 << 30;
/** An LZ4 frame cannot shrink more than this. */
const LZ4_FACTOR = 255;

/** The codec of that name; its library is loaded here, so that plain files do not need it. */
export async function loadCodec(name: CodecName): Promise<BodyCodec> {
  const unpack = name === "lz4" ? await loadLz4() : await loadZstd();
  return (packed) => {
    if (packed.length === 0) return packed;
    if (packed.length < 8) throw new Error(`a packed buffer has ${packed.length} bytes, expected at least 8`);
    const length = Number(packed.readBigInt64LE(0));
    const content = packed.subarray(8);
    if (length === -1) return content;
    if (length === 0) return Buffer.alloc(0);
    if (length < 0 || length > MOST_BYTES)
      throw new Error(`a packed buffer says it holds ${length} bytes; hyfw unpacks up to ${MOST_BYTES}`);
    const bytes = unpack(content, length);
    if (bytes.length !== length)
      throw new Error(`a packed buffer says it holds ${length} bytes, but unpacks to ${bytes.length}`);
    return bytes;
  };
}

type Unpack = (content: Buffer, length: number) => Buffer;

async function loadLz4(): Promise<Unpack> {
  const { default: lz4 } = await import("lz4-napi");
  return (content, length) => {
    if (length > content.length * LZ4_FACTOR)
      throw new Error(`${content.length} bytes of LZ4 cannot hold ${length} bytes`);
    const most = lz4Bound(content);
    if (most > 16 * length + (1 << 28))
      throw new Error(`an LZ4 frame may unpack to ${most} bytes, but says ${length}`);
    return lz4.decompressFrameSync(content);
  };
}

/** The most that the blocks of a frame can unpack to (LZ4 frame format 1.6): their number times the block size. */
function lz4Bound(frame: Buffer): number {
  const flags = frame[4] ?? 0;
  const blockBytes = 1 << (8 + 2 * (((frame[5] ?? 0) >> 4) & 7));
  const checksum = flags & 0x10 ? 4 : 0;
  let at = 7 + (flags & 8 ? 8 : 0) + (flags & 1 ? 4 : 0);
  let blocks = 0;
  while (at + 4 <= frame.length) {
    const size = frame.readUInt32LE(at) & 0x7fffffff;
    if (size === 0) break;
    blocks++;
    at += 4 + size + checksum;
  }
  return blocks * blockBytes;
}

async function loadZstd(): Promise<Unpack> {
  const { ZSTDDecoder } = await import("zstddec");
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return (content, length) => {
    // The decoder's own memory ends at 2 GiB, and it does not say when it runs out.
    if (content.length + length > MOST_BYTES + (MOST_BYTES >> 2))
      throw new Error(`${content.length} packed and ${length} unpacked bytes are too many at a time`);
    const bytes = decoder.decode(content, length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}
