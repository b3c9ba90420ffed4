import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import t from "tap";
import { checkPicture, PictureRefused } from "../pack/check-picture.js";
import { pack } from "../pack/pack.js";
import { mutate } from "./mutate.fixture.js";

/** Mutants per original; HYFW_FUZZ asks for another number. */
const COUNT = Number(process.env.HYFW_FUZZ ?? 120);
const MAX_PIXELS = 4_000_000;

t.test("mutated pictures are refused with a reason or give a size within the limit", async (t) => {
  const pixels = Buffer.from(Array.from({ length: 48 * 40 * 3 }, (_, k) => (k * 37) % 256));
  const plain = () => sharp(pixels, { raw: { width: 48, height: 40, channels: 3 } });
  const originals = {
    jpeg: await plain().jpeg().toBuffer(),
    progressive: await plain()
      .jpeg({ progressive: true })
      .withExif({ IFD0: { Artist: "x" } })
      .toBuffer(),
    png: await plain().png().toBuffer(),
    webp: await plain().webp().toBuffer(),
    gif: await plain().gif().toBuffer(),
    tiff: await plain().tiff().toBuffer(),
  };
  for (const [kind, original] of Object.entries(originals)) {
    let refused = 0;
    for (let seed = 0; seed < COUNT; seed++) {
      const bytes = mutate(original, seed);
      try {
        const { width, height } = await checkPicture(bytes, { decode: "full", maxPixels: MAX_PIXELS });
        if (width * height > MAX_PIXELS || width < 1 || height < 1)
          t.fail(`${kind} ${seed}: ${width} x ${height}`);
      } catch (fault) {
        if (!(fault instanceof PictureRefused)) t.fail(`${kind} ${seed}: ${String(fault)}`);
        refused += 1;
      }
    }
    t.ok(refused > 0, `${kind}: ${refused} of ${COUNT} refused`);
  }
});

t.test("a mutated CSV is refused whole, or every row of it is accounted for", async (t) => {
  const folder = t.testdir({});
  mkdirSync(join(folder, "p"));
  for (const name of ["a", "b", "c"])
    await sharp({ create: { width: 20, height: 20, channels: 3, background: "#480" } })
      .png()
      .toFile(join(folder, "p", `${name}.png`));
  const original = Buffer.from(
    'img_path,text_zh,text_en\np/a.png,"一只猫, 坐着",a cat\np/b.png,"他说""好""",yes\np/c.png,\n'.replace(
      "p/c.png,",
      "p/c.png,狗,a dog",
    ),
  );
  let refused = 0;
  for (let seed = 0; seed < COUNT; seed++) {
    const source = join(folder, "a.csv");
    const out = join(folder, "out");
    rmSync(out, { recursive: true, force: true });
    writeFileSync(source, mutate(original, seed));
    try {
      const report = await pack({ source, out, cwd: folder });
      const lines = readFileSync(join(out, "ledger.jsonl"), "utf8").trimEnd().split("\n");
      t.equal(lines.filter((line) => line !== "").length, report.rows, `seed ${seed}`);
    } catch (fault) {
      refused += 1;
      const code = String((fault as { code?: unknown }).code);
      if (!code.startsWith("HYFW_")) t.fail(`seed ${seed}: ${String(fault)}`);
      t.notOk(existsSync(join(out, "shard-00000.arrow")), `seed ${seed}: nothing is written`);
    }
  }
  t.ok(refused > 0 && refused < COUNT, `${refused} of ${COUNT} refused`);
});
