// The tensors that JavaScript holds: slots with a generation, so that an address used after dispose is refused.
// An address is generation * 2^24 + slot, exact in a double; 0 is no tensor.
// Scopes are lists of addresses that are freed together. One table per JavaScript environment, used by its thread only.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace hyfw {

/** An error of the binding itself, with the code that JavaScript sees. */
struct BindingError : std::runtime_error {
  BindingError(const char* code_, const std::string& text) : std::runtime_error(text), code(code_) {}
  const char* code;
};

class TensorTable {
 public:
  using Id = double;
  using ScopeId = uint32_t;  // 0: no scope

  Id add(at::Tensor tensor);
  const at::Tensor& get(Id id) const;
  /** The tensor, or nullptr when the address is stale; never throws. */
  const at::Tensor* find(Id id) const;
  void dispose(Id id);
  int64_t live() const { return live_; }

  ScopeId open_scope();
  /** Makes `scope` the current one and gives the one before. */
  ScopeId enter_scope(ScopeId scope);
  void close_scope(ScopeId scope);
  void move(Id id, ScopeId scope);
  ScopeId scope_of(Id id) const;
  int64_t size_of(ScopeId scope) const;

 private:
  static constexpr uint32_t kSlotBits = 24;
  static constexpr uint32_t kNone = 0xffffffff;
  struct Slot {
    at::Tensor tensor;
    uint32_t generation = 1;
    uint32_t next_free = kNone;
    ScopeId scope = 0;
    bool used = false;
  };
  struct Scope {
    std::vector<Id> ids;
    bool open = false;
  };

  Slot* slot_of(Id id);
  const Slot* slot_of(Id id) const;
  void free_slot(uint32_t index);

  std::vector<Slot> slots_ = std::vector<Slot>(1);  // slot 0 is never given out
  uint32_t first_free_ = kNone;
  int64_t live_ = 0;
  std::vector<Scope> scopes_ = std::vector<Scope>(1);
  std::vector<ScopeId> free_scopes_;
  ScopeId current_ = 0;
};

}  // namespace hyfw
