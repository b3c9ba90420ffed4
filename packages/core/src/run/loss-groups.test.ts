import t from "tap";
import { LossGroups } from "./loss-groups.js";

const wide = { height: 512, width: 1024 };
const square = { height: 1024, width: 1024 };

t.test(
  "means by quarter of the timesteps, bucket and caption, in order, and anew after they are taken",
  async (t) => {
    const groups = new LossGroups(1000);
    groups.add([
      { loss: 1, timestep: 999, resolution: square, construction: "text_zh" },
      { loss: 3, timestep: 750, resolution: wide, construction: "dropped" },
      { loss: 5, timestep: 0, resolution: wide, construction: "text_zh" },
    ]);
    groups.add([{ loss: 7, timestep: 249, resolution: square }]);
    t.same(groups.take(), {
      lossByTimestep: { "0-249": 6, "750-999": 2 },
      lossByBucket: { "512x1024": 4, "1024x1024": 4 },
      lossByCaption: { dropped: 3, text_zh: 3 },
    });
    t.same(groups.take(), { lossByTimestep: {}, lossByBucket: {}, lossByCaption: {} });
  },
);

t.test("timesteps that cannot be cut evenly fall into whole numbers", async (t) => {
  const groups = new LossGroups(10);
  groups.add([0, 2, 3, 4, 5, 7, 8, 9].map((timestep) => ({ loss: timestep, timestep, resolution: square })));
  t.same(Object.keys(groups.take().lossByTimestep), ["0-2", "3-4", "5-7", "8-9"]);
});

t.test("a model that does not say how many timesteps there are is not grouped by them", async (t) => {
  const groups = new LossGroups(undefined);
  groups.add([{ loss: 1, timestep: 0.5, resolution: square }]);
  t.same(groups.take().lossByTimestep, {});
});
