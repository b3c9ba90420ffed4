// Lifetime, facts and memory of tensors: scopes, shapes, numbers in and out, mapped files.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "binding/define.h"

namespace hyfw {

using at::Tensor;

static size_t bytes_of(const std::vector<int64_t>& shape, at::ScalarType dtype) {
  size_t bytes = c10::elementSize(dtype);
  for (const int64_t size : shape) {
    if (size < 0)
      throw BindingError("HYFW_NATIVE_SHAPE", "sizes cannot be negative, found " + std::to_string(size));
    if (size != 0 && bytes > std::numeric_limits<size_t>::max() / static_cast<size_t>(size))
      throw BindingError("HYFW_NATIVE_SHAPE", "the shape has more bytes than there are addresses");
    bytes *= static_cast<size_t>(size);
  }
  return bytes;
}

static napi_value new_buffer(napi_env env, size_t bytes, void** data) {
  napi_value buffer;
  if (napi_create_arraybuffer(env, bytes, data, &buffer) != napi_ok)
    throw BindingError("HYFW_NATIVE_MEMORY", "no ArrayBuffer of " + std::to_string(bytes) + " bytes");
  return buffer;
}

static Tensor from_buffer(Instance& instance, napi_value buffer, int64_t offset,
                          const std::vector<int64_t>& shape, at::ScalarType dtype) {
  void* data;
  size_t length;
  if (napi_get_arraybuffer_info(instance.env, buffer, &data, &length) != napi_ok)
    throw BindingError("HYFW_NATIVE_ARGUMENT", "expected the ArrayBuffer of a typed array; shared ones cannot be lent");
  const size_t bytes = bytes_of(shape, dtype);
  if (offset < 0 || static_cast<size_t>(offset) > length || bytes > length - static_cast<size_t>(offset))
    throw BindingError("HYFW_NATIVE_SHAPE", "the shape needs " + std::to_string(bytes) + " bytes at offset " +
                                                std::to_string(offset) + " of a buffer of " + std::to_string(length));
  drain_released(instance);
  const auto options = at::TensorOptions().dtype(dtype);
  if (bytes == 0) return at::empty(shape, options);
  napi_ref ref;
  napi_create_reference(instance.env, buffer, 1, &ref);
  ++instance.lent;
  auto released = instance.released;
  // The deleter can run on any thread, so it only leaves a note.
  const auto give_back = [released, ref](void*) {
    std::lock_guard<std::mutex> lock(released->mutex);
    released->refs.push_back(ref);
  };
  return at::from_blob(static_cast<char*>(data) + offset, shape, give_back, options);
}

static napi_value copy_out(Instance& instance, const Tensor& tensor) {
  c10::NoGradGuard no_grad;
  const Tensor host = tensor.detach().to(at::kCPU).contiguous();
  void* data;
  napi_value buffer = new_buffer(instance.env, host.nbytes(), &data);
  if (host.nbytes() > 0) std::memcpy(data, host.data_ptr(), host.nbytes());
  return buffer;
}

static napi_value view_out(Instance& instance, const Tensor& tensor) {
  if (!tensor.device().is_cpu() || !tensor.is_contiguous())
    throw BindingError("HYFW_NATIVE_OP", "only a contiguous tensor on the CPU can be viewed");
  void* data;
  if (tensor.nbytes() == 0) return new_buffer(instance.env, 0, &data);
  auto* held = new Tensor(tensor);
  napi_value buffer;
  const auto status = napi_create_external_arraybuffer(
      instance.env, tensor.data_ptr(), tensor.nbytes(),
      [](napi_env, void*, void* hint) { delete static_cast<Tensor*>(hint); }, held, &buffer);
  if (status != napi_ok) {
    delete held;
    throw BindingError("HYFW_NATIVE_MEMORY", "no view of " + std::to_string(tensor.nbytes()) + " bytes");
  }
  return buffer;
}

static Tensor map_file(const std::string& path, int64_t offset, const std::vector<int64_t>& shape,
                       at::ScalarType dtype) {
  const size_t bytes = bytes_of(shape, dtype);
  const auto options = at::TensorOptions().dtype(dtype);
  const auto fail = [&](const std::string& what) { throw BindingError("HYFW_NATIVE_FILE", path + ": " + what); };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(std::strerror(errno));
  struct stat facts;
  if (fstat(file, &facts) != 0 || offset < 0 || facts.st_size < offset ||
      static_cast<size_t>(facts.st_size - offset) < bytes) {
    close(file);
    fail("it ends before byte " + std::to_string(offset + static_cast<int64_t>(bytes)));
  }
  if (bytes == 0) {
    close(file);
    return at::empty(shape, options);
  }
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t start = offset / page * page;
  const size_t length = bytes + static_cast<size_t>(offset - start);
  // Private and writable: in-place changes stay in this process.
  void* mapped = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, start);
  const int problem = errno;
  close(file);
  if (mapped == MAP_FAILED) fail(std::string("cannot be mapped: ") + std::strerror(problem));
  return at::from_blob(static_cast<char*>(mapped) + (offset - start), shape,
                       [mapped, length](void*) { munmap(mapped, length); }, options);
}

