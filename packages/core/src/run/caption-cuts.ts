import type { Survey, SurveyFact } from "../hooks/augmenter.js";
import { TEXT_ENCODER, type TextEncoderHook } from "../hooks/text-encoder.js";
import { type Caption, originalText } from "../text/caption.js";
import type { LoadedRun } from "./container.js";
import type { Surveyor } from "./survey-rows.js";

/** Cut captions that are listed for each encoder. */
const MOST_ITEMS = 20;
const ENCODERS = ["first", "second"] as const;

/** The text encoder of a run as one that looks at rows; nobody when it cannot tell how far it reads. */
export function captionCutters(run: Pick<LoadedRun, "providers">): Surveyor[] {
  const encoder = run.providers(TEXT_ENCODER)[0]?.value;
  const reach = encoder?.reach?.bind(encoder);
  if (encoder === undefined || reach === undefined) return [];
  return [{ name: encoder.name, survey: () => new CutSurvey(reach) }];
}

interface Cut {
  rows: number;
  longest: number;
  limit: number;
  readonly items: { readonly tokens: number; readonly text: string }[];
}

/** Counts rows with a caption that an encoder does not read to its end. */
class CutSurvey implements Survey {
  private rows = 0;
  private readonly cuts: Record<(typeof ENCODERS)[number], Cut> = {
    first: { rows: 0, longest: 0, limit: 0, items: [] },
    second: { rows: 0, longest: 0, limit: 0, items: [] },
  };

  constructor(private readonly reach: NonNullable<TextEncoderHook["reach"]>) {}

  add(_row: unknown, captions: readonly Caption[]): void {
    this.rows += 1;
    for (const encoder of ENCODERS) {
      const cut = this.cuts[encoder];
      let isCut = false;
      for (const caption of captions) {
        const text = originalText(caption);
        const { tokens, limit } = this.reach(text, encoder);
        cut.limit = limit;
        cut.longest = Math.max(cut.longest, tokens);
        if (tokens <= limit) continue;
        isCut = true;
        keepLongest(cut.items, { tokens, text });
      }
      if (isCut) cut.rows += 1;
    }
  }
  facts(): SurveyFact[] {
    if (this.rows === 0) return [];
    const { first, second } = this.cuts;
    const items = [...first.items, ...second.items].map(({ tokens, text }) => `${tokens} tokens: ${text}`);
    return [
      {
        label: "captions cut",
        fact: `first encoder ${this.words(first)}; second ${this.words(second)}`,
        ...(items.length > 0 && { items }),
      },
    ];
  }

  private words({ rows, longest, limit }: Cut): string {
    const share = Number(((100 * rows) / this.rows).toFixed(1));
    const count = rows === 0 ? "none" : `${rows.toLocaleString("en")} row(s) (${share} %)`;
    return `at ${limit} tokens: ${count}, longest ${longest}`;
  }
}

function keepLongest(items: Cut["items"], item: Cut["items"][number]): void {
  items.push(item);
  items.sort((a, b) => b.tokens - a.tokens);
  items.length = Math.min(items.length, MOST_ITEMS);
}
