import t from "tap";
import { PixelBuffers } from "./pixel-buffers.js";

t.test("memory is used again for a size near to it, and what is kept has a bound", async (t) => {
  const buffers = new PixelBuffers(250);
  const first = buffers.take(100);
  buffers.giveBack(first);
  const again = buffers.take(80);
  t.equal(again.buffer, first.buffer);
  t.equal(again.byteLength, 80);
  t.not(buffers.take(100).buffer, first.buffer, "it is taken");
  buffers.giveBack(again);
  t.not(buffers.take(20).buffer, first.buffer, "far larger memory is left for those who need it");
  buffers.giveBack(new Uint8Array(200));
  t.not(buffers.take(100).buffer, first.buffer, "300 bytes are more than are kept: the smallest went");
});
