// What XLA calls: the arrays of a call as a job, for the kernels of the processor at hand.
#include <cstring>
#include <string>

#include "calls.h"
#include "level.h"
#include "space.h"

#if defined(__x86_64__) && !defined(ONE_PROGRAM)
extern "C" const Kernels kernels_x86_64_v3, kernels_x86_64_v4;
#else
extern "C" const Kernels kernels;
#endif

namespace {

struct Processor {
    const char* name;
    const Kernels* kernels;
    bool is_here;
};

// What there is a program for, the best first. Of x86-64 processors those from 2013 on.
const Processor* processors(int* number) {
#if defined(__x86_64__) && !defined(ONE_PROGRAM)
    static const int level = x86_64_level();
    static const Processor all[] = {{"x86-64-v4", &kernels_x86_64_v4, level >= 4},
                                    {"x86-64-v3", &kernels_x86_64_v3, level >= 3}};
#else
    static const Processor all[] = {{"generic", &kernels, true}};
#endif
    *number = int(sizeof all / sizeof all[0]);
    return all;
}

// The best one that this is, or of this name; null if there is none.
const Processor* found(const char* name) {
    int number;
    const Processor* all = processors(&number);
    for (int i = 0; i < number; ++i)
        if (all[i].is_here && (name == nullptr || strcmp(all[i].name, name) == 0)) return &all[i];
    return nullptr;
}

const Processor* chosen = found(nullptr);

// The handler of a call: makes a job of its arrays, and has the kernel do it.
template <typename Job, typename... Operands>
auto handler_of(void (*Kernels::*kernel)(const Job&), Job (*make)(Operands...)) {
    return [=](Operands... operands) {
        try {
            (chosen->kernels->*kernel)(make(operands...));
            return ffi::Error::Success();
        } catch (const Failure& failure) {
            return ffi::Error(failure.code, failure.message);
        }
    };
}

}  // namespace

// What Python has lists of, too: in each line what is listed, and then what there is, in order.
extern "C" const char* jaxcollapse_lists() {
#define NAME(name, ...) " " #name
#define SECOND_NAME(number, name) " " #name
    static const std::string lists = "calls" CALLS(NAME) "\nmeasures" MEASURES(SECOND_NAME) "\nstatistics" EVENTS(
                                         SECOND_NAME) "\nbaselines" BASELINES(SECOND_NAME) "\ncolumns " +
                                     std::to_string(kWidth);
    return lists.c_str();
}

// The processor whose program is used; null if there is none for this one.
extern "C" const char* jaxcollapse_processor() { return chosen ? chosen->name : nullptr; }

// Takes another program that runs here, too; false if there is none of this name.
extern "C" bool jaxcollapse_act_as(const char* name) {
    const Processor* other = found(name);
    if (other) chosen = other;
    return other != nullptr;
}

#define HANDLER(name, Job) XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_##name, handler_of(&Kernels::name, name##_job));
CALLS(HANDLER)
