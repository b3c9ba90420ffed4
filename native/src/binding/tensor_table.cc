// The tensors that JavaScript holds; see tensor_table.h.
#include "binding/tensor_table.h"

#include <cmath>

namespace hyfw {

TensorTable::Slot* TensorTable::slot_of(Id id) {
  return const_cast<Slot*>(static_cast<const TensorTable*>(this)->slot_of(id));
}

const TensorTable::Slot* TensorTable::slot_of(Id id) const {
  if (!(id >= 1) || id >= 9007199254740992.0 || id != std::floor(id)) return nullptr;
  const auto bits = static_cast<uint64_t>(id);
  const auto index = static_cast<uint32_t>(bits & ((1u << kSlotBits) - 1));
  if (index >= slots_.size()) return nullptr;
  const Slot& slot = slots_[index];
  return slot.used && slot.generation == static_cast<uint32_t>(bits >> kSlotBits) ? &slot : nullptr;
}

TensorTable::Id TensorTable::add(at::Tensor tensor) {
  uint32_t index = first_free_;
  if (index == kNone) {
    if (slots_.size() >= (1u << kSlotBits))
      throw BindingError("HYFW_NATIVE_TOO_MANY", "16,777,215 tensors are alive; something does not dispose of them");
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    first_free_ = slots_[index].next_free;
  }
  Slot& slot = slots_[index];
  slot.tensor = std::move(tensor);
  slot.used = true;
  slot.scope = current_;
  ++live_;
  const Id id = static_cast<Id>((static_cast<uint64_t>(slot.generation) << kSlotBits) | index);
  if (current_ != 0) scopes_[current_].ids.push_back(id);
  return id;
}

const at::Tensor& TensorTable::get(Id id) const {
  const Slot* slot = slot_of(id);
  if (slot == nullptr)
    throw BindingError("HYFW_NATIVE_DISPOSED",
                       id >= 1 ? "the tensor was disposed of, by dispose() or with its scope" : "not a tensor");
  return slot->tensor;
}

const at::Tensor* TensorTable::find(Id id) const {
  const Slot* slot = slot_of(id);
  return slot == nullptr ? nullptr : &slot->tensor;
}

void TensorTable::free_slot(uint32_t index) {
  Slot& slot = slots_[index];
  slot.used = false;
  slot.scope = 0;
  --live_;
  slot.generation = slot.generation == (1u << 28) ? 1 : slot.generation + 1;
  slot.next_free = first_free_;
  first_free_ = index;
  // Last, and from a local: freeing may run a deleter that looks at this table.
  at::Tensor last = std::move(slot.tensor);
}

void TensorTable::dispose(Id id) {
  if (slot_of(id) == nullptr) return;
  free_slot(static_cast<uint32_t>(static_cast<uint64_t>(id) & ((1u << kSlotBits) - 1)));
}

TensorTable::ScopeId TensorTable::open_scope() {
  ScopeId scope;
  if (free_scopes_.empty()) {
    scope = static_cast<ScopeId>(scopes_.size());
    scopes_.emplace_back();
  } else {
    scope = free_scopes_.back();
    free_scopes_.pop_back();
  }
  scopes_[scope].open = true;
  return scope;
}

TensorTable::ScopeId TensorTable::enter_scope(ScopeId scope) {
  if (scope != 0 && (scope >= scopes_.size() || !scopes_[scope].open))
    throw BindingError("HYFW_NATIVE_SCOPE", "the scope was closed before");
  const ScopeId before = current_;
  current_ = scope;
  return before;
}

void TensorTable::close_scope(ScopeId scope) {
  if (scope == 0 || scope >= scopes_.size() || !scopes_[scope].open) return;
  // Ids that moved away or were disposed of and came again belong to somebody else by now.
  std::vector<Id> ids;
  ids.swap(scopes_[scope].ids);
  scopes_[scope].open = false;
  for (const Id id : ids) {
    const Slot* slot = slot_of(id);
    if (slot != nullptr && slot->scope == scope) dispose(id);
  }
  ids.clear();
  scopes_[scope].ids.swap(ids);  // keep the memory for the next one
  if (current_ == scope) current_ = 0;
  free_scopes_.push_back(scope);
}

void TensorTable::move(Id id, ScopeId scope) {
  get(id);
  if (scope != 0 && (scope >= scopes_.size() || !scopes_[scope].open))
    throw BindingError("HYFW_NATIVE_SCOPE", "the scope was closed before");
  Slot* slot = slot_of(id);
  if (slot->scope == scope) return;
  slot->scope = scope;
  if (scope != 0) scopes_[scope].ids.push_back(id);
}

TensorTable::ScopeId TensorTable::scope_of(Id id) const {
  const Slot* slot = slot_of(id);
  return slot == nullptr ? 0 : slot->scope;
}

int64_t TensorTable::size_of(ScopeId scope) const {
  if (scope == 0 || scope >= scopes_.size()) return 0;
  int64_t count = 0;
  for (const Id id : scopes_[scope].ids) {
    const Slot* slot = slot_of(id);
    if (slot != nullptr && slot->scope == scope) ++count;
  }
  return count;
}

}  // namespace hyfw
