// What the sixteen threads of a sheet need to know of one another, on a GPU.
#pragma once

INLINE int column() { return threadIdx.x % kWidth; }

// The sixteen, among the threads of a warp.
INLINE unsigned sixteen() { return 0xffffu << (threadIdx.x & kWidth); }

// Whether it is so in any column.
INLINE bool any_column(bool is_so) { return __any_sync(sixteen(), is_so); }

// What another column has; columns are counted modulo sixteen.
template <typename T>
INLINE T of_column(T own, int other) {
    return __shfl_sync(sixteen(), own, other, kWidth);
}

// Columns wait for one another, so that each sees what others have written.
INLINE void meet() { __syncwarp(sixteen()); }

INLINE void add_one(int32_t* to) { atomicAdd(to, 1); }

INLINE int32_t taken(int32_t* from) { return atomicExch(from, 0); }
