// What XLA calls: the arrays of a call as a job, for the kernels of the processor at hand.
#include <cstring>

#include "jobs.h"
#include "level.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

#if defined(__x86_64__)
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
#if defined(__x86_64__)
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

template <ffi::DataType type>
using In = ffi::Buffer<type>;
template <ffi::DataType type>
using Out = ffi::Result<ffi::Buffer<type>>;

// All dimensions but the last one are lanes.
int64_t lanes_of(ffi::Span<const int64_t> dimensions) {
    int64_t lanes = 1;
    for (size_t i = 0; i + 1 < dimensions.size(); ++i) lanes *= dimensions[i];
    return lanes;
}

ffi::Error count(In<ffi::U32> keys, In<ffi::F32> weights, In<ffi::S32> draws, int32_t fewest_split, bool apart,
                 Out<ffi::S32> counts) {
    CountJob job{};
    job.lanes = lanes_of(weights.dimensions());
    job.tokens = weights.dimensions().back();
    job.keys = keys.typed_data();
    job.weights = weights.typed_data();
    job.draws = draws.typed_data();
    job.fewest_split = fewest_split;
    job.apart = apart;
    job.counts = counts->typed_data();
    chosen->kernels->count(job);
    return ffi::Error::Success();
}

Origins origins_of(In<ffi::F32> logits, In<ffi::F32> rarest, In<ffi::F32> support, int32_t wanted) {
    return {logits.typed_data(), rarest.typed_data(), support.typed_data(), uint32_t(wanted)};
}

ffi::Error train(In<ffi::F32> logits, In<ffi::U32> keys, In<ffi::F32> inverse_temperature, In<ffi::F32> learning_rate,
                 In<ffi::S32> draws, In<ffi::PRED> present, In<ffi::F32> thresholds, In<ffi::S32> times,
                 In<ffi::S32> schedule, In<ffi::S32> gaps, In<ffi::F32> start_logits, In<ffi::F32> rarest,
                 In<ffi::F32> support, int32_t fewest_split, bool apart, bool refit, int32_t watched, int32_t wanted,
                 Out<ffi::F32> new_logits, Out<ffi::S32> new_times, Out<ffi::F32> found) {
    TrainJob job{};
    job.records = gaps.dimensions().back();
    job.lanes = lanes_of(logits.dimensions());
    job.tokens = logits.dimensions().back();
    job.logits = logits.typed_data();
    job.keys = keys.typed_data();
    job.inverse_temperature = inverse_temperature.typed_data();
    job.learning_rate = learning_rate.typed_data();
    job.draws = draws.typed_data();
    job.present = reinterpret_cast<const uint8_t*>(present.typed_data());
    job.thresholds = thresholds.typed_data();
    job.times = times.typed_data();
    job.schedule = schedule.typed_data();
    job.gaps = gaps.typed_data();
    job.origins = origins_of(start_logits, rarest, support, wanted);
    job.fewest_split = fewest_split;
    job.apart = apart;
    job.refit = refit;
    job.watched = uint32_t(watched);
    job.new_logits = new_logits->typed_data();
    job.new_times = new_times->typed_data();
    job.found = found->typed_data();
    chosen->kernels->train(job);
    return ffi::Error::Success();
}

ffi::Error measure(In<ffi::F32> logits, In<ffi::F32> start_logits, In<ffi::F32> rarest, In<ffi::F32> support,
                   int32_t wanted, bool apart, Out<ffi::F32> found) {
    MeasureJob job{};
    job.lanes = lanes_of(logits.dimensions());
    job.tokens = logits.dimensions().back();
    job.logits = logits.typed_data();
    job.origins = origins_of(start_logits, rarest, support, wanted);
    job.apart = apart;
    job.found = found->typed_data();
    chosen->kernels->measure(job);
    return ffi::Error::Success();
}

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

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_count, count,
                              ffi::Ffi::Bind()
                                  .Arg<In<ffi::U32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Arg<In<ffi::S32>>()
                                  .Attr<int32_t>("fewest_split")
                                  .Attr<bool>("apart")
                                  .Ret<In<ffi::S32>>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_train, train,
                              ffi::Ffi::Bind()
                                  .Arg<In<ffi::F32>>()
                                  .Arg<In<ffi::U32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Arg<In<ffi::S32>>()
                                  .Arg<In<ffi::PRED>>()
                                  .Arg<In<ffi::F32>>()
                                  .Arg<In<ffi::S32>>()
                                  .Arg<In<ffi::S32>>()
                                  .Arg<In<ffi::S32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Attr<int32_t>("fewest_split")
                                  .Attr<bool>("apart")
                                  .Attr<bool>("refit")
                                  .Attr<int32_t>("watched")
                                  .Attr<int32_t>("wanted")
                                  .Ret<In<ffi::F32>>()
                                  .Ret<In<ffi::S32>>()
                                  .Ret<In<ffi::F32>>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_measure, measure,
                              ffi::Ffi::Bind()
                                  .Arg<In<ffi::F32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Attr<int32_t>("wanted")
                                  .Attr<bool>("apart")
                                  .Ret<In<ffi::F32>>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_binomial, binomial,
                              ffi::Ffi::Bind()
                                  .Arg<In<ffi::U32>>()
                                  .Arg<In<ffi::U32>>()
                                  .Arg<In<ffi::S32>>()
                                  .Arg<In<ffi::F32>>()
                                  .Ret<In<ffi::S32>>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcollapse_words, words,
                              ffi::Ffi::Bind().Arg<In<ffi::U32>>().Ret<In<ffi::U32>>().Ret<In<ffi::U32>>());
