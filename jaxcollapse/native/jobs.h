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

// Generations of training.
struct TrainJob {
    int64_t lanes, tokens;
    const float* logits;
    const uint32_t* keys;
    const float* inverse_temperature;  // [lane], finite
    const float* learning_rate;        // [lane]
    const int32_t* draws;              // [lane], in a step or for a refit
    const uint8_t* present;            // [lane, token], what can die out
    const float* thresholds;           // [lane, event]
    const int32_t* times;              // [lane, event], −1 where it has not happened
    const int32_t* schedule;           // the first generation, how many, steps in each, whether the end is watched
    int32_t fewest_split;
    bool apart, refit;
    uint32_t watched;  // bits of events
    float* new_logits;
    int32_t* new_times;
};

struct BinomialJob {
    int64_t size;
    const uint32_t *words, *lower;
    const int32_t* trials;
    const float* odds;
    int32_t* counts;
};

// Tempered copies of `base` nearest to `log_target`, both [lane, token]: see `jaxcollapse.observables.tempering`.
struct TemperJob {
    int64_t lanes, tokens;
    const float *log_target, *base;
    bool apart;
    float *temperature, *gap;  // [lane]
};

// The same for every processor, made by `variant.cpp` for each kind.
struct Kernels {
    void (*count)(const CountJob&);
    void (*train)(const TrainJob&);
    void (*temper)(const TemperJob&);
    void (*binomial)(const BinomialJob&);
};
