// What is asked for: arrays as XLA hands them over, rows of one trajectory after the other.
#pragma once

#include <cstdint>

constexpr int kEvents = 3;
enum Event { kModal, kCollision, kExtinction };

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

// What is measured, in the order of `jaxcollapse.native.MEASURED`; sums first, two numbers for each tempering.
constexpr int kMeasures = 14;
enum Measure {
    kEntropy,
    kCollisionProbability,
    kSupportSize,
    kOriginalModeProbability,
    kModeIsOriginal,
    kKlFromInitial,
    kKlToInitial,
    kTotalVariation,
    kTailMass,
    kModalProbability,
    kFromStart,
    kBackToStart = kFromStart + 2
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
    uint32_t wanted;               // bits of measures

    bool wants(int measure, int many = 1) const { return wanted >> measure & ((1u << many) - 1); }

    // How many are wanted of those before this one.
    int place(int measure) const { return ones(wanted & ((1u << measure) - 1)); }
};

// Generations of training, and measures of what comes of them.
struct TrainJob {
    int64_t lanes, tokens, records;
    const float* logits;
    const uint32_t* keys;
    const float* inverse_temperature;  // [lane], finite
    const float* learning_rate;        // [lane]
    const int32_t* draws;              // [lane], in a step or for a refit; 0 is their expectation
    const uint8_t* present;            // [lane, token], what can die out
    const float* thresholds;           // [lane, event]
    const int32_t* times;              // [lane, event], −1 where it has not happened
    const int32_t* schedule;           // the first generation, and how many steps there are in each
    const int32_t* gaps;               // [record], the generations before it
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
    void (*count)(const CountJob&);
    void (*train)(const TrainJob&);
    void (*measure)(const MeasureJob&);
    void (*binomial)(const BinomialJob&);
    void (*words)(const WordsJob&);
};
