// The kernels for one kind of processor; compiled once for each, with VARIANT as the name of the table.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "jobs.h"
#include "processor.h"

// Nothing in here has a name outside, or the linker would take one processor's functions for another's.
namespace {

#include "binomial.h"
#include "counting.h"
#include "measuring.h"
#include "training.h"

thread_local Memory memory;

// Does a job sheet by sheet.
template <Layout layout, typename Job, typename Sheetwise>
void each_sheet(const Job& job, Sheetwise sheetwise) {
    for (int64_t first = 0; first < job.lanes; first += Sheet<layout>::kLanes) {
        memory.give_back();
        sheetwise(first);
    }
}

template <Layout layout>
void train_sheets(const TrainJob& job) {
    each_sheet<layout>(job, [&](int64_t first) { Trainer<layout>(job, first, memory).run(); });
}

template <Layout layout>
void count_sheets(const CountJob& job) {
    each_sheet<layout>(job, [&](int64_t first) { count_sheet<layout>(job, first, memory); });
}

template <Layout layout>
void measure_sheets(const MeasureJob& job) {
    each_sheet<layout>(job, [&](int64_t first) { measure_sheet<layout>(job, first, memory); });
}

void measure(const MeasureJob& job) { job.apart ? measure_sheets<kApart>(job) : measure_sheets<kTogether>(job); }

void train(const TrainJob& job) { job.apart ? train_sheets<kApart>(job) : train_sheets<kTogether>(job); }

void count(const CountJob& job) { job.apart ? count_sheets<kApart>(job) : count_sheets<kTogether>(job); }

void binomial(const BinomialJob& job) {
    for (int64_t start = 0; start < job.size; start += kWidth) {
        const int64_t many = job.size - start < kWidth ? job.size - start : kWidth;
        const auto at = [&](int c) { return start + (c < many ? c : many - 1); };
        const Words word = of_columns<uint32_t>([&](int c) { return job.words[at(c)]; });
        const Words lower = of_columns<uint32_t>([&](int c) { return job.lower[at(c)]; });
        const Ints trials = of_columns<int32_t>([&](int c) { return job.trials[at(c)]; });
        const Floats odds = of_columns<float>([&](int c) { return job.odds[at(c)]; });
        const Ints counts = Binomial<kWidth>::count(word, trials, odds, [&] { return lower; });
        each_column(counts, [&](int c, int32_t count) {
            if (c < many) job.counts[start + c] = count;
        });
    }
}

void words(const WordsJob& job) {
    using Both = Vector<uint32_t, 2 * kWidth>;
    constexpr int kMany = 2 * kWidth;
    const Both numbers = joined(Words(counting()), Words(counting()) + uint32_t(kWidth));
    for (int64_t lane = 0; lane < job.lanes; ++lane) {
        const Pair<Both> key = {job.keys[2 * lane], job.keys[2 * lane + 1]};
        uint32_t *const high = job.high + lane * job.number, *const low = job.low + lane * job.number;
        for (int64_t start = 0; start < job.number; start += kMany) {
            const Pair<Both> found = threefry(key, Both(0u), numbers + uint32_t(start));
            const int64_t many = job.number - start < kMany ? job.number - start : kMany;
            memcpy(high + start, &found.high, sizeof(uint32_t) * size_t(many));
            memcpy(low + start, &found.low, sizeof(uint32_t) * size_t(many));
        }
    }
}

}  // namespace

#define KERNEL(name, Job) name,
extern "C" __attribute__((visibility("hidden"))) const Kernels VARIANT{CALLS(KERNEL)};
