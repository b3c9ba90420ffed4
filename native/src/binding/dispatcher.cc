// Any op by its schema name through libtorch's dispatcher: conversion of arguments follows the schema.
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/jit_type.h>
#include <dlfcn.h>

#include <sstream>
#include <unordered_map>

#include "binding/define.h"
#include "binding/worker.h"

namespace hyfw {

using at::Tensor;
using c10::IValue;
using c10::TypeKind;

static bool is_type(napi_env env, napi_value value, napi_valuetype wanted) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  return type == wanted;
}

/** A Tensor of JavaScript: an object with a numeric `id`. */
static const Tensor* tensor_of(Instance& i, napi_value value) {
  napi_value id;
  if (!is_type(i.env, value, napi_object) || napi_get_named_property(i.env, value, "id", &id) != napi_ok ||
      !is_type(i.env, id, napi_number))
    return nullptr;
  return &i.table.get(to_double(i.env, id));
}

static int64_t dtype_code(const std::string& name) {
  for (int code = 0; code < static_cast<int>(at::ScalarType::NumOptions); ++code)
    if (name == dtype_text(static_cast<at::ScalarType>(code))) return code;
  throw BindingError("HYFW_NATIVE_DTYPE", "no element type " + name);
}

static int64_t to_whole(napi_env env, napi_value value) {
  if (is_type(env, value, napi_bigint)) {
    int64_t number;
    bool lossless;
    napi_get_value_bigint_int64(env, value, &number, &lossless);
    if (!lossless) refuse(env, value, "an integer of 64 bits");
    return number;
  }
  return to_int(env, value);
}

/** One argument by its type in the schema; throws when it does not fit. */
static IValue to_ivalue(Instance& i, napi_value value, const c10::TypePtr& type, const std::string& name) {
  napi_env env = i.env;
  switch (type->kind()) {
    case TypeKind::OptionalType:
      if (is_none(env, value)) return {};
      return to_ivalue(i, value, type->castRaw<c10::OptionalType>()->getElementType(), name);
    case TypeKind::TensorType: {
      if (is_none(env, value)) return Tensor();
      const Tensor* tensor = tensor_of(i, value);
      if (tensor == nullptr) refuse(env, value, "a tensor");
      return *tensor;
    }
    case TypeKind::NumberType: {
      if (is_type(env, value, napi_boolean)) return FromJs<bool>::get(i, value);
      const at::Scalar scalar = to_scalar(env, value);
      return scalar.isFloatingPoint() ? IValue(scalar.toDouble()) : IValue(scalar.toLong());
    }
    case TypeKind::FloatType:
      return to_double(env, value);
    case TypeKind::SymIntType:
    case TypeKind::IntType:
      if (is_type(env, value, napi_string)) return dtype_code(to_text(env, value));
      return to_whole(env, value);
    case TypeKind::BoolType:
      return FromJs<bool>::get(i, value);
    case TypeKind::StringType:
      return to_text(env, value);
    case TypeKind::DeviceObjType:
      return to_device(env, value);
    case TypeKind::ListType: {
      const c10::TypePtr element = type->castRaw<c10::ListType>()->getElementType();
      const bool whole = element->kind() == TypeKind::IntType || element->kind() == TypeKind::SymIntType;
      // As in Python: one number for a list of sizes, `stride=2`.
      if (whole && is_type(env, value, napi_number)) return std::vector<int64_t>{to_int(env, value)};
      const uint32_t length = list_length(env, value);
      if (whole) {
        std::vector<int64_t> numbers;
        for (uint32_t k = 0; k < length; ++k) numbers.push_back(to_whole(env, entry(env, value, k)));
        return numbers;
      }
      if (element->kind() == TypeKind::TensorType) {
        std::vector<Tensor> tensors;
        for (uint32_t k = 0; k < length; ++k) tensors.push_back(to_ivalue(i, entry(env, value, k), element, name).toTensor());
        return tensors;
      }
      if (element->kind() == TypeKind::FloatType) {
        std::vector<double> numbers;
        for (uint32_t k = 0; k < length; ++k) numbers.push_back(to_double(env, entry(env, value, k)));
        return numbers;
      }
      if (element->kind() == TypeKind::BoolType) {
        c10::List<bool> flags;
        for (uint32_t k = 0; k < length; ++k) flags.push_back(FromJs<bool>::get(i, entry(env, value, k)));
        return flags;
      }
      c10::impl::GenericList list(element);
      for (uint32_t k = 0; k < length; ++k) list.push_back(to_ivalue(i, entry(env, value, k), element, name));
      return IValue(std::move(list));
    }
    default:
      throw BindingError("HYFW_NATIVE_ARGUMENT", "values of type " + type->str() + " cannot be given from JavaScript");
  }
}

