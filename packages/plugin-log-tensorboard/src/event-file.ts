import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type BoardEvent, encodeEvent, toRecord } from "./event-record.js";

/** An event file that TensorBoard reads while it grows. */
export class EventFile {
  readonly path: string;
  private readonly file: number;

  /** @param firstStep steps from here on that older files of the folder have are replaced */
  constructor(folder: string, firstStep: number) {
    mkdirSync(folder, { recursive: true });
    const seconds = Math.floor(Date.now() / 1000);
    // TensorBoard reads a folder's files in the order of their names.
    this.path = join(
      folder,
      `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${String(firstStep).padStart(9, "0")}`,
    );
    this.file = openSync(this.path, "a");
    this.write({ step: 0, fileVersion: "brain.Event:2" });
  }

  write(event: Omit<BoardEvent, "wallTime">): void {
    writeSync(this.file, toRecord(encodeEvent({ ...event, wallTime: Date.now() / 1000 })));
  }

  close(): void {
    closeSync(this.file);
  }
}
