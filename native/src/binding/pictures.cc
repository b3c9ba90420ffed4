// Decoding and resampling for JavaScript: each picture is a job on libuv's threads, whose promise settles on
// the JavaScript thread. The typed arrays are held until then.
#include "binding/pictures.h"

#include "binding/define.h"
#include "ops/jpeg_decoder.h"
#include "ops/resample.h"

namespace hyfw {

namespace {

struct Job {
  const JpegLibrary* library;  // null: `bytes` are decoded pixels
  PictureWindow window;
  const uint8_t* bytes;
  size_t size;
  uint8_t* out;
  napi_ref held[2];
  napi_deferred deferred;
  napi_async_work work;
  bool is_done = false;
};

void execute(napi_env, void* data) {
  static thread_local ResampleScratch scratch;
  auto& job = *static_cast<Job*>(data);
  try {
    const uint8_t* rgb = job.bytes;
    if (job.library != nullptr) {
      const PictureWindow& w = job.window;
      if (!job.library->decode(job.bytes, job.size, w.in_height, w.in_width, scratch.decoded)) return;
      rgb = scratch.decoded.data();
    }
    resample(rgb, job.window, job.out, scratch);
    job.is_done = true;
  } catch (const std::bad_alloc&) {
    job.is_done = false;
  }
}

void complete(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  napi_value value;
  napi_get_boolean(env, job->is_done, &value);
  napi_resolve_deferred(env, job->deferred, value);
  for (napi_ref held : job->held) napi_delete_reference(env, held);
  napi_delete_async_work(env, job->work);
}

/** Bytes of a Uint8Array, which stays where it is while it is referenced. */
uint8_t* bytes_of(napi_env env, napi_value value, size_t* size) {
  napi_typedarray_type type;
  void* data;
  if (napi_get_typedarray_info(env, value, &type, size, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array)
    refuse(env, value, "a Uint8Array");
  return static_cast<uint8_t*>(data);
}

}  // namespace

void define_pictures(Instance& instance, napi_value exports) {
  static std::vector<std::unique_ptr<JpegLibrary>> libraries;
  static std::mutex mutex;
  define(instance, exports, "openJpegLibrary", [](const std::string& path) {
    std::lock_guard<std::mutex> lock(mutex);
    libraries.push_back(std::make_unique<JpegLibrary>(path));
    return static_cast<int64_t>(libraries.size() - 1);
  });
  define(instance, exports, "pictureWindow",
         [](Instance& i, int64_t library, napi_value bytes, const std::vector<int64_t>& sizes,
            napi_value out) -> napi_value {
           auto job = std::make_unique<Job>();
           if (sizes.size() != 8) throw BindingError("HYFW_NATIVE_ARGUMENT", "expected eight sizes");
           job->window = {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7]};
           const PictureWindow& w = job->window;
           if (!is_sound(w))
             throw BindingError("HYFW_NATIVE_ARGUMENT", "the window lies outside of the picture");
           size_t room;
           job->bytes = bytes_of(i.env, bytes, &job->size);
           job->out = bytes_of(i.env, out, &room);
           if (room != static_cast<size_t>(w.height * w.width * 3))
             throw BindingError("HYFW_NATIVE_ARGUMENT", "the place for the window has another size");
           if (library < 0 && job->size < static_cast<size_t>(w.in_height * w.in_width * 3))
             throw BindingError("HYFW_NATIVE_ARGUMENT", "the pixels are fewer than the size says");
           {
             std::lock_guard<std::mutex> lock(mutex);
             if (library >= static_cast<int64_t>(libraries.size()))
               throw BindingError("HYFW_NATIVE_ARGUMENT", "there is no such library");
             job->library = library < 0 ? nullptr : libraries[library].get();
           }
           napi_value promise;
           napi_create_promise(i.env, &job->deferred, &promise);
           napi_create_reference(i.env, bytes, 1, &job->held[0]);
           napi_create_reference(i.env, out, 1, &job->held[1]);
           napi_create_async_work(i.env, nullptr, from_text(i.env, "hyfw picture"), execute, complete,
                                  job.get(), &job->work);
           napi_queue_async_work(i.env, job->work);
           job.release();
           return promise;
         });
}

}  // namespace hyfw
