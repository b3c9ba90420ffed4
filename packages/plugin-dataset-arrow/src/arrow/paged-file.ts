import { closeSync, fstatSync, openSync, read, readSync } from "node:fs";

const PAGE = 1 << 14;
/** Pages kept over all files: 32 MiB. */
const PAGES = 1 << 11;
/** Files held open at a time; the others are opened again when they are read. */
const OPEN_FILES = 200;

/** All open files, least recently used first. */
const openFiles = new Set<PagedFile>();
/** Pages of all files, least recently used first. */
const pages = new Map<string, Buffer | Promise<Buffer>>();
let fileCount = 0;
const scratch = Buffer.alloc(1 << 16);

/**
 * A file read by place, never mapped or loaded whole, so its size does not matter. Small reads go through pages that
 * all files share, so that neighbouring cells cost one read; large ones (pictures) go straight to the file. Any number
 * of files may be there at a time: only some of them are held open.
 */
export class PagedFile {
  readonly #number = fileCount++;
  #fd: number | undefined;
  #reading = 0;
  #closed = false;

  private constructor(
    readonly path: string,
    readonly size: number,
    readonly modifiedMs: number,
    fd: number,
  ) {
    this.#fd = fd;
    this.#enter();
  }

  static open(path: string): PagedFile {
    const fd = openSync(path, "r");
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) throw new Error("it is no regular file");
      return new PagedFile(path, stat.size, stat.mtimeMs, fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** The bytes [offset, offset + length); small ones may share memory with later calls, so do not write into them. */
  async read(offset: number, length: number): Promise<Buffer> {
    this.#check(offset, length);
    if (length === 0) return Buffer.alloc(0);
    const page = Math.floor(offset / PAGE);
    if (length <= PAGE && Math.floor((offset + length - 1) / PAGE) === page) {
      const within = offset - page * PAGE;
      return (await this.#page(page)).subarray(within, within + length);
    }
    return this.#direct(offset, length);
  }

  /** As `read`, past the pages and at once: for reading whole columns one after the other. */
  readSync(offset: number, length: number): Buffer {
    this.#check(offset, length);
    return this.#readInto(Buffer.allocUnsafe(length), offset);
  }

  /** As `readSync`, into memory that the next call writes over: for many small reads whose bytes are not kept. */
  readScratch(offset: number, length: number): Buffer {
    this.#check(offset, length);
    if (length > scratch.length) return this.readSync(offset, length);
    return this.#readInto(scratch.subarray(0, length), offset);
  }

  #readInto(bytes: Buffer, offset: number): Buffer {
    const { length } = bytes;
    const fd = this.#open();
    for (let done = 0; done < length; ) {
      const count = readSync(fd, bytes, done, Math.min(length - done, 1 << 30), offset + done);
      if (count === 0) throw new RangeError(`${this.path} ended at byte ${offset + done}`);
      done += count;
    }
    return bytes;
  }

  close(): void {
    this.#closed = true;
    this.letGo();
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size))
      throw new RangeError(
        `bytes ${offset}..${offset + length} lie outside of ${this.path} (${this.size} bytes)`,
      );
  }

  /** As `readSync`, but small reads go through the pages: for buffers that lie beside each other. */
  readPagedSync(offset: number, length: number): Buffer {
    this.#check(offset, length);
    const page = Math.floor(offset / PAGE);
    if (length === 0 || Math.floor((offset + length - 1) / PAGE) !== page)
      return this.readSync(offset, length);
    const start = page * PAGE;
    const key = `${this.#number}:${page}`;
    const known = pages.get(key);
    const bytes = known instanceof Buffer ? known : this.readSync(start, Math.min(PAGE, this.size - start));
    keepPage(key, bytes);
    return bytes.subarray(offset - start, offset - start + length);
  }

  #page(number: number): Buffer | Promise<Buffer> {
    const key = `${this.#number}:${number}`;
    const known = pages.get(key);
    if (known !== undefined) {
      keepPage(key, known);
      return known;
    }
    const start = number * PAGE;
    const page = this.#direct(start, Math.min(PAGE, this.size - start));
    keepPage(key, page);
    page.then(
      (bytes) => pages.has(key) && pages.set(key, bytes),
      () => pages.delete(key),
    );
    return page;
  }

  async #direct(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    const fd = this.#open();
    this.#reading++;
    try {
      for (let done = 0; done < length; ) {
        const count = await new Promise<number>((resolve, reject) => {
          read(fd, bytes, done, Math.min(length - done, 1 << 30), offset + done, (error, bytesRead) =>
            error === null ? resolve(bytesRead) : reject(error),
          );
        });
        if (count === 0) throw new RangeError(`${this.path} ended at byte ${offset + done}`);
        done += count;
      }
    } finally {
      this.#reading--;
      if (this.#closed) this.letGo();
      else closeIdle(this);
    }
    return bytes;
  }

  #open(): number {
    if (this.#closed) throw new Error(`${this.path} is closed`);
    if (this.#fd === undefined) {
      const fd = openSync(this.path, "r");
      const stat = fstatSync(fd);
      if (stat.size !== this.size || stat.mtimeMs !== this.modifiedMs) {
        closeSync(fd);
        throw new Error(`${this.path} was changed by someone else while it was in use`);
      }
      this.#fd = fd;
    }
    this.#enter();
    return this.#fd;
  }

  #enter(): void {
    openFiles.delete(this);
    openFiles.add(this);
    closeIdle(this);
  }

  get isIdle(): boolean {
    return this.#reading === 0;
  }

  /** Gives the descriptor back; the next read opens the file again. */
  letGo(): void {
    if (this.#reading > 0) return;
    openFiles.delete(this);
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Makes a page the last used one, and forgets the one not used for longest. */
function keepPage(key: string, page: Buffer | Promise<Buffer>): void {
  pages.delete(key);
  pages.set(key, page);
  if (pages.size <= PAGES) return;
  const oldest = pages.keys().next().value;
  if (oldest !== undefined) pages.delete(oldest);
}

function closeIdle(besides: PagedFile): void {
  if (openFiles.size <= OPEN_FILES) return;
  for (const file of openFiles) {
    if (openFiles.size <= OPEN_FILES) return;
    if (file !== besides && file.isIdle) file.letGo();
  }
}
