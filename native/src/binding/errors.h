// C++ exceptions as JavaScript errors: code, the op, its arguments with shapes, and libtorch's first line.
#pragma once
#include <node_api.h>

#include <exception>
#include <string>

#include "binding/instance.h"

namespace hyfw {

/** "[2, 3] float32 cpu" */
std::string describe_tensor(const at::Tensor& tensor);
/** PyTorch's name of an element type. */
const char* dtype_text(at::ScalarType type);

/** Code and text of an exception; libtorch's without its backtrace. */
struct Fault {
  std::string code;
  std::string text;
};
Fault fault_of(const std::exception_ptr& exception);

/** A JavaScript Error with `code` and `op`. */
napi_value make_error(napi_env env, const Fault& fault, const std::string& op, const std::string& arguments);

}  // namespace hyfw
