// The one native thread of an environment: long jobs run there in order, their promises settle on the
// JavaScript thread.
#pragma once
#include <node_api.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace hyfw {

struct Instance;

class Worker {
 public:
  explicit Worker(Instance& instance);
  ~Worker();

  /**
   * Runs `work` on the native thread under the caller's grad mode, then `finish` on the JavaScript thread to
   * make the promise's value. What either throws rejects the promise.
   */
  napi_value submit(std::string op, std::function<void()> work, std::function<napi_value()> finish);
  void set_threads(int count);
  /** Ends a worker without waiting for a job that may never end; what it would need stays in memory. */
  static void abandon(std::unique_ptr<Worker> worker);

 private:
  struct Job {
    std::string op;
    std::function<void()> work;
    std::function<napi_value()> finish;
    napi_deferred deferred;
    bool grad_mode;
    std::exception_ptr fault;
  };
  void run();
  void settle();
  static void on_done(napi_env env, napi_value, void* context, void*);

  Instance& instance_;
  napi_threadsafe_function notify_ = nullptr;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  std::deque<Job> done_;
  int pending_ = 0;
  int threads_ = 0;
  bool busy_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace hyfw
