// libjpeg-turbo behind its plain C interface of version 3; see jpeg_decoder.h. The numbers are those of
// turbojpeg.h.
#include "ops/jpeg_decoder.h"

#include <dlfcn.h>

#include <stdexcept>

namespace hyfw {

namespace {

constexpr int kDecompress = 1;                              // TJINIT_DECOMPRESS
constexpr int kStopOnWarning = 0, kWidth = 5, kHeight = 6;  // TJPARAM_*
constexpr int kPrecision = 7, kColourSpace = 8;             // TJPARAM_*
constexpr int kMaxColourSpace = 2;                          // RGB 0, YCbCr 1, gray 2; then CMYK and YCCK
constexpr int kRgb = 0;                                     // TJPF_RGB

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) throw std::runtime_error(std::string("it has no ") + name);
}

}  // namespace

JpegLibrary::JpegLibrary(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  find(library, "tj3Init", init_);
  find(library, "tj3Destroy", destroy_);
  find(library, "tj3Set", set_);
  find(library, "tj3Get", get_);
  find(library, "tj3DecompressHeader", header_);
  find(library, "tj3Decompress8", decompress_);
}

bool JpegLibrary::decode(const uint8_t* bytes, size_t size, int64_t height, int64_t width,
                         std::vector<uint8_t>& rgb) const {
  const std::unique_ptr<void, void (*)(void*)> handle(init_(kDecompress), destroy_);
  if (handle == nullptr || set_(handle.get(), kStopOnWarning, 1) != 0) return false;
  if (header_(handle.get(), bytes, size) != 0) return false;
  if (get_(handle.get(), kWidth) != width || get_(handle.get(), kHeight) != height) return false;
  const int space = get_(handle.get(), kColourSpace);
  if (space < 0 || space > kMaxColourSpace || get_(handle.get(), kPrecision) != 8) return false;
  rgb.resize((height + 1) * width * 3);
  return decompress_(handle.get(), bytes, size, rgb.data(), 0, kRgb) == 0;
}

}  // namespace hyfw
