import { parentPort } from "node:worker_threads";
import { writeCheckpoint } from "./write-checkpoint.js";
import type { WriteAnswer, WriteOrder } from "./write-order.js";

// The thread that writes checkpoints: one order at a time, one answer each.
parentPort?.on("message", async (order: WriteOrder) => {
  let answer: WriteAnswer = {};
  try {
    await writeCheckpoint(order);
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : undefined;
    answer = { fault: { message: fault instanceof Error ? fault.message : String(fault), code } };
  }
  parentPort?.postMessage(answer);
});
