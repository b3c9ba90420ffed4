// JavaScript values to C++ and back; see convert.h.
#include "binding/convert.h"

namespace hyfw {

void refuse(napi_env env, napi_value value, const char* expected) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  static const char* kNames[] = {"undefined", "null",     "a boolean", "a number",   "a text",
                                 "a symbol",  "an object", "a function", "an external", "a bigint"};
  std::string found = type <= napi_bigint ? kNames[type] : "something else";
  double number;
  if (type == napi_number && napi_get_value_double(env, value, &number) == napi_ok) found = std::to_string(number);
  if (type == napi_string) found = '"' + to_text(env, value) + '"';
  throw BindingError("HYFW_NATIVE_ARGUMENT", std::string("expected ") + expected + ", found " + found);
}

std::string to_text(napi_env env, napi_value value) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) refuse(env, value, "a text");
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

at::Device to_device(napi_env env, napi_value value) {
  const std::string text = to_text(env, value);
  const at::Device device(text);
  if (device.is_cuda()) {
    if (!at::hasCUDA())
      throw BindingError("HYFW_NATIVE_DEVICE", "device " + text + ": this libtorch was built without CUDA");
    const int64_t count = static_cast<int64_t>(at::detail::getCUDAHooks().deviceCount());
    if (count == 0) throw BindingError("HYFW_NATIVE_DEVICE", "device " + text + ": there is no CUDA GPU");
    if (device.has_index() && device.index() >= count)
      throw BindingError("HYFW_NATIVE_DEVICE", "device " + text + ": there are " + std::to_string(count) + " CUDA GPUs");
  } else if (!device.is_cpu() && !device.is_meta()) {
    throw BindingError("HYFW_NATIVE_DEVICE", "device " + text + " is not one of cpu, cuda, meta");
  }
  return device;
}

napi_value from_text(napi_env env, const std::string& text) {
  napi_value value;
  napi_create_string_utf8(env, text.c_str(), text.size(), &value);
  return value;
}

}  // namespace hyfw
