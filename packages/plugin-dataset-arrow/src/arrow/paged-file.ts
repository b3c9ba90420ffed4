import { type FileHandle, open } from "node:fs/promises";

const PAGE = 1 << 14;
const PAGES = 1 << 9;

/**
 * A file read by place, never mapped or loaded whole, so its size does not matter. Small reads go through 8 MiB of pages, so that
 * neighbouring cells cost one read; large ones (pictures) go straight to the file.
 */
export class PagedFile {
  #pages = new Map<number, Promise<Buffer>>();

  private constructor(
    readonly path: string,
    readonly size: number,
    readonly handle: FileHandle,
  ) {}

  static async open(path: string): Promise<PagedFile> {
    const handle = await open(path, "r");
    try {
      return new PagedFile(path, (await handle.stat()).size, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The bytes [offset, offset + length); small ones may share memory with later calls, so do not write into them. */
  async read(offset: number, length: number): Promise<Buffer> {
    if (offset < 0 || offset + length > this.size)
      throw new RangeError(
        `bytes ${offset}..${offset + length} lie outside of ${this.path} (${this.size} bytes)`,
      );
    if (length === 0) return Buffer.alloc(0);
    const page = Math.floor(offset / PAGE);
    if (length <= PAGE && Math.floor((offset + length - 1) / PAGE) === page) {
      const within = offset - page * PAGE;
      return (await this.#page(page)).subarray(within, within + length);
    }
    return this.#direct(offset, length);
  }

  async close(): Promise<void> {
    this.#pages.clear();
    await this.handle.close();
  }

  #page(number: number): Promise<Buffer> {
    const known = this.#pages.get(number);
    if (known !== undefined) {
      this.#pages.delete(number);
      this.#pages.set(number, known);
      return known;
    }
    const start = number * PAGE;
    const page = this.#direct(start, Math.min(PAGE, this.size - start));
    this.#pages.set(number, page);
    if (this.#pages.size > PAGES) {
      const oldest = this.#pages.keys().next().value;
      if (oldest !== undefined) this.#pages.delete(oldest);
    }
    page.catch(() => this.#pages.delete(number));
    return page;
  }

  async #direct(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new RangeError(`${this.path} ended at byte ${offset + done}`);
      done += bytesRead;
    }
    return bytes;
  }
}
