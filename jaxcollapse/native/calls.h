// The arrays of XLA's calls, as jobs.
#pragma once

#include <utility>

#include "jobs.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

template <ffi::DataType type>
using In = ffi::Buffer<type>;
template <ffi::DataType type>
using Out = ffi::Result<ffi::Buffer<type>>;

// All dimensions but the last one are lanes.
inline int64_t lanes_of(ffi::Span<const int64_t> dimensions) {
    int64_t lanes = 1;
    for (size_t i = 0; i + 1 < dimensions.size(); ++i) lanes *= dimensions[i];
    return lanes;
}

inline CountJob count_job(In<ffi::U32> keys, In<ffi::F32> weights, In<ffi::S32> draws, int32_t fewest_split, bool apart,
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
    return job;
}

template <typename Binding>
auto count_arguments(Binding binding) {
    return std::move(binding)
        .template Arg<In<ffi::U32>>()
        .template Arg<In<ffi::F32>>()
        .template Arg<In<ffi::S32>>()
        .template Attr<int32_t>("fewest_split")
        .template Attr<bool>("apart")
        .template Ret<In<ffi::S32>>();
}

inline Origins origins_of(In<ffi::F32> logits, In<ffi::F32> rarest, In<ffi::F32> support, int32_t wanted) {
    return {logits.typed_data(), rarest.typed_data(), support.typed_data(), uint32_t(wanted)};
}

inline TrainJob train_job(In<ffi::F32> logits, In<ffi::U32> keys, In<ffi::F32> inverse_temperature,
                          In<ffi::F32> learning_rate, In<ffi::S32> draws, In<ffi::PRED> present,
                          In<ffi::F32> thresholds, In<ffi::S32> times, In<ffi::S32> schedule, In<ffi::S32> gaps,
                          In<ffi::F32> start_logits, In<ffi::F32> rarest, In<ffi::F32> support, int32_t fewest_split,
                          bool apart, bool refit, int32_t watched, int32_t wanted, Out<ffi::F32> new_logits,
                          Out<ffi::S32> new_times, Out<ffi::F32> found) {
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
    return job;
}

template <typename Binding>
auto train_arguments(Binding binding) {
    return std::move(binding)
        .template Arg<In<ffi::F32>>()
        .template Arg<In<ffi::U32>>()
        .template Arg<In<ffi::F32>>()
        .template Arg<In<ffi::F32>>()
        .template Arg<In<ffi::S32>>()
        .template Arg<In<ffi::PRED>>()
        .template Arg<In<ffi::F32>>()
        .template Arg<In<ffi::S32>>()
        .template Arg<In<ffi::S32>>()
        .template Arg<In<ffi::S32>>()
        .template Arg<In<ffi::F32>>()
        .template Arg<In<ffi::F32>>()
        .template Arg<In<ffi::F32>>()
        .template Attr<int32_t>("fewest_split")
        .template Attr<bool>("apart")
        .template Attr<bool>("refit")
        .template Attr<int32_t>("watched")
        .template Attr<int32_t>("wanted")
        .template Ret<In<ffi::F32>>()
        .template Ret<In<ffi::S32>>()
        .template Ret<In<ffi::F32>>();
}

inline MeasureJob measure_job(In<ffi::F32> logits, In<ffi::F32> start_logits, In<ffi::F32> rarest, In<ffi::F32> support,
                              int32_t wanted, bool apart, Out<ffi::F32> found) {
    MeasureJob job{};
    job.lanes = lanes_of(logits.dimensions());
    job.tokens = logits.dimensions().back();
    job.logits = logits.typed_data();
    job.origins = origins_of(start_logits, rarest, support, wanted);
    job.apart = apart;
    job.found = found->typed_data();
    return job;
}

template <typename Binding>
auto measure_arguments(Binding binding) {
    return std::move(binding)
        .template Arg<In<ffi::F32>>()
        .template Arg<In<ffi::F32>>()
        .template Arg<In<ffi::F32>>()
        .template Arg<In<ffi::F32>>()
        .template Attr<int32_t>("wanted")
        .template Attr<bool>("apart")
        .template Ret<In<ffi::F32>>();
}
