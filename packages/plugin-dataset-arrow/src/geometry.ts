import type { Geometry, Resolution } from "@hyfw/core";

/** Python's `round`: to the nearest whole number, halves to the even one. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Size after the official multi-resolution resize: covers `target`, one side fits exactly.
 * The order of operations, target / size · other side in doubles, is the official one and decides halves.
 */
export function coverSize(size: Resolution, target: Resolution): Resolution {
  if (size.height / size.width < target.height / target.width)
    return { height: target.height, width: roundHalfEven((target.height / size.height) * size.width) };
  return { height: roundHalfEven((target.width / size.width) * size.height), width: target.width };
}

/** Size after the official single-resolution resize to a square: the shorter side fits, the longer one is cut down to a whole number. */
export function coverSquare(size: Resolution, side: number): Resolution {
  const ratio = size.width / size.height;
  if (size.width < size.height) return { height: Math.trunc(side / ratio), width: side };
  return { height: side, width: Math.trunc(side * ratio) };
}

/** The resize and the centre window (halves rounded to even) of a picture of `size` for its bucket. */
export function centreGeometry(size: Resolution, resolution: Resolution, single: boolean): Geometry {
  const resized = single ? coverSquare(size, resolution.height) : coverSize(size, resolution);
  return {
    resized,
    crop: {
      top: roundHalfEven((resized.height - resolution.height) / 2),
      left: roundHalfEven((resized.width - resolution.width) / 2),
    },
    resolution,
    flip: false,
  };
}
