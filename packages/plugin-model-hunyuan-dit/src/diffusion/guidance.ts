import type { Tensor } from "@hyfw/native";

/**
 * Classifier-free guidance u + s·(c − u) (Ho & Salimans 2022), with the rescale of Lin et al. 2023 (eq. 15–16) when
 * `rescale` is not 0: the guided prediction is brought to the spread of c, and mixed with itself.
 * @param both [2B, C, H, W]: the unconditional half first. @returns [B, C, H, W]
 */
export function guide(both: Tensor, scale: number, rescale = 0): Tensor {
  const [u, c] = both.chunk(2, 0) as [Tensor, Tensor];
  const guided = u.add(c.sub(u).mul(scale));
  if (rescale === 0) return guided;
  const matched = guided.mul(spread(c).div(spread(guided)));
  return matched.mul(rescale).add(guided.mul(1 - rescale));
}

/** Unbiased standard deviation over all but the batch axis, [B, 1, 1, 1]. */
function spread(x: Tensor): Tensor {
  const count = x.shape.slice(1).reduce((product, size) => product * size, 1);
  const centred = x.sub(x.mean([1, 2, 3], true));
  return centred
    .square()
    .sum([1, 2, 3], true)
    .mul(1 / (count - 1))
    .sqrt();
}
