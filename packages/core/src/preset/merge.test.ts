import t from "tap";
import { makeLayer } from "./layer.js";
import { mergeLayers, originAt, plainValue } from "./merge.js";

const merge = (...values: unknown[]) =>
  mergeLayers(values.map((value, index) => makeLayer("preset", `p${index}`, "/", value)));
const plain = (...values: unknown[]): unknown => {
  const node = merge(...values);
  return node === undefined ? undefined : plainValue(node);
};

t.test("later wins, objects merge, lists replace", async (t) => {
  t.same(plain({ a: { b: 1, c: 2 }, l: [1, 2] }, { a: { c: 3 }, l: [4] }), { a: { b: 1, c: 3 }, l: [4] });
  t.same(plain({ a: { b: 1 } }, { a: 5 }), { a: 5 });
  t.same(plain({ a: 5 }, { a: { b: 1 } }), { a: { b: 1 } });
});

t.test("$delete removes what earlier layers gave, and later layers start anew", async (t) => {
  t.same(plain({ a: { b: 1 }, c: 1 }, { a: "$delete" }), { c: 1 });
  t.same(plain({ a: { b: 1 } }, { a: "$delete" }, { a: { c: 2 } }), { a: { c: 2 } });
  const again = plain({ plugins: { x: {}, y: {} } }, { plugins: { x: "$delete" } }, { plugins: { x: null } });
  t.same(Object.keys((again as { plugins: object }).plugins), ["y", "x"], "what comes back comes last");
});

t.test("an empty key says nothing of what is below it", async (t) => {
  t.same(plain({ train: { lr: 1 } }, { train: null }), { train: { lr: 1 } });
  t.same(plain({ plugins: { x: null } }), { plugins: { x: {} } });
  t.same(plain({ plugins: { x: { a: 1 } } }, { plugins: { x: null } }), { plugins: { x: { a: 1 } } });
});

t.test("an origin tells the layer and the whole chain of what it replaced", async (t) => {
  const merged = merge({ a: { b: 1 } }, { a: { b: 2 } }, { a: { b: 3 } });
  t.match(originAt(merged, ["a", "b"]), {
    name: "p2",
    value: 3,
    overrode: { name: "p1", value: 2, overrode: { name: "p0", value: 1 } },
  });
  t.equal(originAt(merged, ["a", "c"]), undefined);
  t.match(originAt(merged, ["a"]), { name: "p0" }, "a section belongs to whoever named it first");
});

t.test("a key named __proto__ is data and changes no prototype", async (t) => {
  const value: unknown = JSON.parse('{"x": {"__proto__": {"polluted": true}}}');
  const result = plain(value) as { x: object };
  t.ok(Object.hasOwn(result.x, "__proto__"));
  t.equal(Object.getOwnPropertyDescriptor(Object.prototype, "polluted"), undefined);
});
