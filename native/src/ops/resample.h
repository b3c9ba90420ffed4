// Antialiased Lanczos resampling of RGB bytes with window 3 as Pillow computes it, cut to a window: two
// passes, horizontal first, weights in 22-bit fixed point, each pass rounded to bytes. No JavaScript, no
// tensors.
#pragma once
#include <cstdint>
#include <vector>

namespace hyfw {

/** Sizes in pixels: of the picture, after resizing, and of the window with its place in the resized picture.
 */
struct PictureWindow {
  int64_t in_height, in_width;
  int64_t resized_height, resized_width;
  int64_t top, left, height, width;
};

/** Memory that one thread uses again from picture to picture. */
struct ResampleScratch {
  std::vector<uint8_t> decoded, narrow;
};

/** Whether every place the window needs lies in the resized picture, and no size is absurd. */
bool is_sound(const PictureWindow& window);

/**
 * Writes the window, uint8 [height, width, 3].
 * @param rgb uint8 [in_height, in_width, 3]
 */
void resample(const uint8_t* rgb, const PictureWindow& window, uint8_t* out, ResampleScratch& scratch);

}  // namespace hyfw
