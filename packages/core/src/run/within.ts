/** Waits for something, at most so long where there is a limit; what it throws is left to others. */
export async function within(ms: number | undefined, what: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    if (ms !== undefined) timer = setTimeout(resolve, ms);
  });
  await Promise.race([what.catch(() => undefined), late]);
  clearTimeout(timer);
}
