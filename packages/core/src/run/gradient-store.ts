import { Scope, type Tensor } from "@hyfw/native";
import type { Gradients } from "../hooks/accelerator.js";

/** Gradients of values on their way from the segments that read them to the segment that wrote them. */
export class GradientStore {
  private readonly scope = new Scope();
  private readonly byName = new Map<string, Tensor>();

  /** Takes gradients over, and adds them to those that other readers of the same values left. */
  add(gradients: Gradients): void {
    for (const [name, gradient] of Object.entries(gradients)) {
      this.scope.adopt(gradient);
      const before = this.byName.get(name);
      if (before === undefined) {
        this.byName.set(name, gradient);
        continue;
      }
      this.byName.set(
        name,
        this.scope.run(() => before.add(gradient)),
      );
      before.dispose();
      gradient.dispose();
    }
  }

  /** Gives away the gradients of these values: who wrote a value ends its way. Free them after use. */
  take(names: readonly string[]): Gradients {
    const taken: Record<string, Tensor> = {};
    for (const name of names) {
      const gradient = this.byName.get(name);
      if (gradient === undefined) continue;
      taken[name] = gradient;
      this.byName.delete(name);
    }
    return taken;
  }

  /** Frees gradients that were taken, unless somebody handed one of them back. */
  free(taken: Gradients): void {
    const held = new Set(this.byName.values());
    for (const gradient of Object.values(taken)) if (!held.has(gradient)) gradient.dispose();
  }

  [Symbol.dispose](): void {
    this.scope.dispose();
  }
}
