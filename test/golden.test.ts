import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { root } from "../scripts/setup/paths.mjs";

/** The closing line of a run over a folder, and what failed. */
function golden(folder: string): { failed: string[]; passed: number; status: number | null } {
  const { stdout, status } = spawnSync(process.execPath, [join(root, "scripts", "golden.mjs"), folder], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  const failed = stdout.split("\n").filter((line) => line.startsWith("failed"));
  return { failed, passed: Number(/^(\d+) passed/m.exec(stdout)?.[1] ?? 0), status };
}

t.test(
  "network, losses, solvers, encoders and the whole pipeline give the reference numbers that come with the tests",
  async (t) => {
    const { failed, passed, status } = golden(join(root, "test", "golden", "model"));
    t.same(failed, []);
    t.equal(status, 0);
    t.ok(passed >= 45, `${passed} cases`);
  },
);

const whole = process.env.HYFW_GOLDEN ?? "";
t.test(
  "every reference case of the folder in HYFW_GOLDEN holds",
  { skip: existsSync(whole) ? false : "HYFW_GOLDEN names no folder" },
  async (t) => {
    for (const side of ["data", "model"].map((name) => join(whole, name)).filter(existsSync)) {
      const { failed, passed } = golden(side);
      t.same(failed, []);
      t.ok(passed > 0, `${passed} cases of ${side}`);
    }
  },
);
