import { addon } from "./addon.js";

/** Height and width in pixels. */
interface Size {
  readonly height: number;
  readonly width: number;
}

/** A picture's own size, its size after resizing, and the window that is cut from that. */
export interface PictureWindow {
  readonly size: Size;
  readonly resized: Size;
  readonly crop: { readonly top: number; readonly left: number };
  readonly resolution: Size;
}

/** A JPEG library that was opened; valid in every thread until the process ends. */
export type JpegLibrary = number;

/** Opens libjpeg-turbo 3 from a file. @throws HYFW_NATIVE_* with the loader's words */
export function openJpegLibrary(path: string): JpegLibrary {
  return addon.openJpegLibrary(path);
}

/**
 * Decodes a JPEG, resizes it as Pillow's Lanczos does and cuts the window, in one job beside the JavaScript thread.
 * @param out uint8 [H, W, 3] of the window; it may have been written to when the answer is `false`
 * @returns false when the picture is damaged, of another size, or of a colour space that needs a colour profile
 */
export function decodeJpegWindow(
  library: JpegLibrary,
  jpeg: Uint8Array,
  window: PictureWindow,
  out: Uint8Array,
): Promise<boolean> {
  return addon.pictureWindow(library, jpeg, sizesOf(window), out);
}

/**
 * Resizes decoded pixels as Pillow's Lanczos does and cuts the window, beside the JavaScript thread.
 * @param rgb uint8 [H, W, 3] of the picture's own size
 * @param out uint8 [H, W, 3] of the window
 */
export async function resampleWindow(rgb: Uint8Array, window: PictureWindow, out: Uint8Array): Promise<void> {
  const isDone = await addon.pictureWindow(-1, rgb, sizesOf(window), out);
  if (!isDone) throw new RangeError("there is not enough memory to resize a picture");
}

function sizesOf({ size, resized, crop, resolution }: PictureWindow): number[] {
  return [
    size.height,
    size.width,
    resized.height,
    resized.width,
    crop.top,
    crop.left,
    resolution.height,
    resolution.width,
  ];
}
