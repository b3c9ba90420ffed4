import { z } from "zod";

const MessageSchema = z.discriminatedUnion("kind", [
  /** The run's folder is there. */
  z.object({ kind: z.literal("run"), runDir: z.string() }),
  /** This process fails; `isEcho` when only because another one did. */
  z.object({ kind: z.literal("failed"), text: z.string(), isEcho: z.boolean() }),
]);

/** What a process that hyfw's launcher started tells it. */
export type LaunchMessage = z.output<typeof MessageSchema>;

/** A message that came over the channel; undefined for anything else. */
export function readMessage(value: unknown): LaunchMessage | undefined {
  const parsed = MessageSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/** Tells the launcher that started this process. @returns whether there is one */
export function tellLauncher(message: LaunchMessage): boolean {
  if (process.env.HYFW_LAUNCHED === undefined || process.send === undefined || !process.connected)
    return false;
  process.send(message);
  return true;
}

/** Ends this process when its launcher is gone, so that none is left behind. */
export function endWithLauncher(exit: () => void): void {
  if (process.env.HYFW_LAUNCHED === undefined || process.send === undefined) return;
  process.on("disconnect", exit);
  // Listening must not keep a process alive that is done.
  process.channel?.unref();
}
