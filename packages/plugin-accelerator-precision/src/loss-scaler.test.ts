import t from "tap";
import { LossScaler, SCALE_RULES } from "./loss-scaler.js";

const overflow = (scaler: LossScaler, times = 1): void => {
  for (let n = 0; n < times; n++) scaler.report(false);
};
const good = (scaler: LossScaler, times: number): void => {
  for (let n = 0; n < times; n++) scaler.report(true);
};

t.test("usual: halved at every overflow, doubled after 2000 steps without", async (t) => {
  const scaler = new LossScaler(SCALE_RULES.usual);
  t.equal(scaler.value, 65_536);
  overflow(scaler);
  t.equal(scaler.value, 32_768);
  good(scaler, 1999);
  t.equal(scaler.value, 32_768);
  good(scaler, 1);
  t.equal(scaler.value, 65_536);
  good(scaler, 1500);
  overflow(scaler);
  good(scaler, 1999);
  t.equal(scaler.value, 32_768, "an overflow starts the count anew");
});

t.test("legacy: the second overflow halves, 500 good steps double and give patience back", async (t) => {
  const scaler = new LossScaler(SCALE_RULES.legacy);
  t.equal(scaler.value, 32_768);
  overflow(scaler);
  t.equal(scaler.value, 32_768, "the first is borne");
  overflow(scaler);
  t.equal(scaler.value, 16_384);
  overflow(scaler);
  t.equal(scaler.value, 8_192, "patience does not come back by itself");
  good(scaler, 500);
  t.equal(scaler.value, 16_384);
  overflow(scaler);
  t.equal(scaler.value, 16_384, "but with growth");
});

t.test("at the smallest scale an overflow stops the run", async (t) => {
  const scaler = new LossScaler({ start: 2, growAfter: 10, hysteresis: 1, least: 1 });
  overflow(scaler);
  t.equal(scaler.value, 1);
  t.throws(() => overflow(scaler), { code: "HYFW_PRECISION_SCALE" });
});

t.test("a resumed scale goes on where it was", async (t) => {
  const [first, second] = [new LossScaler(SCALE_RULES.legacy), new LossScaler(SCALE_RULES.legacy)];
  overflow(first, 2);
  good(first, 300);
  second.restore(first.state());
  for (const one of [first, second]) good(one, 200);
  t.equal(second.value, first.value);
  t.equal(second.value, 32_768);
});
