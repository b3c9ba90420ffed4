import { embedding, type Tensor } from "@hyfw/native";
import { type Init, normalInit } from "./init.js";
import { Module, type Place } from "./module.js";
import type { Parameter } from "./parameter.js";

/** A table with one learned row per number. */
export class Embedding extends Module {
  readonly weight: Parameter;

  constructor(place: Place, rows: number, size: number, init: Init = normalInit(1)) {
    super(place);
    this.weight = this.parameter("weight", [rows, size], init);
  }

  /** @param indices int64, any shape. @returns indices' shape + [size] */
  forward(indices: Tensor): Tensor {
    return embedding(this.weight.tensor(), indices);
  }
}
