import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";

// HYFW_KILLS=1000 tries that many moments; without it a few, so that the test takes seconds.
const KILLS = process.env.HYFW_KILLS ?? "4";
const script = fileURLToPath(new URL("../../../../scripts/kill-pack.mjs", import.meta.url));

t.test(
  "a pack that is killed at random moments and run again gives the same bytes",
  { timeout: 0 },
  async (t) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--kills", KILLS], {
      encoding: "utf8",
    });
    t.equal(status, 0, stderr);
    t.match(stdout, new RegExp(`^${KILLS} kills .* 0 with other bytes`, "m"));
  },
);
