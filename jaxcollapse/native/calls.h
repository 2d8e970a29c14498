// The arrays of XLA's calls, as jobs. The parameters of these functions are the calls' operands, attributes and
// results.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "jobs.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

template <ffi::DataType type>
using In = ffi::Buffer<type>;
template <ffi::DataType type>
using Out = ffi::Result<ffi::Buffer<type>>;

// Attributes, by the names that Python gives them.
#define ATTRIBUTE(Name, type, name)                \
    inline constexpr char name_of_##Name[] = name; \
    using Name = ffi::Attr<type, name_of_##Name>

ATTRIBUTE(FewestSplit, int32_t, "fewest_split");
ATTRIBUTE(Apart, bool, "apart");
ATTRIBUTE(Refit, bool, "refit");
ATTRIBUTE(Watched, int32_t, "watched");
ATTRIBUTE(GroupSize, int32_t, "group_size");
ATTRIBUTE(BaselineCode, int32_t, "baseline");
ATTRIBUTE(Normalises, bool, "normalises");
ATTRIBUTE(ByChance, bool, "by_chance");
ATTRIBUTE(Wanted, int32_t, "wanted");

// Why a call cannot be done.
struct Failure {
    std::string message;
    ffi::ErrorCode code = ffi::ErrorCode::kInternal;
};

inline std::string text_of(ffi::Span<const int64_t> dimensions) {
    std::string text;
    for (int64_t each : dimensions) text += (text.empty() ? "" : ", ") + std::to_string(each);
    return "[" + text + "]";
}

// The lanes of a call, which are the first dimensions of all of its arrays.
struct Lanes {
    ffi::Span<const int64_t> dimensions;

    // Those of an array that has so many other dimensions.
    template <ffi::DataType type>
    Lanes(In<type> array, size_t others) : dimensions(array.dimensions()) {
        if (dimensions.size() < others) throw Failure{"too few dimensions: " + text_of(dimensions)};
        dimensions = dimensions.first(dimensions.size() - others);
    }

    int64_t number() const {
        int64_t lanes = 1;
        for (int64_t each : dimensions) lanes *= each;
        return lanes;
    }

    // The numbers of an array, which must have this shape in each lane.
    template <ffi::DataType type>
    auto* numbers(In<type> array, const char* name, std::initializer_list<int64_t> shape) const {
        std::vector<int64_t> wanted(dimensions.begin(), dimensions.end());
        wanted.insert(wanted.end(), shape);
        const ffi::Span<const int64_t> found = array.dimensions();
        if (!std::equal(found.begin(), found.end(), wanted.begin(), wanted.end()))
            throw Failure{std::string(name) + " has shape " + text_of(found) + ", not " + text_of(wanted),
                          ffi::ErrorCode::kInvalidArgument};
        return array.typed_data();
    }
};

inline CountJob count_job(In<ffi::U32> keys, In<ffi::F32> weights, In<ffi::S32> draws, FewestSplit fewest_split,
                          Apart apart, Out<ffi::S32> counts) {
    const Lanes lanes(weights, 1);
    CountJob job{};
    job.lanes = lanes.number();
    job.tokens = weights.dimensions().back();
    job.keys = lanes.numbers(keys, "key", {2});
    job.weights = weights.typed_data();
    job.draws = lanes.numbers(draws, "draws", {});
    job.fewest_split = *fewest_split;
    job.apart = *apart;
    job.counts = lanes.numbers(*counts, "counts", {job.tokens});
    return job;
}

inline Origins origins_of(const Lanes& lanes, int64_t tokens, In<ffi::F32> logits, In<ffi::F32> rarest,
                          In<ffi::F32> support, In<ffi::F32> samples, int32_t wanted) {
    return {lanes.numbers(logits, "logits of p0", {tokens}), lanes.numbers(rarest, "rarest", {tokens}),
            lanes.numbers(support, "support", {}), lanes.numbers(samples, "samples", {}), uint32_t(wanted)};
}