void define_memory(Instance& instance, napi_value exports) {
  define(instance, exports, "live", [](Instance& i) { return i.table.live(); });
  define(instance, exports, "dispose", [](Instance& i, double id) { i.table.dispose(id); });
  define(instance, exports, "isLive", [](Instance& i, double id) { return i.table.find(id) != nullptr; });
  define(instance, exports, "openScope", [](Instance& i) { return static_cast<int64_t>(i.table.open_scope()); });
  define(instance, exports, "enterScope", [](Instance& i, int64_t scope) {
    return static_cast<int64_t>(i.table.enter_scope(static_cast<uint32_t>(scope)));
  });
  define(instance, exports, "closeScope",
         [](Instance& i, int64_t scope) { i.table.close_scope(static_cast<uint32_t>(scope)); });
  define(instance, exports, "moveToScope",
         [](Instance& i, double id, int64_t scope) { i.table.move(id, static_cast<uint32_t>(scope)); });
  define(instance, exports, "scopeOf",
         [](Instance& i, double id) { return static_cast<int64_t>(i.table.scope_of(id)); });
  define(instance, exports, "sizeOfScope",
         [](Instance& i, int64_t scope) { return i.table.size_of(static_cast<uint32_t>(scope)); });
  define(instance, exports, "drainReleased", [](Instance& i) {
    drain_released(i);
    return i.lent;
  });

  define(instance, exports, "shape", [](const Tensor& t) { return t.sizes().vec(); });
  define(instance, exports, "strides", [](const Tensor& t) { return t.strides().vec(); });
  define(instance, exports, "dtype", [](const Tensor& t) { return static_cast<int64_t>(t.scalar_type()); });
  define(instance, exports, "device", [](const Tensor& t) { return t.device().str(); });
  define(instance, exports, "numel", [](const Tensor& t) { return t.numel(); });
  define(instance, exports, "item", [](const Tensor& t) -> double {
    if (t.numel() != 1)
      throw BindingError("HYFW_NATIVE_SHAPE", "only a tensor of one element has an item");
    return t.item().toDouble();
  });
  define(instance, exports, "alias", [](const Tensor& t) { return t; });
  define(instance, exports, "sharesStorage",
         [](const Tensor& a, const Tensor& b) { return a.storage().is_alias_of(b.storage()); });

  define(instance, exports, "fromBuffer",
         [](Instance& i, napi_value buffer, int64_t offset, const std::vector<int64_t>& shape,
            at::ScalarType dtype) { return from_buffer(i, buffer, offset, shape, dtype); });
  define(instance, exports, "copyOut", [](Instance& i, const Tensor& t) { return copy_out(i, t); });
  define(instance, exports, "viewOut", [](Instance& i, const Tensor& t) { return view_out(i, t); });
  define(instance, exports, "mapFile",
         [](const std::string& path, int64_t offset, const std::vector<int64_t>& shape, at::ScalarType dtype) {
           return map_file(path, offset, shape, dtype);
         });
}

}  // namespace hyfw
