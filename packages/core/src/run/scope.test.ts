import t from "tap";
import { RunScope } from "./scope.js";

t.test("closes last opened first, waiting for each", async (t) => {
  const order: string[] = [];
  const scope = new RunScope();
  scope.onClose("first", () => void order.push("first"));
  scope.onClose("second", async () => {
    await new Promise((resolve) => setImmediate(resolve));
    order.push("second");
  });
  await Promise.all([scope.close(), scope.close()]);
  await scope.close();
  t.same(order, ["second", "first"]);
});

t.test("closes everything even when some cannot be closed, and names those", async (t) => {
  const order: string[] = [];
  const scope = new RunScope();
  scope.onClose("file", () => void order.push("file"));
  scope.onClose("device", () => {
    throw new Error("busy");
  });
  scope.onClose("socket", () => Promise.reject(new Error("gone")));
  await t.rejects(scope.close(), { code: "HYFW_CLOSE", message: /socket \(gone\), device \(busy\)/ });
  t.same(order, ["file"]);
});
