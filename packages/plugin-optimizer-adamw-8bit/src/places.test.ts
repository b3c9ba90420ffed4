import { fromTypedArray, keyedNormal, noGrad, tidy } from "@hyfw/native";
import t from "tap";
import { codeBook, midpoints } from "./code-book.js";
import { lookedUpPlaces, searchedPlaces } from "./places.js";

for (const isSigned of [true, false])
  t.test(`both ways find the nearest code, ${isSigned ? "with" : "without"} signs`, async (t) => {
    const book = codeBook(isSigned);
    t.equal(book.length, 256);
    t.ok(book.every((one, n) => n === 0 || one > (book[n - 1] ?? 1)));
    const middles = midpoints(book);
    // Every code and middle, what lies beside them, zero, both ends, and numbers of every size.
    const beside = [...book, ...middles].flatMap((one) => [one, one * (1 + 2 ** -22), one * (1 - 2 ** -22)]);
    const random = noGrad(() => tidy(() => keyedNormal([{ low: 1, high: 2 }], [20_000]).toArray()));
    const sizes = random.map((one, n) => (one / 5) * 10 ** -(n % 9));
    const inside = [0, 1, ...beside, ...sizes].map((one) => Math.max(isSigned ? -1 : 0, Math.min(1, one)));
    const numbers = Float32Array.from(inside);
    const [searched, lookedUp] = [searchedPlaces(isSigned, "cpu"), lookedUpPlaces(isSigned)];
    const [a, b] = [searched, lookedUp].map((places) =>
      tidy(() => places.of(fromTypedArray(numbers, [numbers.length])).toArray()),
    );
    t.same(b, a);
    for (const [n, number] of numbers.entries()) {
      const found = Math.abs((book[a?.[n] ?? -1] ?? Number.NaN) - number);
      const best = book.reduce((least, one) => Math.min(least, Math.abs(one - number)), 9);
      // Middles are rounded to float32.
      if (!(found <= best + 1.2e-7 * Math.abs(number) + 1e-13))
        t.fail(`${number}: off by ${found}, not ${best}`);
    }
    searched.dispose();
    lookedUp.dispose();
  });
