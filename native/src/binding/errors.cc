// C++ exceptions as JavaScript errors; see errors.h.
#include "binding/errors.h"

#include <c10/util/Exception.h>

#include <new>
#include <sstream>

namespace hyfw {

const char* dtype_text(at::ScalarType type) {
  switch (type) {
    case at::kByte: return "uint8";
    case at::kChar: return "int8";
    case at::kShort: return "int16";
    case at::kInt: return "int32";
    case at::kLong: return "int64";
    case at::kHalf: return "float16";
    case at::kFloat: return "float32";
    case at::kDouble: return "float64";
    case at::kBool: return "bool";
    case at::kBFloat16: return "bfloat16";
    default: return c10::toString(type);
  }
}

std::string describe_tensor(const at::Tensor& tensor) {
  if (!tensor.defined()) return "no tensor";
  std::ostringstream text;
  text << '[';
  for (int64_t d = 0; d < tensor.dim(); ++d) text << (d > 0 ? ", " : "") << tensor.size(d);
  text << "] " << dtype_text(tensor.scalar_type()) << ' ' << tensor.device().str();
  return text.str();
}

Fault fault_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const BindingError& error) {
    return {error.code, error.what()};
  } catch (const c10::Error& error) {
    std::string text = error.what_without_backtrace();
    const auto trace = text.find("\nException raised from");
    if (trace != std::string::npos) text.resize(trace);
    return {"HYFW_NATIVE_OP", text};
  } catch (const std::bad_alloc&) {
    return {"HYFW_NATIVE_MEMORY", "out of memory"};
  } catch (const std::exception& error) {
    std::string text = error.what();
    const auto trace = text.find("\nException raised from");
    if (trace != std::string::npos) text.resize(trace);
    return {"HYFW_NATIVE_OP", text};
  } catch (...) {
    return {"HYFW_NATIVE_OP", "an exception of unknown kind"};
  }
}

napi_value make_error(napi_env env, const Fault& fault, const std::string& op, const std::string& arguments) {
  std::string text = op.empty() ? fault.text : op + ": " + fault.text;
  if (!arguments.empty()) text += "\n  arguments  " + arguments;
  napi_value message, code, error, name;
  napi_create_string_utf8(env, text.c_str(), text.size(), &message);
  napi_create_string_utf8(env, fault.code.c_str(), fault.code.size(), &code);
  napi_create_error(env, code, message, &error);
  napi_create_string_utf8(env, op.c_str(), op.size(), &name);
  napi_set_named_property(env, error, "op", name);
  return error;
}

}  // namespace hyfw
