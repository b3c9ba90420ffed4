// JPEG to RGB bytes by libjpeg-turbo, whose library is opened at run time: exact integer DCT and smooth
// upsampling, as Pillow and libvips have it. No JavaScript, no tensors.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hyfw {

/** libjpeg-turbo 3, opened; lives as long as the process. */
class JpegLibrary {
 public:
  /** @throws std::runtime_error when it cannot be opened or is older than version 3 */
  explicit JpegLibrary(const std::string& path);

  /**
   * Decodes into `rgb`, which is made as large as needed and one row longer.
   * @returns false when the picture is not of this size, not gray or YCbCr or RGB, or anything in it is amiss
   */
  bool decode(const uint8_t* bytes, size_t size, int64_t height, int64_t width,
              std::vector<uint8_t>& rgb) const;

 private:
  void* (*init_)(int);
  void (*destroy_)(void*);
  int (*set_)(void*, int, int);
  int (*get_)(void*, int);
  int (*header_)(void*, const unsigned char*, size_t);
  int (*decompress_)(void*, const unsigned char*, size_t, unsigned char*, int, int);
};

}  // namespace hyfw
