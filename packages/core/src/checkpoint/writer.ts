import { rm } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { checkpointUnwritten } from "../errors/checkpoint.js";
import type { WriteAnswer, WriteOrder } from "./write-order.js";

/** Writes checkpoints on a thread of its own, one after the other. */
export class CheckpointWriter {
  private thread: Worker | undefined;
  private current: Promise<void> = Promise.resolve();
  private isBusy = false;

  /** Whether a checkpoint is being written. */
  get busy(): boolean {
    return this.isBusy;
  }

  /** Starts to write what the order holds; its buffers are gone after. `idle` tells how it went. */
  write(order: WriteOrder): void {
    this.isBusy = true;
    this.current = this.run(order).finally(() => {
      this.isBusy = false;
    });
    // It is thrown by `idle`; until then it must not count as unhandled.
    this.current.catch(() => undefined);
  }

  /** Settles when nothing is being written. @throws HYFW_CHECKPOINT_WRITE, once, when the last one failed */
  async idle(): Promise<void> {
    const last = this.current;
    try {
      await last;
    } finally {
      if (this.current === last) this.current = Promise.resolve();
    }
  }

  /** Ends the thread, also in the middle of a checkpoint, which then does not exist. */
  async close(): Promise<void> {
    await this.thread?.terminate();
    this.thread = undefined;
  }

  private async run(order: WriteOrder): Promise<void> {
    const { fault } = await this.ask(order);
    if (fault === undefined) return;
    // Half a checkpoint is of no use, and the disk may be full.
    await rm(order.partial, { recursive: true, force: true }).catch(() => undefined);
    throw checkpointUnwritten(order.finish?.path ?? order.partial, fault.message);
  }

  private ask(order: WriteOrder): Promise<WriteAnswer> {
    this.thread ??= new Worker(new URL("./write-thread.js", import.meta.url));
    const { thread } = this;
    const buffers = order.files.flatMap(({ parts }) => parts.map((part) => part.buffer as ArrayBuffer));
    return new Promise((resolve) => {
      const done = (answer: WriteAnswer): void => {
        thread.off("message", done).off("error", broken);
        thread.unref();
        resolve(answer);
      };
      const broken = (fault: Error): void => done({ fault: { message: fault.message, code: undefined } });
      thread.on("message", done).on("error", broken);
      thread.ref();
      thread.postMessage(order, [...new Set(buffers)]);
    });
  }
}
