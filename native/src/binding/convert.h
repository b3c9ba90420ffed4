// JavaScript values to C++ and back, by type. Tensors travel as their addresses (doubles), `null` is "none".
#pragma once
#include <ATen/ATen.h>
#include <c10/util/Optional.h>
#include <node_api.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "binding/instance.h"

namespace hyfw {

[[noreturn]] void refuse(napi_env env, napi_value value, const char* expected);

inline double to_double(napi_env env, napi_value value) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) refuse(env, value, "a number");
  return number;
}

inline int64_t to_int(napi_env env, napi_value value) {
  const double number = to_double(env, value);
  if (number != std::floor(number) || std::abs(number) > 9007199254740992.0) refuse(env, value, "an integer");
  return static_cast<int64_t>(number);
}

inline bool is_none(napi_env env, napi_value value) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  return type == napi_null || type == napi_undefined;
}

/** Whole numbers become integers, as in Python, so that integer tensors stay integer tensors. */
inline at::Scalar to_scalar(napi_env env, napi_value value) {
  const double number = to_double(env, value);
  if (number == std::floor(number) && std::abs(number) < 9007199254740992.0 && !(number == 0 && std::signbit(number)))
    return at::Scalar(static_cast<int64_t>(number));
  return at::Scalar(number);
}

std::string to_text(napi_env env, napi_value value);
/** "cpu", "cuda", "cuda:1", "meta"; a clear error where there is no such device. */
at::Device to_device(napi_env env, napi_value value);
napi_value from_text(napi_env env, const std::string& text);

inline uint32_t list_length(napi_env env, napi_value value) {
  uint32_t length;
  if (napi_get_array_length(env, value, &length) != napi_ok) refuse(env, value, "a list");
  return length;
}

inline napi_value entry(napi_env env, napi_value list, uint32_t index) {
  napi_value value;
  napi_get_element(env, list, index, &value);
  return value;
}

template <class T>
struct FromJs;

template <>
struct FromJs<const at::Tensor&> {
  static const at::Tensor& get(Instance& i, napi_value v) { return i.table.get(to_double(i.env, v)); }
};
template <>
struct FromJs<const c10::optional<at::Tensor>&> {
  static c10::optional<at::Tensor> get(Instance& i, napi_value v) {
    if (is_none(i.env, v)) return c10::nullopt;
    return i.table.get(to_double(i.env, v));
  }
};
template <>
struct FromJs<const std::vector<at::Tensor>&> {
  static std::vector<at::Tensor> get(Instance& i, napi_value v) {
    const uint32_t length = list_length(i.env, v);
    std::vector<at::Tensor> tensors;
    tensors.reserve(length);
    for (uint32_t k = 0; k < length; ++k) tensors.push_back(i.table.get(to_double(i.env, entry(i.env, v, k))));
    return tensors;
  }
};
template <>
struct FromJs<const std::vector<int64_t>&> {
  static std::vector<int64_t> get(Instance& i, napi_value v) {
    const uint32_t length = list_length(i.env, v);
    std::vector<int64_t> numbers(length);
    for (uint32_t k = 0; k < length; ++k) numbers[k] = to_int(i.env, entry(i.env, v, k));
    return numbers;
  }
};
template <>
struct FromJs<const std::string&> {
  static std::string get(Instance& i, napi_value v) { return to_text(i.env, v); }
};
template <>
struct FromJs<const at::Scalar&> {
  static at::Scalar get(Instance& i, napi_value v) { return to_scalar(i.env, v); }
};
template <>
struct FromJs<const c10::optional<at::Scalar>&> {
  static c10::optional<at::Scalar> get(Instance& i, napi_value v) {
    if (is_none(i.env, v)) return c10::nullopt;
    return to_scalar(i.env, v);
  }
};
template <>
struct FromJs<c10::optional<double>> {
  static c10::optional<double> get(Instance& i, napi_value v) {
    if (is_none(i.env, v)) return c10::nullopt;
    return to_double(i.env, v);
  }
};
template <>
struct FromJs<double> {
  static double get(Instance& i, napi_value v) { return to_double(i.env, v); }
};
template <>
struct FromJs<int64_t> {
  static int64_t get(Instance& i, napi_value v) { return to_int(i.env, v); }
};
template <>
struct FromJs<bool> {
  static bool get(Instance& i, napi_value v) {
    bool on;
    if (napi_get_value_bool(i.env, v, &on) != napi_ok) refuse(i.env, v, "true or false");
    return on;
  }
};
template <>
struct FromJs<at::ScalarType> {
  static at::ScalarType get(Instance& i, napi_value v) {
    const int64_t code = to_int(i.env, v);
    if (code < 0 || code >= static_cast<int64_t>(at::ScalarType::NumOptions)) refuse(i.env, v, "an element type");
    return static_cast<at::ScalarType>(code);
  }
};
template <>
struct FromJs<at::Device> {
  static at::Device get(Instance& i, napi_value v) { return to_device(i.env, v); }
};
template <>
struct FromJs<napi_value> {
  static napi_value get(Instance&, napi_value v) { return v; }
};

inline napi_value to_js(Instance& i, at::Tensor tensor) {
  napi_value value;
  napi_create_double(i.env, i.table.add(std::move(tensor)), &value);
  return value;
}
inline napi_value to_js(Instance& i, double number) {
  napi_value value;
  napi_create_double(i.env, number, &value);
  return value;
}
inline napi_value to_js(Instance& i, int64_t number) { return to_js(i, static_cast<double>(number)); }
inline napi_value to_js(Instance& i, bool on) {
  napi_value value;
  napi_get_boolean(i.env, on, &value);
  return value;
}
inline napi_value to_js(Instance& i, const std::string& text) { return from_text(i.env, text); }
inline napi_value to_js(Instance&, napi_value value) { return value; }
inline napi_value to_js(Instance& i, const std::vector<int64_t>& numbers) {
  napi_value list;
  napi_create_array_with_length(i.env, numbers.size(), &list);
  for (size_t k = 0; k < numbers.size(); ++k)
    napi_set_element(i.env, list, static_cast<uint32_t>(k), to_js(i, numbers[k]));
  return list;
}

}  // namespace hyfw
