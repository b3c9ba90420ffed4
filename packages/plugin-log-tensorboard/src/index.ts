import { definePlugin, RUN_EVENTS } from "@hyfw/core";
import { boardListener } from "./board-listener.js";
import { LogTensorboardOptions } from "./options.js";

export { LogTensorboardOptions } from "./options.js";

export default definePlugin({
  name: "log-tensorboard",
  version: "0.1.0",
  core: "^0.1.0",
  options: LogTensorboardOptions,
  provides: [RUN_EVENTS],
  setup: ({ options, provide, onClose }) => {
    const listener = boardListener(options);
    onClose("event files", () => listener.close());
    provide(RUN_EVENTS, listener);
  },
});
