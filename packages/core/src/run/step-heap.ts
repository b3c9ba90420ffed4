import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Steps between two collections. A collection takes 10 to 20 ms. */
const EVERY = 50;

/**
 * Keeps the JavaScript heap of a training loop as small as it was after its first steps. Left alone, the engine lets
 * garbage of steps pile up for hundreds of them: resident memory creeps up, forgotten tensors hold device memory that
 * the heap's size says nothing about, and the pause comes at another step in each process, so that all wait for each.
 */
export class StepHeap {
  private readonly collect: () => void;

  constructor() {
    setFlagsFromString("--expose-gc");
    this.collect = runInNewContext("gc") as () => void;
    // What a step makes dies within it, and the nursery that the first steps needed is large enough for all others.
    setFlagsFromString("--semi-space-growth-factor=1");
  }

  /** Collects when it is time to: after the same steps in every process. */
  afterStep(step: number): void {
    if (step % EVERY === 0) this.collect();
  }
}
