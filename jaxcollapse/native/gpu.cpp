// What XLA calls on NVIDIA GPUs: launches of gpu.cu's kernels, by the driver that is there.
#include <dlfcn.h>

#include <algorithm>
#include <string>

#include "calls.h"
#include "launch.h"
#include "space.h"

// What XLA gives a handler besides arrays.
namespace xla::ffi {
template <>
struct CtxBinding<void*> {
    using Ctx = PlatformStream<void*>;
};
template <>
struct CtxBinding<ScratchAllocator> {
    using Ctx = ScratchAllocator;
};
}  // namespace xla::ffi

namespace {

// Of the driver's interface as much as is needed. All functions give 0, or what went wrong.
struct Driver {
    int (*load)(void** library, const void* image, void*, void*, unsigned, void*, void*, unsigned);
    int (*kernel)(void** kernel, void* library, const char* name);
    int (*function)(void** function, void* kernel);
    int (*fitting)(int* blocks, void* function, int threads, size_t shared_bytes);
    int (*device)(int* device);
    int (*ask)(int* value, int attribute, int device);
    int (*launch)(void* function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned shared_bytes,
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
        find(fitting, "cuOccupancyMaxActiveBlocksPerMultiprocessor");
        find(device, "cuCtxGetDevice");
        find(ask, "cuDeviceGetAttribute");
        find(launch, "cuLaunchKernel");
        find(describe, "cuGetErrorString");
    }
};

constexpr int kMultiprocessors = 16;  // an attribute

const Driver& driver() {
    static const Driver found;
    return found;
}

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

void *apart, *together;  // the programs, by layout

constexpr int64_t kMostBytes = int64_t(4) << 30;  // of the device's memory

// Launches the kernel of a job on as many sheets at once as there is room for, each with so many bytes.
void launch(void* stream, ffi::ScratchAllocator& scratch, const TrainJob& job, int64_t bytes) {
    const char* const name = job.apart ? "train_apart" : "train_together";
    void *kernel, *function;
    check(driver().kernel(&kernel, job.apart ? apart : together, name), name);
    check(driver().function(&function, kernel), name);
    int blocks;
    const int threads = kSheetsOfBlock * kWidth;
    check(driver().fitting(&blocks, function, threads, 0), name);
    const int64_t lanes_of_sheet = job.apart ? kWidth : 1, lanes_of_block = lanes_of_sheet * kSheetsOfBlock;
    const int64_t needed = (job.lanes + lanes_of_block - 1) / lanes_of_block;
    const int64_t resident = int64_t(std::max(blocks, 1)) * attribute_of_device(kMultiprocessors);
    const int64_t most = std::max<int64_t>(1, kMostBytes / (bytes * kSheetsOfBlock));
    const int64_t used = std::min({needed, resident, most});
    const auto base = scratch.Allocate(size_t(used * kSheetsOfBlock * bytes));
    if (!base) throw Failure{std::string("no memory for ") + name, ffi::ErrorCode::kResourceExhausted};
    Space space{(char*)*base, bytes};
    void* arguments[] = {(void*)&job, &space};
    check(driver().launch(function, unsigned(used), 1, 1, unsigned(threads), 1, 1, 0, stream, arguments, nullptr),
          name);
}

// The handler of `train`, of whatever its job is made of.
template <typename... Operands>
auto handler_of(TrainJob (*make)(Operands...)) {
    return [=](void* stream, ffi::ScratchAllocator scratch, Operands... operands) {
        try {
            const TrainJob job = make(operands...);
            const int64_t rows = job.apart ? job.tokens : (job.tokens + kWidth - 1) / kWidth;
            const int64_t measuring = job.origins.wanted ? measuring_bytes(rows) : 0;
            const int64_t groups = group_bytes(rows, job.groups.size);
            launch(stream, scratch, job,
                   trainer_bytes(rows, job.fewest_split, job.watched >> kAnswer & 1) + groups + measuring);
            return ffi::Error::Success();
        } catch (const Failure& failure) {
            return ffi::Error(failure.code, failure.message);
        }
    };
}

}  // namespace

// Takes the programs for the devices that are there; gives what went wrong, or null. They stay until the process ends.
extern "C" const char* jaxcollapse_gpu_load(const void* image_apart, const void* image_together) {
    static std::string told;
    if (!driver().is_here) return "there is no driver, or an old one";
    try {
        const auto load = [](void** program, const void* image) {
            check(driver().load(program, image, nullptr, nullptr, 0, nullptr, nullptr, 0), "a program");
        };
        load(&apart, image_apart);
        load(&together, image_together);
    } catch (const Failure& failure) {
        told = failure.message;
        return told.c_str();
    }
    return nullptr;
}

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_gpu_train, handler_of(train_job));
