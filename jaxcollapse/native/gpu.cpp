// What XLA calls on NVIDIA GPUs: launches of the kernels of gpu.cu, by the driver that is there.
#include <dlfcn.h>

#include <algorithm>
#include <string>

#include "calls.h"
#include "launch.h"
#include "space.h"

namespace {

// Of the driver's interface as much as is needed. All functions give 0, or what went wrong.
struct Driver {
    int (*load)(void** library, const void* image, void*, void*, unsigned, void*, void*, unsigned);
    int (*kernel)(void** kernel, void* library, const char* name);
    int (*function)(void** function, void* kernel);
    int (*set)(void* function, int attribute, int value);
    int (*fitting)(int* blocks, void* function, int threads, size_t near_bytes);
    int (*device)(int* device);
    int (*ask)(int* value, int attribute, int device);
    int (*launch)(void* function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned near_bytes,
                  void* stream, void** arguments, void** extra);
    int (*describe)(int error, const char** text);
    bool is_here = false;

    Driver() {
        void* const library = dlopen("libcuda.so.1", RTLD_NOW);
        if (!library) return;
        is_here = true;
        const auto find = [&](auto& function, const char* name) {
            function = (std::decay_t<decltype(function)>)dlsym(library, name);
            is_here = is_here && function;
        };
        find(load, "cuLibraryLoadData");
        find(kernel, "cuLibraryGetKernel");
        find(function, "cuKernelGetFunction");
        find(set, "cuFuncSetAttribute");
        find(fitting, "cuOccupancyMaxActiveBlocksPerMultiprocessor");
        find(device, "cuCtxGetDevice");
        find(ask, "cuDeviceGetAttribute");
        find(launch, "cuLaunchKernel");
        find(describe, "cuGetErrorString");
    }
};

enum { kNearBytesOfFunction = 8, kMultiprocessors = 16, kNearBytesOfMultiprocessor = 81 };  // attributes

const Driver& driver() {
    static const Driver found;
    return found;
}

struct Failure {
    std::string message;
    ffi::ErrorCode code = ffi::ErrorCode::kInternal;
};

void check(int error, const char* what) {
    const char* text = "unknown error";
    if (!error) return;
    driver().describe(error, &text);
    throw Failure{std::string(what) + ": " + text};
}

int attribute_of_device(int attribute) {
    int device, value;
    check(driver().device(&device), "no device");
    check(driver().ask(&value, attribute, device), "an attribute of the device");
    return value;
}

// The programs that were handed over.
struct {
    void *count = nullptr, *train = nullptr, *measure = nullptr;
} programs;

constexpr int kBlocksWanted = 4;                  // on a multiprocessor, to hide how long memory takes
constexpr int64_t kMostBytes = int64_t(4) << 30;  // of the device's memory

// Launches a kernel on as many sheets at once as there is room for. `near` bytes of a sheet are used all the time.
template <typename Job>
void launch(void* stream, ffi::ScratchAllocator& scratch, void* program, const char* name, const Job& job,
            int64_t near_bytes, int64_t all_bytes) {
    void *kernel, *function;
    check(driver().kernel(&kernel, program, name), name);
    check(driver().function(&function, kernel), name);
    const int64_t room = attribute_of_device(kNearBytesOfMultiprocessor) / kBlocksWanted - 1024;
    if (near_bytes * kSheetsOfBlock > room) near_bytes = 0;
    const int64_t near_of_block = near_bytes * kSheetsOfBlock;
    check(driver().set(function, kNearBytesOfFunction, int(near_of_block)), name);
    int blocks;
    const int threads = kSheetsOfBlock * kWidth;
    check(driver().fitting(&blocks, function, threads, size_t(near_of_block)), name);
    const int64_t lanes_of_sheet = job.apart ? kWidth : 1, sheets = (job.lanes + lanes_of_sheet - 1) / lanes_of_sheet;
    Space space{near_bytes, all_bytes, nullptr};
    const int64_t most = std::max<int64_t>(1, kMostBytes / (space.far_bytes * kSheetsOfBlock));
    const int64_t used = std::min({(sheets + kSheetsOfBlock - 1) / kSheetsOfBlock,
                                   int64_t(std::max(blocks, 1)) * attribute_of_device(kMultiprocessors), most});
    const auto far = scratch.Allocate(size_t(used * kSheetsOfBlock * space.far_bytes));
    if (!far) throw Failure{std::string("no memory for ") + name, ffi::ErrorCode::kResourceExhausted};
    space.far = (char*)*far;
    void* arguments[] = {(void*)&job, &space};
    check(driver().launch(function, unsigned(used), 1, 1, unsigned(threads), 1, 1, unsigned(near_of_block), stream,
                          arguments, nullptr),
          name);
}

template <typename Launch>
ffi::Error done(Launch launch) {
    try {
        launch();
        return ffi::Error::Success();
    } catch (const Failure& failure) {
        return ffi::Error(failure.code, failure.message);
    }
}

template <typename Job>
int64_t rows_of(const Job& job) {
    return job.apart ? job.tokens : (job.tokens + kWidth - 1) / kWidth;
}

using Stream = ffi::PlatformStream<void*>;

constexpr auto count = [](void* stream, ffi::ScratchAllocator scratch, auto... operands) {
    return done([&] {
        const CountJob job = count_job(operands...);
        const int64_t bytes = sampler_bytes(rows_of(job), job.fewest_split);
        launch(stream, scratch, programs.count, job.apart ? "count_apart" : "count_together", job, bytes, bytes);
    });
};

constexpr auto train = [](void* stream, ffi::ScratchAllocator scratch, auto... operands) {
    return done([&] {
        const TrainJob job = train_job(operands...);
        const int64_t bytes = trainer_bytes(rows_of(job), job.fewest_split);
        const int64_t more = job.origins.wanted ? measuring_bytes(rows_of(job)) : 0;
        launch(stream, scratch, programs.train, job.apart ? "train_apart" : "train_together", job, bytes, bytes + more);
    });
};

constexpr auto measure = [](void* stream, ffi::ScratchAllocator scratch, auto... operands) {
    return done([&] {
        const MeasureJob job = measure_job(operands...);
        const int64_t bytes = measuring_bytes(rows_of(job)) + kRowBytes * 2 * rows_of(job);
        launch(stream, scratch, programs.measure, job.apart ? "measure_apart" : "measure_together", job, 0, bytes);
    });
};

auto on_a_stream() { return ffi::Ffi::Bind().Ctx<Stream>().Ctx<ffi::ScratchAllocator>(); }

}  // namespace

// Takes the programs for the devices that are there; gives what went wrong, or null. They stay until the process ends.
extern "C" const char* jaxcollapse_gpu_load(const void* count, const void* train, const void* measure) {
    static std::string told;
    if (!driver().is_here) return "there is no driver, or an old one";
    try {
        const auto load = [](void** program, const void* image) {
            check(driver().load(program, image, nullptr, nullptr, 0, nullptr, nullptr, 0), "a program");
        };
        load(&programs.count, count);
        load(&programs.train, train);
        load(&programs.measure, measure);
    } catch (const Failure& failure) {
        told = failure.message;
        return told.c_str();
    }
    return nullptr;
}

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_gpu_count, count, count_arguments(on_a_stream()));

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_gpu_train, train, train_arguments(on_a_stream()));

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_gpu_measure, measure, measure_arguments(on_a_stream()));
