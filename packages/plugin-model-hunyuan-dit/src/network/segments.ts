import type { Segment, Values } from "@hyfw/core";
import type { Tensor } from "@hyfw/native";
import type { Network } from "./network.js";
import { isSkipped, skipSource } from "./shape.js";

/** The name of the value that the last segment writes: float32 [B, channels, H, W]. */
export const PREDICTION = "prediction";

/**
 * The network as segments: `embed`, `blocks.0` … , `final`. Early blocks write their output a second time as
 * `skip.<block>`, which the late block that mirrors it reads.
 */
export function networkSegments(network: Network): Segment[] {
  const { blocks, shape } = network;
  return [
    embedSegment(network),
    ...blocks.map((_, index) => blockSegment(network, index, shape.depth)),
    finalSegment(network),
  ];
}

function embedSegment(network: Network): Segment {
  const { sizeCond } = network.shape;
  const own = [
    network.padding,
    ...network.mlpT5.parameters(),
    ...network.pooler.parameters(),
    ...(network.styleEmbedder?.parameters() ?? []),
    ...network.xEmbedder.parameters(),
    ...network.tEmbedder.parameters(),
    ...network.extraEmbedder.parameters(),
  ];
  return {
    name: "embed",
    reads: [
      "xt",
      "tSinusoid",
      "textStates",
      "textStatesT5",
      "textMask",
      ...(sizeCond ? ["sizeSinusoid"] : []),
    ],
    writes: ["x", "cSilu", "text"],
    parameters: own,
    run: (values) => ({
      ...network.embed({
        xt: value(values, "xt"),
        tSinusoid: value(values, "tSinusoid"),
        textStates: value(values, "textStates"),
        textStatesT5: value(values, "textStatesT5"),
        textMask: value(values, "textMask"),
        sizeSinusoid: sizeCond ? value(values, "sizeSinusoid") : undefined,
      }),
    }),
  };
}

function blockSegment({ blocks }: Network, index: number, depth: number): Segment {
  const block = blocks[index];
  if (block === undefined) throw new RangeError(`block ${index} of ${blocks.length}`);
  const source = skipSource(index, depth);
  const skip = isSkipped(index, depth) ? `skip.${index}` : undefined;
  return {
    name: `blocks.${index}`,
    reads: ["x", "cSilu", "text", "cos", "sin", ...(source === undefined ? [] : [`skip.${source}`])],
    writes: ["x", ...(skip === undefined ? [] : [skip])],
    parameters: block.parameters(),
    run: (values) => {
      const x = block.forward(
        value(values, "x"),
        {
          cSilu: value(values, "cSilu"),
          text: value(values, "text"),
          cos: value(values, "cos"),
          sin: value(values, "sin"),
        },
        source === undefined ? undefined : value(values, `skip.${source}`),
      );
      // A second address, so that whoever frees one of the two values leaves the other alive.
      return skip === undefined ? { x } : { x, [skip]: x.alias() };
    },
  };
}

function finalSegment(network: Network): Segment {
  return {
    name: "final",
    reads: ["x", "cSilu", "xt"],
    writes: [PREDICTION],
    parameters: network.finalLayer.parameters(),
    run: (values) => {
      const [, , height = 0, width = 0] = value(values, "xt").shape; // only its size is of interest
      return {
        [PREDICTION]: network.final(value(values, "x"), value(values, "cSilu"), { height, width }),
      };
    },
  };
}

function value(values: Values, name: string): Tensor {
  const found = values[name];
  if (found === undefined) throw new RangeError(`a segment of HunyuanDiT reads ${name}, which nobody wrote`);
  return found;
}