/** Tensors as `{ id }`, so that numbers stay numbers. */
static napi_value from_ivalue(Instance& i, const IValue& value) {
  napi_value result;
  if (value.isNone()) {
    napi_get_undefined(i.env, &result);
  } else if (value.isTensor()) {
    if (!value.toTensor().defined()) {
      napi_get_undefined(i.env, &result);
    } else {
      napi_create_object(i.env, &result);
      napi_set_named_property(i.env, result, "id", to_js(i, value.toTensor()));
    }
  } else if (value.isDouble()) {
    result = to_js(i, value.toDouble());
  } else if (value.isInt()) {
    result = to_js(i, value.toInt());
  } else if (value.isBool()) {
    result = to_js(i, value.toBool());
  } else if (value.isString()) {
    result = to_js(i, value.toStringRef());
  } else if (value.isScalar()) {
    result = to_js(i, value.toScalar().toDouble());
  } else if (value.isList() || value.isTuple()) {
    std::vector<IValue> entries;
    if (value.isTuple()) {
      const auto& elements = value.toTupleRef().elements();
      entries.assign(elements.begin(), elements.end());
    } else {
      entries = value.toListRef().vec();
    }
    napi_create_array_with_length(i.env, entries.size(), &result);
    for (size_t k = 0; k < entries.size(); ++k)
      napi_set_element(i.env, result, static_cast<uint32_t>(k), from_ivalue(i, entries[k]));
  } else {
    throw BindingError("HYFW_NATIVE_RESULT", "a result of type " + value.tagKind() + " cannot be given to JavaScript");
  }
  return result;
}

using Handles = std::vector<c10::OperatorHandle>;

/** Overloads of a name, the one without overload name first. Registered libraries change the list. */
static const Handles& overloads(const std::string& name, bool refresh = false) {
  static thread_local std::unordered_map<std::string, Handles> known;
  static thread_local size_t count = 0;
  auto& dispatcher = c10::Dispatcher::singleton();
  if (refresh || known.empty()) {
    const auto names = dispatcher.getAllOpNames();
    if (names.size() != count) {
      count = names.size();
      known.clear();
      for (const auto& op : names) {
        const auto handle = dispatcher.findSchema(op);
        if (!handle.has_value()) continue;
        Handles& all = known[op.name];
        all.insert(op.overload_name.empty() ? all.begin() : all.end(), *handle);
        if (!op.overload_name.empty()) known[op.name + "." + op.overload_name] = {*handle};
      }
    }
  }
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  if (!refresh) return overloads(name, true);
  throw BindingError("HYFW_NATIVE_NO_OP", "libtorch has no op of this name");
}

struct Call {
  c10::OperatorHandle op;
  c10::Stack stack;
};

static bool is_keywords(Instance& i, napi_value value) {
  bool array;
  return is_type(i.env, value, napi_object) && napi_is_array(i.env, value, &array) == napi_ok && !array &&
         tensor_of(i, value) == nullptr;
}

static std::string schema_text(const c10::FunctionSchema& schema) {
  std::ostringstream text;
  text << schema;
  return text.str();
}

/** The stack for one overload; throws when the arguments do not fit its schema. */
static c10::Stack stack_for(Instance& i, const c10::FunctionSchema& schema, napi_value list) {
  napi_env env = i.env;
  uint32_t given = list_length(env, list);
  napi_value keywords = nullptr;
  if (given > 0 && is_keywords(i, entry(env, list, given - 1))) keywords = entry(env, list, --given);
  const auto& arguments = schema.arguments();
  if (given > arguments.size())
    throw BindingError("HYFW_NATIVE_ARGUMENT", "takes " + std::to_string(arguments.size()) + " arguments, found " +
                                                   std::to_string(given));
  c10::Stack stack;
  stack.reserve(arguments.size());
  uint32_t named = 0;
  for (uint32_t k = 0; k < arguments.size(); ++k) {
    const auto& argument = arguments[k];
    napi_value value = k < given ? entry(env, list, k) : nullptr;
    if (keywords != nullptr) {
      bool has = false;
      napi_has_named_property(env, keywords, argument.name().c_str(), &has);
      if (has) {
        ++named;
        napi_get_named_property(env, keywords, argument.name().c_str(), &value);
      }
    }
    if ((value == nullptr || is_type(env, value, napi_undefined)) && argument.default_value().has_value()) {
      stack.push_back(*argument.default_value());
      continue;
    }
    if (value == nullptr) throw BindingError("HYFW_NATIVE_ARGUMENT", "argument " + argument.name() + " is missing");
    try {
      stack.push_back(to_ivalue(i, value, argument.type(), argument.name()));
    } catch (const BindingError& error) {
      throw BindingError(error.code, "argument " + argument.name() + ": " + error.what());
    }
  }
  if (keywords != nullptr) {
    napi_value names;
    napi_get_property_names(env, keywords, &names);
    if (list_length(env, names) != named)
      throw BindingError("HYFW_NATIVE_ARGUMENT", "an argument is named that " + schema_text(schema) + " does not have");
  }
  return stack;
}

