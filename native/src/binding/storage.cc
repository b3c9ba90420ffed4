// Memory behind tensors that comes and goes: a gathered weight keeps its graph while its numbers are
// elsewhere.
#include <ATen/ATen.h>

#include "binding/define.h"

namespace hyfw {

using at::Tensor;

/** Gives the storage `bytes` bytes of fresh memory; the tensors over it stay and see it. */
static void resize(const Tensor& tensor, size_t bytes) {
  c10::StorageImpl* storage = tensor.storage().unsafeGetStorageImpl();
  if (storage->allocator() == nullptr)
    throw BindingError(
        "HYFW_NATIVE_ARGUMENT",
        describe_tensor(tensor) + " lies in memory that is lent or mapped, which cannot be freed");
  if (storage->nbytes() == bytes) return;
  storage->set_data_ptr_noswap(bytes == 0 ? c10::DataPtr(nullptr, tensor.device())
                                          : storage->allocator()->allocate(bytes));
  storage->set_nbytes(bytes);
}

void define_storage(Instance& instance, napi_value exports) {
  define(instance, exports, "storageBytes",
         [](const Tensor& t) { return static_cast<int64_t>(t.storage().nbytes()); });
  define(instance, exports, "freeStorage", [](const Tensor& t) { resize(t, 0); });
  define(instance, exports, "fillStorage", [](const Tensor& t, int64_t bytes) {
    if (bytes < 0) throw BindingError("HYFW_NATIVE_ARGUMENT", "expected 0 bytes or more");
    resize(t, static_cast<size_t>(bytes));
  });
  // As PyTorch's `.data`: writing to it does not count as a change of what backward has saved.
  define(instance, exports, "untracked", [](const Tensor& t) { return t.variable_data(); });
}

}  // namespace hyfw
