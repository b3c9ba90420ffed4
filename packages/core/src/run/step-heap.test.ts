import { setImmediate } from "node:timers/promises";
import t from "tap";
import { StepHeap } from "./step-heap.js";

t.test("what nobody holds is gone after the fiftieth step and not before", async (t) => {
  const heap = new StepHeap();
  const forgotten = new WeakRef(Array.from({ length: 1000 }, (_, i) => ({ i })));
  await setImmediate(); // a WeakRef keeps its target for the turn that made it
  heap.afterStep(49);
  t.not(forgotten.deref(), undefined, "step 49 collects nothing");
  await setImmediate();
  heap.afterStep(50);
  await setImmediate();
  t.equal(forgotten.deref(), undefined);
});
