// The kernels for NVIDIA GPUs: the same sheets, with a thread for each column. Compiled where there is one.
#define COLUMN_PER_THREAD

#include "counting.h"
#include "launch.h"
#include "measuring.h"
#include "training.h"

// Does a job sheet by sheet.
template <Layout layout, typename Sheetwise>
INLINE void each_sheet(int64_t lanes, const Space& space, Sheetwise sheetwise) {
    extern __shared__ __align__(64) char near[];
    const int64_t place = threadIdx.x / kWidth, groups = int64_t(gridDim.x) * kSheetsOfBlock;
    const int64_t group = int64_t(blockIdx.x) * kSheetsOfBlock + place, lanes_of_all = groups * Sheet<layout>::kLanes;
    for (int64_t first = group * Sheet<layout>::kLanes; first < lanes; first += lanes_of_all) {
        Memory memory{near + place * space.near_bytes, space.far + group * space.far_bytes, space.near_bytes};
        sheetwise(first, memory);
        meet();
    }
}

#define KERNEL(name, Job, layout, ...)                                                                       \
    extern "C" __global__ void __launch_bounds__(kSheetsOfBlock * kWidth) name(const Job job, Space space) { \
        each_sheet<layout>(job.lanes, space, [&](int64_t first, Memory& memory) { __VA_ARGS__; });           \
    }
#if defined(TRAIN)
KERNEL(train_apart, TrainJob, kApart, Trainer<kApart>(job, first, memory).run())
KERNEL(train_together, TrainJob, kTogether, Trainer<kTogether>(job, first, memory).run())
#endif
#if defined(COUNT)
KERNEL(count_apart, CountJob, kApart, count_sheet<kApart>(job, first, memory))
KERNEL(count_together, CountJob, kTogether, count_sheet<kTogether>(job, first, memory))
#endif
#if defined(MEASURE)
KERNEL(measure_apart, MeasureJob, kApart, measure_sheet<kApart>(job, first, memory))
KERNEL(measure_together, MeasureJob, kTogether, measure_sheet<kTogether>(job, first, memory))
#endif
