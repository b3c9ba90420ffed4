import { arrowUnreadable } from "../errors.js";
import type { BufferPlace } from "./arrow-column.js";
import type { ArrowFile } from "./arrow-file.js";

/** Unpacked buffers kept over all files, in bytes. */
const KEPT_BYTES = 1 << 28;

const kept = new Map<ArrowFile, Map<number, Buffer>>();
let keptBytes = 0;

/**
 * The content of a packed buffer; the last ones are kept, since a cell cannot be read without its whole buffer.
 * @throws HYFW_ARROW_UNREADABLE when it does not unpack to what it says
 */
export function unpacked(file: ArrowFile, { at, bytes }: BufferPlace): Buffer {
  // An empty buffer lies at the same place as the one behind it.
  if (bytes === 0) return Buffer.alloc(0);
  const ofFile = kept.get(file) ?? new Map<number, Buffer>();
  const known = ofFile.get(at);
  if (known !== undefined) return known;
  let content: Buffer;
  try {
    if (file.codec === undefined) throw new Error("its codec is not loaded");
    content = file.codec(file.file.readSync(at, bytes));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw arrowUnreadable(
      file.path,
      `a packed buffer at byte ${at} cannot be read: ${why}`,
      "write the file without compression; pictures are compressed already",
      cause,
    );
  }
  kept.set(file, ofFile);
  ofFile.set(at, content);
  keptBytes += content.length;
  while (keptBytes > KEPT_BYTES && keptBytes > content.length) dropOldest();
  return content;
}

/** Forgets what was kept of a file. */
export function forgetUnpacked(file: ArrowFile): void {
  for (const buffer of kept.get(file)?.values() ?? []) keptBytes -= buffer.length;
  kept.delete(file);
}

function dropOldest(): void {
  const [file, buffers] = kept.entries().next().value ?? [];
  const [at, buffer] = buffers?.entries().next().value ?? [];
  if (file === undefined || buffers === undefined || at === undefined || buffer === undefined) return;
  keptBytes -= buffer.length;
  buffers.delete(at);
  kept.delete(file);
  if (buffers.size > 0) kept.set(file, buffers);
}
