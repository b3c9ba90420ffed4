import { existsSync } from "node:fs";
import { join } from "node:path";
import { encoderAbsent } from "./errors.js";
import type { BertMt5Options } from "./options.js";

/** Where the parts of both encoders are. */
export interface EncoderFolders {
  readonly bert: string;
  readonly bertTokenizer: string;
  readonly mt5: string;
  readonly mt5Tokenizer: string;
}

type Part = keyof EncoderFolders;

/** What each part is, where releases have it below their root, and the files that it must have. */
const PARTS: Readonly<
  Record<
    Part,
    { readonly what: string; readonly places: readonly string[]; readonly files: readonly string[] }
  >
> = {
  bert: {
    what: "BERT",
    places: ["t2i/clip_text_encoder", "clip_text_encoder", "text_encoder"],
    files: ["config.json"],
  },
  bertTokenizer: {
    what: "BERT's tokenizer",
    places: ["t2i/tokenizer", "tokenizer", "t2i/clip_text_encoder"],
    files: ["vocab.txt"],
  },
  mt5: { what: "the mT5 encoder", places: ["t2i/mt5", "mt5", "text_encoder_2"], files: ["config.json"] },
  mt5Tokenizer: {
    what: "mT5's tokenizer",
    places: ["t2i/mt5", "mt5", "tokenizer_2"],
    files: ["tokenizer.json", "spiece.model"],
  },
};

/**
 * Finds the four folders: those that are set, the others below `modelRoot` in the official or the diffusers layout.
 * @throws HYFW_TEXT_ENCODER_ABSENT naming the first that is not there, and what was looked for
 */
export function findEncoderFolders(options: Pick<BertMt5Options, Part>, modelRoot: string): EncoderFolders {
  const find = (part: Part): string => {
    const { what, places, files } = PARTS[part];
    const holds = (folder: string): boolean => files.some((file) => existsSync(join(folder, file)));
    const given = options[part];
    if (given !== null) {
      if (!holds(given)) throw encoderAbsent(what, `plugins.text-bert-mt5.${part}`, given, files);
      return given;
    }
    const found = places.map((place) => join(modelRoot, place)).find(holds);
    if (found === undefined)
      throw encoderAbsent(
        what,
        "run.modelRoot",
        modelRoot,
        places.map((place) => `${place}/${files.join(" or ")}`),
      );
    return found;
  };
  return {
    bert: find("bert"),
    bertTokenizer: find("bertTokenizer"),
    mt5: find("mt5"),
    mt5Tokenizer: find("mt5Tokenizer"),
  };
}
