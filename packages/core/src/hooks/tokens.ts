declare const provides: unique symbol;

/** A typed key of the run's container: `provide(TOKEN, value)` and `get(TOKEN)` agree on the type of value. */
export interface Token<T> {
  readonly key: symbol;
  readonly hook: string;
  /** How several plugins that provide this token combine. */
  readonly combine: Combine;
  readonly [provides]?: T;
}

/**
 * How a hook takes several providers: `one` refuses a second, `chain` and `wrap` keep all in their order,
 * `optional` takes none or one.
 */
export type Combine = "one" | "optional" | "chain" | "wrap";

/** Makes a token; plugins that offer a seam of their own to other plugins declare it with this too. */
export function defineToken<T>(hook: string, combine: Combine): Token<T> {
  return { key: Symbol(`hyfw.${hook}`), hook, combine };
}
