import type { DrawRequest } from "@hyfw/core";
import t from "tap";
import { comfyuiRecipe } from "./comfyui-recipe.js";

const REQUEST: DrawRequest = {
  prompts: ['一只"猫"', "a dog"],
  negative: "错误",
  resolution: { height: 768, width: 1280 },
  solver: "dpmms",
  steps: 25,
  cfgScale: 6,
  seed: 7,
};

type Graph = Record<string, { class_type: string; inputs: Record<string, unknown> }>;

t.test("every link of the graph leads to a node, and every prompt to a saved picture", async (t) => {
  const { kind, ending, text } = comfyuiRecipe({ ...REQUEST, guidanceRescale: 0.7 });
  t.equal(kind + ending, "comfyui.json");
  const graph = JSON.parse(text) as Graph;
  for (const [name, { inputs }] of Object.entries(graph))
    for (const value of Object.values(inputs))
      if (Array.isArray(value)) t.ok(value[0] in graph, `${name} takes ${value[0]}`);
  t.match(graph["prompt-1"], {
    class_type: "CLIPTextEncodeHunyuanDiT",
    inputs: { bert: '一只"猫"', mt5xl: '一只"猫"' },
  });
  t.match(graph["draw-2"]?.inputs, {
    seed: 8,
    steps: 25,
    cfg: 6,
    sampler_name: "dpmpp_2m",
    model: ["rescale", 0],
  });
  t.match(graph.empty?.inputs, { width: 1280, height: 768 });
  t.equal(Object.values(graph).filter(({ class_type }) => class_type === "SaveImage").length, 2);
});

t.test("without rescaling the model goes straight to the sampler", async (t) => {
  const graph = JSON.parse(comfyuiRecipe({ ...REQUEST, solver: "ddim" }).text) as Graph;
  t.notOk("rescale" in graph);
  t.match(graph["draw-1"]?.inputs, { model: ["trained", 0], sampler_name: "ddim" });
});
