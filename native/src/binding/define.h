// One line per function: `define(env, exports, "add", [](const at::Tensor& a, const at::Tensor& b) { … })`.
// Conversion of arguments and result follows from the lambda's signature; exceptions become JavaScript
// errors.
#pragma once
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "binding/convert.h"
#include "binding/errors.h"

namespace hyfw {

/** "[2, 3] float32 cpu, 0.5": for error texts. */
std::string describe_arguments(Instance& instance, const std::vector<napi_value>& values,
                               const std::string& kinds);

template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const> {
  using Result = R;
  using Arguments = std::tuple<A...>;
  static constexpr bool takes_instance = false;
};
template <class C, class R, class... A>
struct Signature<R (C::*)(Instance&, A...) const> {
  using Result = R;
  using Arguments = std::tuple<A...>;
  static constexpr bool takes_instance = true;
};

template <class T>
constexpr char kind_of() {
  using Bare = std::decay_t<T>;
  if constexpr (std::is_same_v<Bare, at::Tensor> || std::is_same_v<Bare, c10::optional<at::Tensor>>)
    return 'T';
  if constexpr (std::is_same_v<Bare, std::vector<at::Tensor>>) return 'L';
  return ' ';
}

template <class... A>
std::string kinds_of(std::tuple<A...>*) {
  return std::string{kind_of<A>()...};
}

template <class F>
struct Bound {
  Instance* instance;
  const char* name;
  F function;
};

template <class F, class... A, size_t... K>
napi_value invoke(Bound<F>& bound, napi_value* values, std::tuple<A...>*, std::index_sequence<K...>) {
  Instance& instance = *bound.instance;
  auto run = [&]() -> decltype(auto) {
    if constexpr (Signature<F>::takes_instance)
      return bound.function(instance, FromJs<A>::get(instance, values[K])...);
    else
      return bound.function(FromJs<A>::get(instance, values[K])...);
  };
  (void)values;
  if constexpr (std::is_void_v<typename Signature<F>::Result>) {
    run();
    return nullptr;
  } else {
    return to_js(instance, run());
  }
}

template <class F>
napi_value call(napi_env env, napi_callback_info info) {
  using Arguments = typename Signature<F>::Arguments;
  constexpr size_t count = std::tuple_size_v<Arguments>;
  napi_value values[count + 1];
  size_t given = count;
  void* data;
  napi_get_cb_info(env, info, &given, values, nullptr, &data);  // missing ones become undefined
  auto& bound = *static_cast<Bound<F>*>(data);
  ++bound.instance->op_calls;
  try {
    return invoke(bound, values, static_cast<Arguments*>(nullptr), std::make_index_sequence<count>{});
  } catch (...) {
    const Fault fault = fault_of(std::current_exception());
    const std::string kinds = kinds_of(static_cast<Arguments*>(nullptr));
    napi_throw(env, make_error(env, fault, bound.name,
                               describe_arguments(*bound.instance, {values, values + count}, kinds)));
    return nullptr;
  }
}

/** Adds a function to `target`. `name` must outlive the environment: a literal. */
template <class F>
void define(Instance& instance, napi_value target, const char* name, F function) {
  auto bound = std::make_unique<Bound<F>>(Bound<F>{&instance, name, std::move(function)});
  napi_value value;
  napi_create_function(instance.env, name, NAPI_AUTO_LENGTH, call<F>, bound.get(), &value);
  napi_set_named_property(instance.env, target, name, value);
  bound.release();  // lives as long as the function, that is as long as the environment
}

void define_memory(Instance& instance, napi_value exports);
void define_autograd(Instance& instance, napi_value exports);
void define_collectives(Instance& instance, napi_value exports);
void define_dispatcher(Instance& instance, napi_value exports);
void define_machine(Instance& instance, napi_value exports);
void define_storage(Instance& instance, napi_value exports);
void define_engine(Instance& instance, napi_value exports);
void define_tensor_ops(Instance& instance, napi_value ops);
void define_math_ops(Instance& instance, napi_value ops);
void define_model_ops(Instance& instance, napi_value ops);

}  // namespace hyfw