inline TrainJob train_job(In<ffi::F32> logits, In<ffi::U32> keys, In<ffi::F32> inverse_temperature,
                          In<ffi::F32> learning_rate, In<ffi::S32> draws, In<ffi::U8> present, In<ffi::F32> thresholds,
                          In<ffi::S32> times, In<ffi::S32> schedule, In<ffi::S32> gaps, In<ffi::F32> scale,
                          In<ffi::F32> start_logits, In<ffi::F32> rarest, In<ffi::F32> support, In<ffi::F32> samples,
                          FewestSplit fewest_split, Apart apart, Refit refit, GroupSize group_size,
                          BaselineCode baseline, Normalises normalises, ByChance by_chance, Watched watched,
                          Wanted wanted, Out<ffi::F32> new_logits, Out<ffi::S32> new_times, Out<ffi::F32> found) {
    const Lanes lanes(logits, 1);
    TrainJob job{};
    job.records = gaps.dimensions().size() ? gaps.dimensions().back() : 0;
    job.lanes = lanes.number();
    job.tokens = logits.dimensions().back();
    job.logits = logits.typed_data();
    job.keys = lanes.numbers(keys, "key", {2});
    job.inverse_temperature = lanes.numbers(inverse_temperature, "inverse_temperature", {});
    job.learning_rate = lanes.numbers(learning_rate, "learning_rate", {});
    job.draws = lanes.numbers(draws, "draws", {});
    job.present = lanes.numbers(present, "present", {job.tokens});
    job.thresholds = lanes.numbers(thresholds, "thresholds", {kEvents});
    job.times = lanes.numbers(times, "times", {kEvents});
    job.schedule = lanes.numbers(schedule, "schedule", {2});
    job.gaps = lanes.numbers(gaps, "gaps", {job.records});
    job.groups = {*group_size, *baseline, *normalises, *by_chance,
                  lanes.numbers(scale, "scale", {*group_size ? job.tokens : 0})};
    job.origins = origins_of(lanes, job.tokens, start_logits, rarest, support, samples, *wanted);
    job.fewest_split = *fewest_split;
    job.apart = *apart;
    job.refit = *refit;
    job.watched = uint32_t(*watched);
    job.new_logits = lanes.numbers(*new_logits, "new logits", {job.tokens});
    job.new_times = lanes.numbers(*new_times, "new times", {kEvents});
    job.found = lanes.numbers(*found, "measures", {job.origins.place(kMeasures), job.records});
    return job;
}

inline MeasureJob measure_job(In<ffi::F32> logits, In<ffi::F32> start_logits, In<ffi::F32> rarest, In<ffi::F32> support,
                              In<ffi::F32> samples, Wanted wanted, Apart apart, Out<ffi::F32> found) {
    const Lanes lanes(logits, 1);
    MeasureJob job{};
    job.lanes = lanes.number();
    job.tokens = logits.dimensions().back();
    job.logits = logits.typed_data();
    job.origins = origins_of(lanes, job.tokens, start_logits, rarest, support, samples, *wanted);
    job.apart = *apart;
    job.found = lanes.numbers(*found, "measures", {job.origins.place(kMeasures)});
    return job;
}

inline BinomialJob binomial_job(In<ffi::U32> words, In<ffi::U32> lower, In<ffi::S32> trials, In<ffi::F32> odds,
                                Out<ffi::S32> counts) {
    const Lanes lanes(words, 0);
    BinomialJob job{};
    job.size = lanes.number();
    job.words = words.typed_data();
    job.lower = lanes.numbers(lower, "lower", {});
    job.trials = lanes.numbers(trials, "trials", {});
    job.odds = lanes.numbers(odds, "odds", {});
    job.counts = lanes.numbers(*counts, "counts", {});
    return job;
}

inline WordsJob words_job(In<ffi::U32> keys, Out<ffi::U32> high, Out<ffi::U32> low) {
    const Lanes lanes(*high, 1);
    WordsJob job{};
    job.lanes = lanes.number();
    job.number = high->dimensions().back();
    job.keys = lanes.numbers(keys, "key", {2});
    job.high = high->typed_data();
    job.low = lanes.numbers(*low, "low", {job.number});
    return job;
}
