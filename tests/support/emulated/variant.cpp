// The kernels of GPUs, run by fibres of a CPU.
#define COLUMN_PER_THREAD
#define COLUMN "fibres.h"

#include <vector>

#include "counting.h"
#include "measuring.h"
#include "training.h"

namespace {

constexpr char kUnset = 0x7b;
constexpr size_t kEnd = 256;  // bytes beyond the end, which nobody writes to

template <Layout layout, typename Job, typename Sheetwise>
void each_sheet(const Job& job, int64_t bytes, Sheetwise sheetwise) {
    std::vector<char> space(size_t(bytes) + 64 + kEnd);
    char* const base = space.data() + (64 - uintptr_t(space.data()) % 64) % 64;
    for (int64_t first = 0; first < job.lanes; first += Sheet<layout>::kLanes) {
        memset(base, kUnset, size_t(bytes) + kEnd);  // what was in memory before is nothing to rely upon
        run_fibres([&] {
            Memory memory{base};
            sheetwise(first, memory);
        });
        for (int64_t i = bytes; i < bytes + int64_t(kEnd); ++i)
            if (base[i] != kUnset) abort();
    }
}

template <typename Job>
int64_t rows_of(const Job& job) {
    return job.apart ? job.tokens : (job.tokens + kWidth - 1) / kWidth;
}

#define BOTH(job, bytes, apart_work, together_work)                                                \
    job.apart ? each_sheet<kApart>(job, bytes, [&](int64_t first, Memory& memory) { apart_work; }) \
              : each_sheet<kTogether>(job, bytes, [&](int64_t first, Memory& memory) { together_work; })

void count(const CountJob& job) {
    BOTH(job, sampler_bytes(rows_of(job), job.fewest_split), count_sheet<kApart>(job, first, memory),
         count_sheet<kTogether>(job, first, memory));
}

void train(const TrainJob& job) {
    const int64_t groups = group_bytes(rows_of(job), job.groups.size);
    BOTH(job,
         trainer_bytes(rows_of(job), job.fewest_split, job.watched >> kAnswer & 1) + groups +
             measuring_bytes(rows_of(job)),
         Trainer<kApart>(job, first, memory).run(), Trainer<kTogether>(job, first, memory).run());
}

void measure(const MeasureJob& job) {
    BOTH(job, measuring_bytes(rows_of(job)) + kRowBytes * 2 * rows_of(job), measure_sheet<kApart>(job, first, memory),
         measure_sheet<kTogether>(job, first, memory));
}

}  // namespace

extern "C" const Kernels kernels{count, train, measure, nullptr, nullptr};
