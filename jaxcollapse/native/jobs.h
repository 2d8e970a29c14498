// What is asked for: arrays as XLA hands them over, rows of one trajectory after the other.
#pragma once

#include <cstdint>

// clang-format off: lists, one entry to a line.

// What events watch, in the order of `jaxcollapse.native.STATISTICS`, with the names there.
#define EVENTS(each) \
    each(kModal, modal_probability) \
    each(kCollision, collision_probability) \
    each(kExtinction, least_present_probability) \
    each(kAnswer, least_correct_probability)

// What is measured, in the order of `jaxcollapse.native.MEASURED`, with the names there; two for each tempering.
#define MEASURES(each) \
    each(kEntropy, entropy) \
    each(kCollisionProbability, collision_probability) \
    each(kSupportSize, support_size) \
    each(kOriginalModeProbability, original_mode_probability) \
    each(kModeIsOriginal, mode_is_original) \
    each(kKlFromInitial, kl_from_initial) \
    each(kKlToInitial, kl_to_initial) \
    each(kTotalVariation, total_variation) \
    each(kTailMass, tail_mass) \
    each(kModalProbability, modal_probability) \
    each(kFromStart, effective_temperature) \
    each(kGapFromStart, tempering_gap) \
    each(kBackToStart, recovery_temperature) \
    each(kGapBackToStart, recovery_gap) \
    each(kSmoothedKlToInitial, smoothed_kl_to_initial) \
    each(kSmoothedBack, smoothed_recovery_temperature) \
    each(kGapSmoothedBack, smoothed_recovery_gap) \
    each(kOrderGap, order_gap) \
    each(kUniformKlToInitial, uniform_kl_to_initial)

// What the rewards of a group are compared with, in the order of `jaxcollapse.native.BASELINES`, with the names there.
#define BASELINES(each) \
    each(kMean, mean) \
    each(kLeaveOneOut, leave_one_out) \
    each(kNoBaseline, none)

// What XLA calls, and the job that each does. Of each name there is a kernel in variant.cpp, a function in calls.h that
// makes the job (`count_job`), and one in Python; this list registers it.
#define CALLS(each) \
    each(count, CountJob) \
    each(train, TrainJob) \
    each(measure, MeasureJob) \
    each(binomial, BinomialJob) \
    each(words, WordsJob)

// clang-format on

#define NUMBER(number, name) number,
enum Event { EVENTS(NUMBER) kEvents };
enum Measure { MEASURES(NUMBER) kMeasures };
enum Baseline { BASELINES(NUMBER) kBaselines };

// Counts of `draws` draws from `weights` [lane, token], keys [lane, 2].
struct CountJob {
    int64_t lanes, tokens;
    const uint32_t* keys;
    const float* weights;
    const int32_t* draws;
    int32_t fewest_split;  // from so many draws on they are split
    bool apart;            // whether sixteen lanes are worked on side by side
    int32_t* counts;
};

// How many bits are set.
constexpr int ones(uint32_t bits) {
    int many = 0;
    for (; bits; bits &= bits - 1) ++many;
    return many;
}

// What models are measured against, and what of it is wanted.
struct Origins {
    const float *logits, *rarest;  // [lane, token]: of p0, and the weights of its rarest tokens
    const float* support;          // [lane]
    const float* samples;          // [lane], N of a refit to N samples; ∞ where nothing is smoothed
    uint32_t wanted;               // bits of measures

    bool wants(int measure, int many = 1) const { return wanted >> measure & ((1u << many) - 1); }

    // How many are wanted of those before this one.
    int place(int measure) const { return ones(wanted & ((1u << measure) - 1)); }
};

// Groups of traces with rewards; of size 0 where there are none.
struct GroupJob {
    int32_t size;
    int32_t baseline;    // one of `Baseline`
    bool normalises;     // by the standard deviation of a group's rewards
    bool by_chance;      // whether rewards are 1 with a chance, else 0
    const float* scale;  // [lane, token]: the reward of each token, or its chance of 1
};

// Generations of training, and measures of what comes of them.
struct TrainJob {
    int64_t lanes, tokens, records;
    const float* logits;
    const uint32_t* keys;
    const float* inverse_temperature;  // [lane], finite
    const float* learning_rate;        // [lane]
    const int32_t* draws;              // [lane], in a step or for a refit; 0 is their expectation
    GroupJob groups;
    const uint8_t* present;   // [lane, token], bits: 1 of what can die out, 2 of what of it is a correct answer
    const float* thresholds;  // [lane, event]
    const int32_t* times;     // [lane, event], −1 where it has not happened
    const int32_t* schedule;  // the first generation, and how many steps there are in each
    const int32_t* gaps;      // [record], the generations before it
    Origins origins;
    int32_t fewest_split;
    bool apart, refit;
    uint32_t watched;  // bits of events
    float* new_logits;
    int32_t* new_times;
    float* found;  // [lane, wanted measure, record]
};

// Measures of models, beside p0: see `jaxcollapse.observables`.
struct MeasureJob {
    int64_t lanes, tokens;
    const float* logits;  // [lane, token]
    Origins origins;
    bool apart;
    float* found;  // [lane, wanted measure]
};

// The first `number` pairs of random words of each key.
struct WordsJob {
    int64_t lanes, number;
    const uint32_t* keys;  // [lane, 2]
    uint32_t *high, *low;  // [lane, number]
};

struct BinomialJob {
    int64_t size;
    const uint32_t *words, *lower;
    const int32_t* trials;
    const float* odds;
    int32_t* counts;
};

// The same for every processor, made by `variant.cpp` for each kind.
struct Kernels {
#define KERNEL_OF(name, Job) void (*name)(const Job&);
    CALLS(KERNEL_OF)
};
