import { live, Scope, tensor } from "@hyfw/native";
import t from "tap";
import { bucketsOf, FlatBucket } from "./flat-bucket.js";
import { TinySlot } from "./tiny-model.fixture.js";

t.test("parameters lie one behind the other, filled up to even parts", async (t) => {
  const before = live();
  const slots = [new TinySlot("a", [2, 2], 1), new TinySlot("b", [3], 1)];
  const bucket = new FlatBucket("s", slots, 4);
  t.match(bucket, { numel: 7, padded: 8, starts: [0, 4] });
  using scope = new Scope();
  scope.run(() => {
    slots[0]?.storage.setGrad(tensor([1, 2, 3, 4], [2, 2]));
    slots[1]?.storage.setGrad(tensor([5, 6, 7]));
    const flat = bucket.takeGradients();
    t.strictSame(flat.toArray(), [1, 2, 3, 4, 5, 6, 7, 0]);
    t.equal(slots[0]?.storage.grad, undefined, "they are gone from the slots");
    t.strictSame(
      bucket.views(flat).map((view) => [view.shape, view.toArray()]),
      [
        [
          [2, 2],
          [1, 2, 3, 4],
        ],
        [[3], [5, 6, 7]],
      ],
    );
    bucket.spread(
      flat,
      slots.map(({ storage }) => storage),
    );
    t.strictSame(slots[1]?.storage.detach().toArray(), [5, 6, 7]);
    t.throws(() => bucket.takeGradients(), { code: "HYFW_GRADIENT_ABSENT", message: /segment s .* a$/m });
    flat.dispose();
  });
  scope.dispose();
  for (const { storage } of slots) storage.dispose();
  t.equal(live(), before);
});

t.test("a parameter of several segments belongs to the first, and frozen ones to none", async (t) => {
  const [a, shared, frozen] = ["a", "shared", "frozen"].map((name) => new TinySlot(name, [2], 1));
  if (a === undefined || shared === undefined || frozen === undefined) return;
  frozen.storage.setRequiresGrad(false);
  const segment = (name: string, parameters: TinySlot[]) => ({
    name,
    parameters,
    reads: [],
    writes: [],
    run: () => ({}),
  });
  const buckets = bucketsOf(
    [segment("one", [shared, frozen]), segment("two", [a, shared]), segment("three", [frozen])],
    2,
  );
  t.strictSame(
    buckets.map(({ name, slots }) => [name, slots.map((slot) => slot.name)]),
    [
      ["one", ["shared"]],
      ["two", ["a"]],
    ],
  );
  for (const { storage } of [a, shared, frozen]) storage.dispose();
});
