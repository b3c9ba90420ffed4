// Many tensors as one list of pieces of at most 64 Ki elements, so that threads share the work evenly.
#pragma once
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <vector>

namespace hyfw {

struct Piece {
  size_t tensor;
  int64_t begin;
  int64_t count;
};

inline std::vector<Piece> pieces_of(const std::vector<at::Tensor>& tensors, int64_t largest = 65536) {
  std::vector<Piece> pieces;
  for (size_t k = 0; k < tensors.size(); ++k)
    for (int64_t begin = 0; begin < tensors[k].numel(); begin += largest)
      pieces.push_back({k, begin, std::min(largest, tensors[k].numel() - begin)});
  return pieces;
}

}  // namespace hyfw
