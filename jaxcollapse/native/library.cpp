// What XLA calls: the arrays of a call as a job, for the kernels of the processor at hand.
#include <cstring>

#include "calls.h"
#include "level.h"

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

// Handlers: of the same operands as the functions that make jobs of them.

constexpr auto count = [](auto... operands) {
    chosen->kernels->count(count_job(operands...));
    return ffi::Error::Success();
};

constexpr auto train = [](auto... operands) {
    chosen->kernels->train(train_job(operands...));
    return ffi::Error::Success();
};

constexpr auto measure = [](auto... operands) {
    chosen->kernels->measure(measure_job(operands...));
    return ffi::Error::Success();
};

ffi::Error binomial(In<ffi::U32> words, In<ffi::U32> lower, In<ffi::S32> trials, In<ffi::F32> odds,
                    Out<ffi::S32> counts) {
    BinomialJob job{};
    job.size = int64_t(words.element_count());
    job.words = words.typed_data();
    job.lower = lower.typed_data();
    job.trials = trials.typed_data();
    job.odds = odds.typed_data();
    job.counts = counts->typed_data();
    chosen->kernels->binomial(job);
    return ffi::Error::Success();
}

ffi::Error words(In<ffi::U32> keys, Out<ffi::U32> high, Out<ffi::U32> low) {
    WordsJob job{};
    job.lanes = lanes_of(high->dimensions());
    job.number = high->dimensions().back();
    job.keys = keys.typed_data();
    job.high = high->typed_data();
    job.low = low->typed_data();
    chosen->kernels->words(job);
    return ffi::Error::Success();
}

}  // namespace

extern "C" const char* jaxcollapse_sources() { return SOURCES; }

// The processor whose program is used; null if there is none for this one.
extern "C" const char* jaxcollapse_processor() { return chosen ? chosen->name : nullptr; }

// Takes another program that runs here, too; false if there is none of this name.
extern "C" bool jaxcollapse_act_as(const char* name) {
    const Processor* other = found(name);
    if (other) chosen = other;
    return other != nullptr;
}

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_count, count, count_arguments(ffi::Ffi::Bind()));

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_train, train, train_arguments(ffi::Ffi::Bind()));

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_measure, measure, measure_arguments(ffi::Ffi::Bind()));

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_binomial, binomial,
                              ffi::Ffi::Bind()
                                  .Arg<In<ffi::U32>>()
                                  .Arg<In<ffi::U32>>()
                                  .Arg<In<ffi::S32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Ret<In<ffi::S32>>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_words, words,
                              ffi::Ffi::Bind().Arg<In<ffi::U32>>().Ret<In<ffi::U32>>().Ret<In<ffi::U32>>());
