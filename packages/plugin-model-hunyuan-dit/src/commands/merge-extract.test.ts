import { join } from "node:path";
import { openWeights } from "@hyfw/core/weights";
import { noGrad, Scope, tidy, writeSafetensors } from "@hyfw/native";
import { normalInit } from "@hyfw/nn";
import t from "tap";
import { Network } from "../network/network.js";
import { SMALL_SHAPE } from "../network/small-shape.fixture.js";
import { extractCommand } from "./extract-command.js";
import { mergeCommand } from "./merge-command.js";

/** What commands print, and a place to run them in. */
function quietIo(cwd: string) {
  const lines: string[] = [];
  const stdout = { write: (text: string) => lines.push(text) > 0 } as unknown as NodeJS.WritableStream;
  const { signal } = new AbortController();
  return { lines, io: { stdout, stderr: stdout, cwd, env: {}, isTerminal: false, bold: String, signal } };
}

/** A base model, and one whose attention moved by a product of rank 3 in every layer. */
function writeModels(cwd: string): void {
  using scope = new Scope();
  scope.run(() => {
    const network = new Network({ path: "", device: "cpu", seed: 1 }, SMALL_SHAPE);
    const save = (file: string): void =>
      writeSafetensors(
        join(cwd, file),
        Object.fromEntries(network.parameters().map(({ name, storage }) => [name, storage])),
      );
    save("base.safetensors");
    noGrad(() => {
      for (const { name, shape, storage } of network.parameters()) {
        if (!/\.(Wqkv|q_proj|kv_proj|out_proj)\.weight$/.test(name)) continue;
        const [rows = 0, columns = 0] = shape;
        const draw = (size: readonly number[], low: number) =>
          normalInit(0.1)({ shape: size, key: { low, high: name.length }, device: "cpu" });
        storage.add_(draw([rows, 3], 1).matmul(draw([3, columns], 2)));
      }
    });
    save("tuned.safetensors");
    network.dispose();
  });
}

t.test("an extracted adapter merged into the base gives the tuned model back", async (t) => {
  const cwd = t.testdir();
  writeModels(cwd);
  const { lines, io } = quietIo(cwd);
  await extractCommand.run(["tuned.safetensors", "base.safetensors", "adapter", "--rank", "3"], io);
  t.match(lines.join(""), /rank 3: 100\.00 % of the squared difference/);
  await mergeCommand.run(["base.safetensors", "adapter", "merged.safetensors"], io);
  await mergeCommand.run(["base.safetensors", "adapter", "half.safetensors", "--strength", "0.5"], io);
  const [base, tuned, merged, half] = ["base", "tuned", "merged", "half"].map((name) =>
    openWeights(join(cwd, `${name}.safetensors`)),
  );
  if (base === undefined || tuned === undefined || merged === undefined || half === undefined)
    throw new Error("there are four files");
  t.same(merged.names(), base.names());
  for (const name of base.names())
    tidy(() => {
      const far = merged.get(name).sub(tuned.get(name)).abs().sum().item() / tuned.get(name).numel;
      t.ok(far < 1e-6, `${name} ${far}`);
      const middle = base.get(name).add(tuned.get(name)).mul(0.5);
      const off = half.get(name).sub(middle).abs().sum().item() / middle.numel;
      t.ok(off < 1e-6, `${name} half way, ${off}`);
    });
});

t.test("a rank that is too small says how much it holds; another model is refused", async (t) => {
  const cwd = t.testdir();
  writeModels(cwd);
  const { lines, io } = quietIo(cwd);
  await extractCommand.run(["tuned.safetensors", "base.safetensors", "adapter", "--rank", "1"], io);
  const share = Number(/rank 1: ([\d.]+) %/.exec(lines.join(""))?.[1]);
  t.ok(share > 30 && share < 90, `${share} %`);
  using scope = new Scope();
  scope.run(() => {
    const other = new Network({ path: "", device: "cpu", seed: 1 }, { ...SMALL_SHAPE, mlpHidden: 40 });
    writeSafetensors(
      join(cwd, "other.safetensors"),
      Object.fromEntries(other.parameters().map(({ name, storage }) => [name, storage])),
    );
    other.dispose();
  });
  await t.rejects(async () => extractCommand.run(["tuned.safetensors", "other.safetensors", "x"], io), {
    code: "HYFW_DIT_WEIGHTS_OTHER",
    message: /mlp\.fc1\.weight/,
  });
  await t.rejects(
    async () => mergeCommand.run(["other.safetensors", "tuned.safetensors", "y.safetensors"], io),
    {
      code: "HYFW_DIT_LORA",
    },
  );
});
