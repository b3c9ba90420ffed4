import t from "tap";
import { z } from "zod";
import { defaultsOf, listOptions, schemaAt } from "./options.js";
import { SettingsSchema } from "./schema.js";

const Schema = z.strictObject({
  rate: z.number().min(0).max(1).default(0.5).describe("A rate.").meta({ flag: "--rate" }),
  inner: z
    .strictObject({
      on: z.boolean().default(true).describe("On.").meta({ flag: "--on", negatedBy: "--off" }),
    })
    .prefault({}),
  size: z
    .union([z.number(), z.array(z.number())])
    .optional()
    .describe("Size."),
  files: z.array(z.string()).describe("Files.").meta({ path: true }),
  step: z.number().nullable().default(null).describe("Step."),
});

t.test("options carry flag, default, range and description of their schema", async (t) => {
  const [rate, on, size, files, step] = listOptions(Schema, ["plugins", "x"]);
  t.match(rate, {
    path: ["plugins", "x", "rate"],
    description: "A rate.",
    accepts: "number, 0 to 1",
    default: 0.5,
    meta: { flag: "--rate" },
    isRequired: false,
  });
  t.match(on, { path: ["plugins", "x", "inner", "on"], word: "boolean", meta: { negatedBy: "--off" } });
  t.match(size, { list: "several", isRequired: false, accepts: "number or list of number" });
  t.match(files, { list: "always", word: "text", isRequired: true, meta: { path: true } });
  t.match(step, { accepts: "number, or null", default: null, isRequired: false });
});

t.test("defaults are what the schema itself fills in, and nothing else", async (t) => {
  t.same(defaultsOf(Schema), { rate: 0.5, inner: { on: true }, step: null });
  t.same(SettingsSchema.parse(defaultsOf(SettingsSchema)), SettingsSchema.parse({}));
});

t.test("a schema is found by path through objects, lists and records", async (t) => {
  t.ok(schemaAt(SettingsSchema, ["train", "ema", "decay"]));
  t.ok(schemaAt(SettingsSchema, ["phases", 0, "name"]));
  t.ok(schemaAt(SettingsSchema, ["plugins", "any"]));
  t.equal(schemaAt(SettingsSchema, ["train", "nothing"]), undefined);
});

t.test("every option of the core has a sentence, and no two share a flag", async (t) => {
  const options = listOptions(SettingsSchema);
  for (const { path, description } of options) t.match(description, /^[A-Z].*\.$/, path.join("."));
  const flags = options
    .flatMap(({ meta }) => [meta.flag, meta.negatedBy])
    .filter((flag) => flag !== undefined);
  t.equal(new Set(flags).size, flags.length);
});
