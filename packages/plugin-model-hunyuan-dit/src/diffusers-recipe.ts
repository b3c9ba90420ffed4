import type { DrawRequest, Recipe } from "@hyfw/core";
import type { HunyuanDitOptions } from "./options.js";

/** The class of diffusers behind each solver, and what must be said to it for the same steps. */
const SCHEDULERS: Readonly<Record<DrawRequest["solver"], { readonly name: string; readonly extra: string }>> =
  {
    ddpm: { name: "DDPMScheduler", extra: 'steps_offset=1, clip_sample=False, variance_type="fixed_small"' },
    ddim: { name: "DDIMScheduler", extra: "steps_offset=1, clip_sample=False, set_alpha_to_one=True" },
    dpmms: {
      name: "DPMSolverMultistepScheduler",
      extra: 'algorithm_type="dpmsolver++", solver_order=2, final_sigmas_type="sigma_min"',
    },
  };

/** A Python program that draws the same prompts with diffusers. The noise is another: hyfw keys its own. */
export function diffusersRecipe(request: DrawRequest, options: HunyuanDitOptions): Recipe {
  const { prompts, negative, resolution, solver, steps, cfgScale, guidanceRescale = 0, seed } = request;
  const { name, extra } = SCHEDULERS[solver];
  const { betaStart, betaEnd, noiseSchedule, predictType } = options;
  const version = options.useStyleCond ? "1.1" : "1.2";
  const text = (value: unknown): string => JSON.stringify(value);
  return {
    kind: "diffusers",
    ending: ".py",
    text: `# Draws with the settings of the pictures beside this file. Start noise differs: hyfw's is its own.
# Weights that were trained: hyfw convert RUN transformer --to diffusers, and then
#   HunyuanDiT2DModel.from_single_file or load_state_dict into pipe.transformer.
import torch
from diffusers import ${name}, HunyuanDiTPipeline

pipe = HunyuanDiTPipeline.from_pretrained(
    "Tencent-Hunyuan/HunyuanDiT-v${version}-Diffusers", torch_dtype=torch.float16
).to("cuda")
pipe.scheduler = ${name}(
    num_train_timesteps=1000, beta_start=${betaStart}, beta_end=${betaEnd}, beta_schedule=${text(noiseSchedule)},
    prediction_type=${text(predictType)}, ${extra},
)
for number, prompt in enumerate(${text(prompts)}):
    image = pipe(
        prompt=prompt,
        negative_prompt=${text(negative)},
        height=${resolution.height},
        width=${resolution.width},
        num_inference_steps=${steps},
        guidance_scale=${cfgScale},
        guidance_rescale=${guidanceRescale},
        use_resolution_binning=False,
        generator=torch.Generator("cuda").manual_seed(${seed} + number),
    ).images[0]
    image.save(f"diffusers-{number + 1:02d}.png")
`,
  };
}
