import t from "tap";
import { TinySlot } from "../run/tiny-model.fixture.js";
import { tinySettings, trainTiny } from "../run/tiny-run.fixture.js";
import { describeGroup, findGroups, rulesOf } from "./update-rules.js";

const NAMES = ["blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "final.weight"];
const slots = NAMES.map((name) => new TinySlot(name, name.endsWith("bias") ? [4] : [4, 3], 1));

t.test(
  "of several groups that name a tensor the first gets it; the others keep the run's rule",
  async (t) => {
    const found = findGroups(
      [
        { match: ["*.bias", "final.*"], lr: 0.5, weightDecay: 0.1 },
        { match: ["blocks.*"], weightDecay: 0 },
      ],
      slots,
    );
    t.same(
      found.map((group) => group.slots.map(({ name }) => name)),
      [
        ["blocks.0.bias", "final.weight"],
        ["blocks.0.weight", "blocks.1.weight"],
      ],
    );
    const ruleOf = rulesOf(found);
    t.same(ruleOf({ name: "final.weight" }), { lr: 0.5, weightDecay: 0.1 });
    t.same(ruleOf({ name: "blocks.1.weight" }), { lr: 1, weightDecay: 0 });
    t.same(ruleOf({ name: "elsewhere" }), { lr: 1 });
    const [first] = found;
    t.equal(
      first && describeGroup(first),
      "*.bias, final.*: 2 tensors, 16 parameters, learning rate × 0.5, weight decay 0.1",
    );
  },
);

t.test("a pattern that names nothing, and a group that gets nothing, are refused", async (t) => {
  t.throws(() => findGroups([{ match: ["*.bias", "blokcs.0.weight"], lr: 1 }], slots), {
    code: "HYFW_SETTINGS_GROUP_MATCH",
    message:
      /train\.groups\[0\]\.match: "blokcs\.0\.weight" names none of the 4 .*\n.*nearest +blocks\.0\.weight/,
  });
  const shadowed = [
    { match: ["*"], lr: 2 },
    { match: ["final.*"], lr: 1 },
  ];
  t.throws(() => findGroups(shadowed, slots), {
    code: "HYFW_SETTINGS_GROUP_EMPTY",
    message: /train\.groups\[1\] \(final\.\*\)/,
  });
});

t.test("settings that contradict themselves, and an optimizer without groups, are refused", async (t) => {
  const cwd = t.testdir({});
  const refused: readonly [string[], RegExp][] = [
    [["train.lrSchedule=cosine", "train.minLr=1"], /train\.minLr.*at most lr, which is 0\.0001/],
    [["train.warmupSteps=3", "train.warmupMinLr=1"], /train\.warmupMinLr.*at most lr/],
    [["train.groups=[{match: ['*']}]"], /a group with lr, weightDecay or both/],
  ];
  for (const [sets, message] of refused) await t.rejects(tinySettings(cwd, sets), { message });
  await t.rejects(trainTiny(cwd, ["train.groups=[{match: ['*.bias'], lr: 2}]"]), {
    code: "HYFW_SETTINGS_GROUPS",
    message: /optimizer momentum updates all tensors by one rule/,
  });
  await t.rejects(trainTiny(cwd, ["train.groups=[{match: ['nothing.*'], lr: 2}]"]), {
    code: "HYFW_SETTINGS_GROUP_MATCH",
  });
});
