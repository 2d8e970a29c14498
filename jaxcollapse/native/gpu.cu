// The kernels for NVIDIA GPUs: the same sheets, with a thread for each column. Compiled where there is one.
#define COLUMN_PER_THREAD

#include "launch.h"
#include "training.h"

// Does a job sheet by sheet.
template <Layout layout, typename Sheetwise>
INLINE void each_sheet(int64_t lanes, const Space& space, Sheetwise sheetwise) {
    const int64_t groups = int64_t(gridDim.x) * kSheetsOfBlock;
    const int64_t group = int64_t(blockIdx.x) * kSheetsOfBlock + threadIdx.x / kWidth;
    for (int64_t first = group * Sheet<layout>::kLanes; first < lanes; first += groups * Sheet<layout>::kLanes) {
        Memory memory{space.base + group * space.bytes};
        sheetwise(first, memory);
        meet();
    }
}

// Compiled one by one, since that takes long.
#if defined(TRAIN_APART)
constexpr Layout layout = kApart;
#define NAME train_apart
#else
constexpr Layout layout = kTogether;
#define NAME train_together
#endif

extern "C" __global__ void __launch_bounds__(kSheetsOfBlock* kWidth) NAME(const TrainJob job, Space space) {
    each_sheet<layout>(job.lanes, space,
                       [&](int64_t first, Memory& memory) { Trainer<layout>(job, first, memory).run(); });
}
