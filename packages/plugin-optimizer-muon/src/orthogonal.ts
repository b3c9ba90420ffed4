import { callTensorOp, type Tensor, tidy } from "@hyfw/native";

/** Coefficients of the quintic iteration: steep at 0, so that small singular values grow fast (Jordan 2024). */
const QUINTIC = { a: 3.4445, b: -4.775, c: 2.0315 };
const EPS = 1e-7;

/**
 * Matrices with nearly the same singular vectors as `update` and singular values near 1 (within about 0.7 to 1.2), by
 * Newton-Schulz: X ← a·X + (b·A + c·A²)·X with A = X·Xᵀ, from X = update / ‖update‖.
 * @param update float32 [n, rows, columns]
 */
export function orthogonalised(update: Tensor, iterations: number): Tensor {
  const [, rows = 0, columns = 0] = update.shape;
  const isTall = rows > columns;
  return tidy(() => {
    const wide = isTall ? update.transpose(1, 2) : update;
    const norm = wide.mul(wide).sum([1, 2], true).sqrt().add(EPS);
    let x = wide.div(norm);
    for (let step = 0; step < iterations; step++) x = tidy(() => iterate(x));
    return isTall ? x.transpose(1, 2) : x;
  });
}

function iterate(x: Tensor): Tensor {
  const { a, b, c } = QUINTIC;
  const gram = callTensorOp("aten::bmm", x, x.transpose(1, 2));
  // b·A + c·A², and then a·X + that·X, each as one op.
  const mixed = callTensorOp("aten::baddbmm", gram, gram, gram, { beta: b, alpha: c });
  return callTensorOp("aten::baddbmm", x, mixed, x, { beta: a, alpha: 1 });
}
