import { execFile } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const SCRIPT = fileURLToPath(new URL("../scripts/generate-docs.mjs", import.meta.url));

function generate(...args: string[]): Promise<{ code: number; err: string }> {
  return new Promise((resolve) =>
    execFile(process.execPath, [SCRIPT, ...args], (fault, _out, err) =>
      resolve({ code: typeof fault?.code === "number" ? fault.code : 0, err }),
    ),
  );
}

t.test("--check passes on what was just written, and names what is stale or left over", async (t) => {
  const dir = t.testdir({});
  t.match(await generate("--into", dir, "--check"), { code: 1, err: /docs\/options\/core\.md is stale/ });
  t.match(await generate("--into", dir), { code: 0 });
  t.match(await generate("--into", dir, "--check"), { code: 0, err: "" });
  appendFileSync(join(dir, "docs/errors.md"), "x");
  writeFileSync(join(dir, "docs/options/gone.md"), "");
  const stale = await generate("--into", dir, "--check");
  t.match(stale, { code: 1, err: /docs\/errors\.md is stale[\s\S]*gone\.md belongs to no plugin/ });
  t.notMatch(stale.err, /core\.md/);
  t.match(
    readFileSync(join(dir, "docs/options/core.md"), "utf8"),
    /\| `train\.lr` \| `--lr` \| number, above 0 \| `0\.0001` \|/,
  );
  t.match(
    readFileSync(join(dir, "docs/errors.md"), "utf8"),
    /\| `HYFW_SETTING_UNKNOWN` \| A setting that no schema has\. \|/,
  );
  const schema: unknown = JSON.parse(readFileSync(join(dir, "presets/hyfw.schema.json"), "utf8"));
  t.match(schema, {
    properties: { train: { properties: { lr: { exclusiveMinimum: 0 } }, additionalProperties: false } },
  });
});
