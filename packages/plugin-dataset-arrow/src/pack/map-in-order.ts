/**
 * Applies `work` to up to `inFlight` inputs at a time and gives the results in input order.
 * An error of any of them ends the loop; the others are awaited first, so nothing runs on.
 */
export async function* mapInOrder<In, Out>(
  inputs: AsyncIterable<In> | Iterable<In>,
  inFlight: number,
  work: (input: In) => Promise<Out>,
): AsyncGenerator<Out> {
  const running: Promise<Out>[] = [];
  try {
    for await (const input of inputs) {
      const started = work(input);
      // An error is thrown where the result is taken; until then it must not count as unhandled.
      started.catch(() => undefined);
      running.push(started);
      if (running.length >= inFlight) yield await (running.shift() as Promise<Out>);
    }
    while (running.length > 0) yield await (running.shift() as Promise<Out>);
  } finally {
    await Promise.allSettled(running);
  }
}
