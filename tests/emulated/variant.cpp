// The kernels of GPUs, run by fibres of a CPU.
#define COLUMN_PER_THREAD
#define COLUMN "fibres.h"

#include "counting.h"
#include "measuring.h"
#include "training.h"

namespace {

// Near memory is as scarce as it may be on a chip, so that both kinds are in use.
template <Layout layout, typename Job, typename Sheetwise>
void each_sheet(const Job& job, int64_t bytes, Sheetwise sheetwise) {
    const int64_t near_bytes = bytes / 2 / 64 * 64;
    char *const near = (char*)aligned_alloc(64, size_t(near_bytes + 64)), *const far = (char*)aligned_alloc(64, size_t(bytes + 64));
    memset(near, 0x7b, size_t(near_bytes));  // what is in memory before is nothing to rely upon
    for (int64_t first = 0; first < job.lanes; first += Sheet<layout>::kLanes) {
        memset(far, 0x7b, size_t(bytes));
        run_fibres([&] {
            Memory memory{near, far, near_bytes};
            sheetwise(first, memory);
        });
    }
    free(near);
    free(far);
}

template <typename Job>
int64_t rows_of(const Job& job) {
    return job.apart ? job.tokens : (job.tokens + kWidth - 1) / kWidth;
}

#define BOTH(job, bytes, apart_work, together_work)                                                     \
    job.apart ? each_sheet<kApart>(job, bytes, [&](int64_t first, Memory& memory) { apart_work; }) \
              : each_sheet<kTogether>(job, bytes, [&](int64_t first, Memory& memory) { together_work; })

void count(const CountJob& job) {
    BOTH(job, sampler_bytes(rows_of(job), job.fewest_split), count_sheet<kApart>(job, first, memory),
         count_sheet<kTogether>(job, first, memory));
}

void train(const TrainJob& job) {
    BOTH(job, trainer_bytes(rows_of(job), job.fewest_split) + measuring_bytes(rows_of(job)),
         Trainer<kApart>(job, first, memory).run(), Trainer<kTogether>(job, first, memory).run());
}

void measure(const MeasureJob& job) {
    BOTH(job, measuring_bytes(rows_of(job)) + kRowBytes * 2 * rows_of(job), measure_sheet<kApart>(job, first, memory),
         measure_sheet<kTogether>(job, first, memory));
}

}  // namespace

extern "C" const Kernels kernels{count, train, measure, nullptr, nullptr};
