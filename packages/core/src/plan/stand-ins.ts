import { z } from "zod";
import { LATENTS, type Latents } from "../hooks/latents.js";
import { TEXT_ENCODER, type TextEncoderHook } from "../hooks/text-encoder.js";
import type { Token } from "../hooks/tokens.js";
import { definePlugin } from "../plugin/define-plugin.js";
import type { ResolvedPlugin, ResolvedSettings } from "../preset/resolve.js";

/** Parameters of the official release's frozen networks. */
const PARAMETERS = { bert: 350_986_240, mt5: 1_669_958_656, vae: 83_653_863 };

const never = (): never => {
  throw new Error("a stand-in of a plan has no weights and computes nothing");
};

/** The VAE of the official release as far as a plan looks at it: cells of 8 pixels, 4 channels, float32 weights. */
const latents: Latents = {
  channels: 4,
  cellSize: 8,
  encode: never,
  decode: never,
  describe: () => "the official release's VAE, planned without its weights",
  heldBytes: 4 * PARAMETERS.vae,
};

/** BERT in float32 and mT5 in float16 of the official release as far as a plan looks at them. */
const textEncoders: TextEncoderHook = {
  name: "the official release's, planned without their weights",
  textStatesDim: 1024,
  textStatesDimT5: 2048,
  textLen: 77,
  textLenT5: 256,
  build: () => ({
    textLen: 77,
    textLenT5: 256,
    trained: false,
    tokenize: never,
    segment: {
      name: "text",
      reads: ["inputIds", "attentionMask", "inputIdsT5", "attentionMaskT5"],
      writes: ["textStates", "textStatesT5"],
      parameters: [],
      run: never,
    },
    parameters: [],
    heldBytes: 4 * PARAMETERS.bert + 2 * PARAMETERS.mt5,
  }),
};

/** Settings with stand-ins for hooks that nobody provides, and what they stand for. */
export interface StoodIn {
  readonly resolved: ResolvedSettings;
  readonly notes: readonly string[];
}

/**
 * Puts stand-ins of the official release in the place of encoders that are not installed, or all of them whose
 * plugins cannot be set up where their weights are not.
 * @param evenIfThere also where a plugin provides the hook
 */
export function standIn(resolved: ResolvedSettings, evenIfThere = false): StoodIn {
  const isProvided = (token: Token<unknown>): boolean =>
    resolved.plugins.some(({ definition }) => definition.provides.some(({ key }) => key === token.key));
  const replaced = [
    { token: LATENTS, what: "VAE", plugin: pluginFor("latents", LATENTS, latents) },
    { token: TEXT_ENCODER, what: "text encoders", plugin: pluginFor("text", TEXT_ENCODER, textEncoders) },
  ].filter(({ token }) => evenIfThere || !isProvided(token));
  const gone = new Set(replaced.map(({ token }) => token.key));
  const kept = resolved.plugins.filter(
    ({ definition }) => !definition.provides.some(({ key }) => gone.has(key)),
  );
  return {
    resolved: { ...resolved, plugins: [...kept, ...replaced.map(({ plugin }) => plugin)] },
    notes: replaced.map(({ what }) => `the official release's ${what}, without weights`),
  };
}

function pluginFor<T>(hook: string, token: Token<T>, value: T): ResolvedPlugin {
  const name = `plan-${hook}`;
  const definition = definePlugin({
    name,
    version: "0.0.0",
    core: "*",
    options: z.strictObject({}),
    provides: [token],
    setup: ({ provide }) => provide(token, value),
  });
  const origin = { layer: "default", name: "hyfw plan", value: {} } as const;
  return { name, definition, file: name, origin, options: {} };
}
