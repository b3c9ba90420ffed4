import { setLinearKernel } from "@hyfw/native";
import t from "tap";
import { differenceOf, walkSmall } from "./small-dit.js";

const PLUGIN = "plugins.accelerator-gradient-checkpointing";
// A choice by time could differ from run to run, and with it last bits.
setLinearKernel("aten");

for (const dtype of ["fp32", "bf16"]) {
  const precision = [`plugins.accelerator-precision={dtype: ${dtype}}`];
  const plain = walkSmall(precision);

  t.test(
    `recomputing changes no gradient of the whole network in ${dtype}, long skips included`,
    async (t) => {
      const without = await plain;
      t.ok(
        Object.values(without.gradients).every((gradient) => gradient.some((value) => value !== 0)),
        "no gradient is 0 throughout, so that the comparison says something",
      );
      for (const rate of [1, 0.5]) {
        const walked = await walkSmall([...precision, `${PLUGIN}={enabled: true, rate: ${rate}}`]);
        t.equal(walked.loss, without.loss, `rate ${rate}: the same loss`);
        t.ok(differenceOf(without, walked) <= 1e-6, `rate ${rate}: ${differenceOf(without, walked)}`);
        t.match(walked.described.join(), rate === 1 ? /8 of 8 blocks/ : /4 of 8 blocks/);
      }
    },
  );

  t.test(`selective recomputing changes no gradient in ${dtype}`, async (t) => {
    const without = await plain;
    const walked = await walkSmall([...precision, `${PLUGIN}={enabled: true, mode: selective}`]);
    t.equal(walked.loss, without.loss);
    t.ok(differenceOf(without, walked) <= 1e-6, `${differenceOf(without, walked)}`);
  });

  t.test(`each mode keeps less than the one before in ${dtype}`, async (t) => {
    const size = { samples: 4, resolution: { height: 32, width: 32 } };
    const off = await walkSmall(precision, size);
    const selective = await walkSmall([...precision, `${PLUGIN}={enabled: true, mode: selective}`], size);
    const full = await walkSmall([...precision, `${PLUGIN}={enabled: true}`], size);
    t.comment(`MiB: off ${mib(off.peak)}, selective ${mib(selective.peak)}, full ${mib(full.peak)}`);
    t.ok(selective.peak < 0.8 * off.peak, "selective");
    t.ok(full.peak < 0.6 * selective.peak, "full");
  });
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

t.test("recomputing changes no gradient of a LoRA beside frozen weights", async (t) => {
  const lora = "plugins.adapter-lora={rank: 4}";
  const plain = await walkSmall([lora]);
  t.ok(Object.keys(plain.gradients).every((name) => /lora/i.test(name)));
  for (const mode of ["full", "selective"]) {
    const walked = await walkSmall([lora, `${PLUGIN}={enabled: true, mode: ${mode}}`]);
    t.ok(differenceOf(plain, walked) <= 1e-6, `${mode}: ${differenceOf(plain, walked)}`);
  }
});

t.test("a rate of 0 recomputes nothing, and a switched off plugin is none", async (t) => {
  t.match((await walkSmall([`${PLUGIN}={enabled: true, rate: 0}`])).described, [/0 of 8 blocks/]);
  t.same((await walkSmall([`${PLUGIN}={}`])).described, []);
});
