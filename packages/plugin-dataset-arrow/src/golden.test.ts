import { existsSync } from "node:fs";
import t from "tap";
import { goldenCases } from "./golden.js";

const folder = process.env.HYFW_GOLDEN;

t.test(
  "every data reference case holds",
  { skip: folder && existsSync(folder) ? false : "HYFW_GOLDEN names no folder with reference cases" },
  async (t) => {
    let passed = 0;
    for await (const { name, status, detail } of goldenCases(folder ?? "")) {
      if (status === "skipped") t.comment(`skipped ${name}: ${detail}`);
      else t.equal(status, "passed", `${name}: ${detail}`);
      if (status === "passed") passed++;
    }
    t.ok(passed > 0, `${passed} cases passed`);
  },
);