static Call resolve(Instance& i, const std::string& name, napi_value list) {
  const Handles& handles = overloads(name);
  std::string problems;
  for (const auto& handle : handles) {
    try {
      return {handle, stack_for(i, handle.schema(), list)};
    } catch (const BindingError& error) {
      if (handles.size() == 1 || std::string(error.code) == "HYFW_NATIVE_DISPOSED")
        throw BindingError(error.code, std::string(error.what()) + "\n  schema     " + schema_text(handle.schema()));
      problems += "\n  " + schema_text(handle.schema()) + "\n    " + error.what();
    }
  }
  throw BindingError("HYFW_NATIVE_ARGUMENT", "the arguments fit no overload:" + problems);
}

static std::string describe_stack(const c10::Stack& stack) {
  std::string text;
  for (const IValue& value : stack) {
    if (!text.empty()) text += ", ";
    if (value.isTensor()) {
      text += describe_tensor(value.toTensor());
    } else if (value.isTensorList()) {
      text += std::to_string(value.toTensorVector().size()) + " tensors";
    } else {
      std::ostringstream shown;
      shown << value;
      text += shown.str();
    }
  }
  return text;
}

static napi_value results(Instance& i, const c10::Stack& stack) {
  if (stack.size() == 1) return from_ivalue(i, stack[0]);
  napi_value list;
  if (stack.empty()) {
    napi_get_undefined(i.env, &list);
    return list;
  }
  napi_create_array_with_length(i.env, stack.size(), &list);
  for (size_t k = 0; k < stack.size(); ++k)
    napi_set_element(i.env, list, static_cast<uint32_t>(k), from_ivalue(i, stack[k]));
  return list;
}

/** Adds the op's name and arguments to what it throws. */
static void run_named(const std::string& name, Call& call) {
  const std::string arguments = describe_stack(call.stack);
  try {
    call.op.callBoxed(call.stack);
  } catch (...) {
    const Fault fault = fault_of(std::current_exception());
    throw BindingError("HYFW_NATIVE_OP", name + ": " + fault.text + "\n  arguments  " + arguments);
  }
}

static void named(const std::string& name, const std::function<void()>& work) {
  try {
    work();
  } catch (const BindingError& error) {
    throw BindingError(error.code, name + ": " + error.what());
  }
}

void define_dispatcher(Instance& instance, napi_value exports) {
  define(instance, exports, "callOp", [](Instance& i, const std::string& name, napi_value list) -> napi_value {
    c10::optional<Call> call;
    named(name, [&] { call = resolve(i, name, list); });
    run_named(name, *call);
    return results(i, call->stack);
  });
  define(instance, exports, "callOpAsync", [](Instance& i, const std::string& name, napi_value list) -> napi_value {
    auto call = std::make_shared<c10::optional<Call>>();
    named(name, [&] { *call = resolve(i, name, list); });
    if (i.worker == nullptr) i.worker = std::make_unique<Worker>(i);
    return i.worker->submit(
        "", [name, call] { run_named(name, **call); }, [&i, call] { return results(i, (*call)->stack); });
  });
  define(instance, exports, "schemas", [](Instance& i, const std::string& prefix) -> napi_value {
    std::vector<std::string> found;
    auto& dispatcher = c10::Dispatcher::singleton();
    for (const auto& op : dispatcher.getAllOpNames()) {
      const auto handle = dispatcher.findSchema(op);
      if (op.name.rfind(prefix, 0) == 0 && handle.has_value()) found.push_back(schema_text(handle->schema()));
    }
    napi_value list;
    napi_create_array_with_length(i.env, found.size(), &list);
    for (size_t k = 0; k < found.size(); ++k)
      napi_set_element(i.env, list, static_cast<uint32_t>(k), from_text(i.env, found[k]));
    return list;
  });
  define(instance, exports, "loadLibrary", [](const std::string& path) {
    // Never closed: its ops stay registered.
    if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
      const char* problem = dlerror();
      throw BindingError("HYFW_NATIVE_LIBRARY", problem == nullptr ? path + " cannot be loaded" : problem);
    }
  });
}

}  // namespace hyfw
