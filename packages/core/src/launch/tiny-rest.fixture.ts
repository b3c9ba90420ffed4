import { OPTIMIZER } from "../hooks/optimizer.js";
import { definePlugin } from "../plugin/define-plugin.js";
import tiny from "./tiny-plugin.fixture.js";

/** The tiny run without its optimizer, for tests that bring one. */
export default definePlugin({
  ...tiny,
  name: "tiny-rest",
  provides: tiny.provides.filter(({ key }) => key !== OPTIMIZER.key),
  setup: (context) =>
    tiny.setup({
      ...context,
      provide: (token, value) => {
        if (token.key !== OPTIMIZER.key) context.provide(token, value);
      },
    }),
});
