// Pictures into batches on libuv's threads; no tensors.
#pragma once
#include "binding/instance.h"

namespace hyfw {

void define_pictures(Instance& instance, napi_value exports);

}  // namespace hyfw
