// Lanczos resampling in whole numbers; see resample.h. Sums are exact in 32 bits: 255 · 2^22 times the sum of
// the weights' sizes (below 1.5) stays under 2^31.
#include "ops/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/vector_clones.h"
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HYFW_AVX2 1
#endif

namespace hyfw {

namespace {

constexpr int kBits = 22;
constexpr int32_t kHalf = 1 << (kBits - 1);
constexpr double kWindow = 3;
constexpr int64_t kMaxSide = 1 << 20;
/** Columns of bytes whose sums are kept in registers while rows are added. */
constexpr int64_t kStrip = 64;

/** For every wanted place: the first input place, and `taps` weights of which `counts` are used. */
struct Weights {
  std::vector<int64_t> first, counts;
  int64_t taps;
  std::vector<int32_t> values;
};

double sinc(double x) {
  if (x == 0) return 1;
  x *= M_PI;
  return std::sin(x) / x;
}

double lanczos(double x) { return x >= -kWindow && x < kWindow ? sinc(x) * sinc(x / kWindow) : 0; }

Weights weights_for(int64_t input, int64_t output, int64_t from, int64_t count) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const double wide = std::max(scale, 1.0);
  const double support = kWindow * wide;
  Weights weights;
  weights.taps = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  weights.first.resize(count);
  weights.counts.resize(count);
  weights.values.resize(count * weights.taps);
  std::vector<double> given(weights.taps);
  for (int64_t i = 0; i < count; ++i) {
    const double centre = (static_cast<double>(from + i) + 0.5) * scale;
    const auto start = std::max<int64_t>(0, static_cast<int64_t>(std::trunc(centre - support + 0.5)));
    const auto end = std::min(input, static_cast<int64_t>(std::trunc(centre + support + 0.5)));
    double total = 0;
    for (int64_t k = start; k < end; ++k) {
      given[k - start] = lanczos((static_cast<double>(k) - centre + 0.5) / wide);
      total += given[k - start];
    }
    weights.first[i] = start;
    weights.counts[i] = end - start;
    for (int64_t k = 0; k < end - start; ++k) {
      const double fixed = given[k] / total * (1 << kBits);
      weights.values[i * weights.taps + k] = static_cast<int32_t>(fixed + (fixed < 0 ? -0.5 : 0.5));
    }
  }
  return weights;
}

inline uint8_t clip(int32_t sum) {
  const int32_t value = sum >> kBits;
  return static_cast<uint8_t>(std::min(255, std::max(0, value)));
}

/** One row to the wanted width; reads no byte beyond its last pixel. */
void narrow_row(const uint8_t* row, const Weights& across, uint8_t* out) {
  const auto count = static_cast<int64_t>(across.first.size());
  for (int64_t x = 0; x < count; ++x) {
    const int32_t* weight = across.values.data() + x * across.taps;
    const uint8_t* at = row + 3 * across.first[x];
    int32_t red = kHalf, green = kHalf, blue = kHalf;
    for (int64_t k = 0; k < across.counts[x]; ++k, at += 3) {
      red += at[0] * weight[k];
      green += at[1] * weight[k];
      blue += at[2] * weight[k];
    }
    out[3 * x] = clip(red);
    out[3 * x + 1] = clip(green);
    out[3 * x + 2] = clip(blue);
  }
}

#ifdef HYFW_AVX2
/** Four bytes of one row and four of another as eight numbers; put together in a register, not through
 * memory. */
__attribute__((target("avx2"))) inline __m256i widened(const uint8_t* one, const uint8_t* other) {
  int32_t low, high;
  std::memcpy(&low, one, 4);
  std::memcpy(&high, other, 4);
  return _mm256_cvtepu8_epi32(_mm_insert_epi32(_mm_cvtsi32_si128(low), high, 1));
}

/** Four rows at a time, two in each vector; reads one byte beyond a row's last pixel. */
__attribute__((target("avx2"))) void narrow_four(const uint8_t* rows, int64_t stride, const Weights& across,
                                                 uint8_t* out, int64_t out_stride) {
  const auto count = static_cast<int64_t>(across.first.size());
  for (int64_t x = 0; x < count; ++x) {
    const int32_t* weights = across.values.data() + x * across.taps;
    const uint8_t* at = rows + 3 * across.first[x];
    __m256i upper = _mm256_set1_epi32(kHalf), lower = upper;
    for (int64_t k = 0; k < across.counts[x]; ++k, at += 3) {
      const __m256i weight = _mm256_set1_epi32(weights[k]);
      upper = _mm256_add_epi32(upper, _mm256_mullo_epi32(widened(at, at + stride), weight));
      lower = _mm256_add_epi32(lower, _mm256_mullo_epi32(widened(at + 2 * stride, at + 3 * stride), weight));
    }
    // Bytes 0..3 and 16..19 are the first and second row, 4..7 and 20..23 the third and fourth.
    const __m256i words =
        _mm256_packs_epi32(_mm256_srai_epi32(upper, kBits), _mm256_srai_epi32(lower, kBits));
    const __m256i bytes = _mm256_packus_epi16(words, words);
    const int64_t even = _mm256_extract_epi64(bytes, 0), odd = _mm256_extract_epi64(bytes, 2);
    uint8_t* to = out + 3 * x;
    for (const int64_t pixels : {even, odd}) {
      for (int c = 0; c < 3; ++c) {
        to[c] = static_cast<uint8_t>(pixels >> (8 * c));
        to[2 * out_stride + c] = static_cast<uint8_t>(pixels >> (32 + 8 * c));
      }
      to += out_stride;
    }
  }
}
#endif

/** One output row from the rows below it. */
HYFW_CLONES void lower_row(const uint8_t* narrow, int64_t row_bytes, const int32_t* weights, int64_t count,
                           uint8_t* out) {
  int64_t at = 0;
  for (; at + kStrip <= row_bytes; at += kStrip) {
    int32_t sums[kStrip];
    for (int64_t i = 0; i < kStrip; ++i) sums[i] = kHalf;
    for (int64_t k = 0; k < count; ++k) {
      const uint8_t* row = narrow + k * row_bytes + at;
      const int32_t weight = weights[k];
      for (int64_t i = 0; i < kStrip; ++i) sums[i] += row[i] * weight;
    }
    for (int64_t i = 0; i < kStrip; ++i) out[at + i] = clip(sums[i]);
  }
  for (; at < row_bytes; ++at) {
    int32_t sum = kHalf;
    for (int64_t k = 0; k < count; ++k) sum += narrow[k * row_bytes + at] * weights[k];
    out[at] = clip(sum);
  }
}

}  // namespace

