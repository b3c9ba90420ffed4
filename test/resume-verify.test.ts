import { join } from "node:path";
import t from "tap";
import {
  lastRun,
  startHyfw,
  tinyOption,
  train,
  writeTinyConfig,
} from "../packages/core/src/launch/hyfw-process.fixture.js";

t.test(
  "hyfw resume --verify compares recorded samples with those of today, and hyfw resume goes on",
  async (t) => {
    const cwd = t.testdir({});
    writeTinyConfig(cwd);
    await train(cwd, ["--batch-size", "4", "--max-training-steps", "7"]);
    const same = startHyfw(cwd, ["resume", "latest", "--verify", "--verify-steps", "5"]);
    t.equal((await same.end).code, 0, same.said.err);
    t.match(
      same.said.out,
      /steps 3 to 7: the rows, captions and crops of all 20 samples are those of the record/,
    );

    const step4 = join(lastRun(cwd), "checkpoints", "step-000007");
    const other = startHyfw(cwd, ["resume", step4, "--verify", ...tinyOption("rows", 30)]);
    t.equal((await other.end).code, 1);
    t.match(other.said.err, /HYFW_RESUME_RECORD: step 1 would not be trained on what it was trained on/);

    t.match(
      await train(cwd, ["resume", "--max-training-steps", "9"]),
      /going on from step 7[\s\S]*step 9\/9/,
    );
  },
);
