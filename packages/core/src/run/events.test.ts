import t from "tap";
import { broadcastTo } from "./events.js";

const END = { reason: "done", step: 3 } as const;

t.test("tells every listener in order and waits for each", async (t) => {
  const told: string[] = [];
  const broadcast = broadcastTo([
    {
      plugin: "slow",
      value: {
        onEnd: async ({ step }) => {
          await new Promise((resolve) => setImmediate(resolve));
          told.push(`slow ${step}`);
        },
      },
    },
    { plugin: "other", value: { onEpoch: () => void told.push("epoch") } },
    { plugin: "fast", value: { onEnd: () => void told.push("fast") } },
  ]);
  await broadcast("onEnd", END);
  t.same(told, ["slow 3", "fast"]);
});

t.test("a listener that throws is named and later ones are not told", async (t) => {
  const told: string[] = [];
  const cause = new Error("disk full");
  const broadcast = broadcastTo([
    { plugin: "report", value: { onEnd: () => Promise.reject(cause) } },
    { plugin: "later", value: { onEnd: () => void told.push("later") } },
  ]);
  await t.rejects(broadcast("onEnd", END), {
    code: "HYFW_EVENT_LISTENER",
    message: /plugin report failed in onEnd: disk full/,
    cause,
  });
  t.same(told, []);
});
