import t from "tap";
import { TEXT_ENCODER, type TextEncoderHook } from "../hooks/text-encoder.js";
import { plainCaption } from "../text/caption.js";
import { captionCutters } from "./caption-cuts.js";
import type { LoadedRun } from "./container.js";
import { surveyRows } from "./survey-rows.js";

/** An encoder that reads 4 and 8 characters. */
const reach: TextEncoderHook["reach"] = (caption, encoder) => {
  const limit = encoder === "first" ? 4 : 8;
  return { tokens: caption.length, limit, end: Math.min(caption.length, limit) };
};

function runWith(hook: Partial<TextEncoderHook> | undefined): Pick<LoadedRun, "providers"> {
  const found = hook === undefined ? [] : [{ plugin: "text", value: hook }];
  return { providers: (token) => (token.key === TEXT_ENCODER.key ? found : []) as never };
}

t.test("rows with a caption that is cut are counted for each encoder, once each", async (t) => {
  const texts = ["abc", "abcdef", "abcdefghij", "ab"];
  const rows = texts.map((text) => ({ texts: { text_zh: text } }));
  const dataset = { length: rows.length, row: async (at: number) => rows[at] as never };
  const survey = await surveyRows(dataset, captionCutters(runWith({ name: "text", reach })), { seed: 1 });
  t.same(survey.facts, [
    {
      augmenter: "text",
      label: "captions cut",
      fact: "first encoder at 4 tokens: 2 row(s) (50 %), longest 10; second at 8 tokens: 1 row(s) (25 %), longest 10",
      items: ["10 tokens: abcdefghij", "6 tokens: abcdef", "10 tokens: abcdefghij"],
    },
  ]);
});

t.test("a row that may be given several captions counts when one of them is cut", async (t) => {
  const [cutter] = captionCutters(runWith({ name: "text", reach }));
  const look = cutter?.survey?.();
  look?.add({} as never, [plainCaption("abc", "a"), plainCaption("abcde", "b")]);
  t.match(
    look?.facts()[0]?.fact,
    /first encoder at 4 tokens: 1 row\(s\) \(100 %\), longest 5; second .* none/,
  );
});

t.test("an encoder that cannot tell how far it reads looks at nothing", async (t) => {
  t.same(captionCutters(runWith({ name: "text" })), []);
  t.same(captionCutters(runWith(undefined)), []);
});