bool is_sound(const PictureWindow& w) {
  const auto fits = [](int64_t value, int64_t least, int64_t most) {
    return value >= least && value <= most;
  };
  return fits(w.in_height, 1, kMaxSide) && fits(w.in_width, 1, kMaxSide) &&
         fits(w.resized_height, 1, kMaxSide) && fits(w.resized_width, 1, kMaxSide) &&
         fits(w.top, 0, kMaxSide) && fits(w.left, 0, kMaxSide) &&
         fits(w.height, 1, w.resized_height - w.top) && fits(w.width, 1, w.resized_width - w.left);
}

void resample(const uint8_t* rgb, const PictureWindow& w, uint8_t* out, ResampleScratch& scratch) {
  const Weights down = weights_for(w.in_height, w.resized_height, w.top, w.height);
  const int64_t top = down.first.front();
  const int64_t bottom = down.first.back() + down.counts.back();
  const int64_t row_bytes = 3 * w.width;
  const int64_t stride = 3 * w.in_width;
  const bool is_tall = w.in_height == w.resized_height;
  if (is_tall)
    scratch.narrow.clear();
  else
    scratch.narrow.resize((bottom - top) * row_bytes);
  // A side that keeps its length keeps its bytes: its weights are 1 in the middle and 0 around it.
  uint8_t* narrow = is_tall ? out : scratch.narrow.data();
  const int64_t begin = is_tall ? w.top : top;
  const int64_t end = is_tall ? w.top + w.height : bottom;
  if (w.in_width == w.resized_width) {
    for (int64_t y = begin; y < end; ++y)
      std::memcpy(narrow + (y - begin) * row_bytes, rgb + y * stride + 3 * w.left, row_bytes);
  } else {
    const Weights across = weights_for(w.in_width, w.resized_width, w.left, w.width);
    int64_t y = begin;
#ifdef HYFW_AVX2
    for (; __builtin_cpu_supports("avx2") && y + 4 <= end && y + 4 < w.in_height; y += 4)
      narrow_four(rgb + y * stride, stride, across, narrow + (y - begin) * row_bytes, row_bytes);
#endif
    for (; y < end; ++y) narrow_row(rgb + y * stride, across, narrow + (y - begin) * row_bytes);
  }
  if (is_tall) return;
  for (int64_t y = 0; y < w.height; ++y)
    lower_row(narrow + (down.first[y] - top) * row_bytes, row_bytes, down.values.data() + y * down.taps,
              down.counts[y], out + y * row_bytes);
}

}  // namespace hyfw
