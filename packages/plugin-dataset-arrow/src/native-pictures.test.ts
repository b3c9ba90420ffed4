import type { Geometry, Resolution } from "@hyfw/core";
import sharp from "sharp";
import t from "tap";
import { pictureEngine, plainEngine } from "./native-pictures.js";
import { decodeInto } from "./read-pixels.js";

const SETTINGS = { alpha: "drop", orientation: "exif", resize: "exact" } as const;

/** Source size, size after resizing, window's top, left, height, width: shrunk, enlarged, one side kept, tiny, odd. */
const SHAPES = [
  [97, 131, 64, 86, 0, 11, 64, 64],
  [40, 33, 155, 128, 13, 0, 128, 128],
  [64, 90, 64, 70, 0, 2, 64, 66],
  [90, 64, 70, 64, 3, 0, 64, 64],
  [50, 60, 50, 60, 1, 2, 48, 57],
  [1, 1, 32, 32, 0, 0, 32, 32],
  [3, 2, 48, 32, 7, 0, 32, 32],
  [300, 4, 75, 1, 0, 0, 75, 1],
  [701, 513, 33, 24, 4, 1, 27, 21],
] as const;

function geometryOf([height, width, tall, wide, top, left, h, w]: (typeof SHAPES)[number]): {
  size: Resolution;
  geometry: Geometry;
} {
  return {
    size: { height, width },
    geometry: {
      resized: { height: tall, width: wide },
      crop: { top, left },
      resolution: { height: h, width: w },
      flip: false,
    },
  };
}

/** Every value with hard edges, so that the clipping at 0 and 255 is met. */
function noise({ height, width }: Resolution): Uint8Array {
  return Uint8Array.from({ length: height * width * 3 }, (_, i) => {
    const value = Math.imul(i + 1, 2654435761) >>> 24;
    return value < 64 ? 0 : value > 192 ? 255 : value;
  });
}

t.test("the native engine resizes to the same bytes as TypeScript", async (t) => {
  const native = await pictureEngine();
  t.not(native, plainEngine, "the addon is built");
  for (const shape of SHAPES) {
    const { size, geometry } = geometryOf(shape);
    const bytes = geometry.resolution.height * geometry.resolution.width * 3;
    const [expected, found] = [new Uint8Array(bytes), new Uint8Array(bytes)];
    await plainEngine.resample(noise(size), size, geometry, expected);
    await native.resample(noise(size), size, geometry, found);
    t.ok(Buffer.from(found).equals(expected), shape.join(" "));
  }
});

t.test(
  "the native engine decodes JPEGs to the same bytes as sharp, and leaves damaged ones to it",
  async (t) => {
    const native = await pictureEngine();
    const { size, geometry } = geometryOf(SHAPES[0]);
    const bytes = geometry.resolution.height * geometry.resolution.width * 3;
    const picture = sharp(noise(size), { raw: { ...size, channels: 3 } });
    const kinds = {
      "4:2:0": await picture.clone().jpeg({ quality: 90 }).toBuffer(),
      "4:4:4": await picture.clone().jpeg({ chromaSubsampling: "4:4:4" }).toBuffer(),
      progressive: await picture.clone().jpeg({ progressive: true }).toBuffer(),
      gray: await picture.clone().grayscale().jpeg().toBuffer(),
    };
    for (const [kind, jpeg] of Object.entries(kinds)) {
      const [expected, found] = [new Uint8Array(bytes), new Uint8Array(bytes)];
      await decodeInto(jpeg, { size, geometry, out: expected }, SETTINGS, plainEngine);
      t.equal(await native.decodeJpeg(jpeg, size, geometry, found), true, kind);
      t.ok(Buffer.from(found).equals(expected), `${kind}: equal bytes`);
      const cut = jpeg.subarray(0, jpeg.length - 200);
      t.equal(await native.decodeJpeg(cut, size, geometry, found), false, `${kind}, cut short`);
      await t.rejects(
        decodeInto(cut, { size, geometry, out: found }, SETTINGS),
        /premature|VipsJpeg|corrupt/i,
      );
    }
    const cmyk = await picture.clone().toColourspace("cmyk").jpeg().toBuffer();
    t.equal(await native.decodeJpeg(cmyk, size, geometry, new Uint8Array(bytes)), false, "CMYK is sharp's");
    const turned = await picture.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const upright = { height: size.width, width: size.height };
    const whole = { resized: upright, crop: { top: 0, left: 0 }, resolution: upright, flip: false };
    const [expected, found] = [0, 1].map(() => new Uint8Array(upright.height * upright.width * 3));
    await decodeInto(turned, { size: upright, geometry: whole, out: expected }, SETTINGS, plainEngine);
    await decodeInto(turned, { size: upright, geometry: whole, out: found }, SETTINGS);
    t.ok(Buffer.from(found).equals(expected), "turned by its EXIF orientation");
  },
);
