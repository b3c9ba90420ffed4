// The one native thread of an environment; see worker.h.
#include "binding/worker.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "binding/errors.h"
#include "binding/instance.h"

namespace hyfw {

Worker::Worker(Instance& instance) : instance_(instance), threads_(at::get_num_threads()) {
  napi_env env = instance.env;
  napi_value name;
  napi_create_string_utf8(env, "hyfw native thread", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, on_done,
                                  &notify_);
  napi_unref_threadsafe_function(env, notify_);
  thread_ = std::thread([this] { run(); });
}

Worker::~Worker() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
  napi_release_threadsafe_function(notify_, napi_tsfn_abort);
}

void Worker::abandon(std::unique_ptr<Worker> worker) {
  bool busy;
  {
    std::lock_guard<std::mutex> lock(worker->mutex_);
    worker->stop_ = true;
    busy = worker->busy_;
  }
  if (!busy) return;  // the destructor joins a thread that is about to return
  worker->thread_.detach();
  napi_release_threadsafe_function(worker->notify_, napi_tsfn_abort);
  static_cast<void>(worker.release());
}

napi_value Worker::submit(std::string op, std::function<void()> work, std::function<napi_value()> finish) {
  napi_env env = instance_.env;
  napi_value promise;
  Job job{std::move(op), std::move(work), std::move(finish), nullptr, c10::GradMode::is_enabled(), nullptr};
  napi_create_promise(env, &job.deferred, &promise);
  if (pending_++ == 0) napi_ref_threadsafe_function(env, notify_);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
  return promise;
}

void Worker::set_threads(int count) {
  std::lock_guard<std::mutex> lock(mutex_);
  threads_ = count;
}

void Worker::run() {
  int threads_now = 0;
  for (;;) {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (stop_) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    const int threads = threads_;
    busy_ = true;
    lock.unlock();
    // Thread count and grad mode belong to the operating system's thread, so they are set here.
    if (threads != threads_now) at::set_num_threads(threads_now = threads);
    try {
      c10::AutoGradMode mode(job.grad_mode);
      job.work();
    } catch (...) {
      job.fault = std::current_exception();
    }
    job.work = nullptr;  // frees the job's tensors here rather than on the JavaScript thread
    lock.lock();
    busy_ = false;
    if (stop_) return;  // nobody is there to be told
    done_.push_back(std::move(job));
    lock.unlock();
    napi_call_threadsafe_function(notify_, nullptr, napi_tsfn_nonblocking);
  }
}

void Worker::on_done(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  static_cast<Worker*>(context)->settle();
}

void Worker::settle() {
  napi_env env = instance_.env;
  for (;;) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (done_.empty()) return;
    Job job = std::move(done_.front());
    done_.pop_front();
    lock.unlock();
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_value value = nullptr;
    if (job.fault == nullptr) {
      try {
        value = job.finish();
        if (value == nullptr) napi_get_undefined(env, &value);
      } catch (...) {
        job.fault = std::current_exception();
      }
    }
    if (--pending_ == 0) napi_unref_threadsafe_function(env, notify_);
    if (job.fault == nullptr)
      napi_resolve_deferred(env, job.deferred, value);
    else
      napi_reject_deferred(env, job.deferred, make_error(env, fault_of(job.fault), job.op, ""));
    napi_close_handle_scope(env, scope);
  }
}

}  // namespace hyfw
