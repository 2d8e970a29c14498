// Sixteen numbers at once, or twice as many, and the same bits of them on every processor.
//
// A vector is sixteen numbers wide: in the registers of a CPU, or a number in each of sixteen threads of a GPU, which
// are its columns. No operation adds across it but `total`, which does so in a fixed order, and a product is fused with
// a sum where `fma` says so and nowhere else: what a compiler makes of this is one sequence of IEEE operations. To be
// compiled without contraction of floating-point expressions. Two vectors in one keep a processor busy with one of them
// while it waits for the other.
#pragma once

#include <cstdint>
#include <cstring>

#include "space.h"

#define INLINE inline __attribute__((always_inline))

template <typename T, int width = kWidth>
struct Vector;

// What is computed with: integers wrap around, as C++ says of unsigned ones alone.
template <typename T>
struct Wrapping {
    using Number = T;
};
template <>
struct Wrapping<int32_t> {
    using Number = uint32_t;
};

#if defined(COLUMN_PER_THREAD)
#include "threads.h"
#else
#include "registers.h"
#endif

using Floats = Vector<float>;
using Ints = Vector<int32_t>;  // also conditions: −1 where they hold, else 0
using Words = Vector<uint32_t>;

INLINE Floats absolute(Floats x) { return Floats(Ints(x) & 0x7fffffff); }

INLINE Ints counting() {
    return of_columns<int32_t>([](int c) { return c; });
}

INLINE float total(Floats x) {
    return combined(x, [](float a, float b) { return a + b; });
}

template <typename T>
INLINE T largest(Vector<T> x) {
    return combined(x, [](T a, T b) { return a > b ? a : b; });
}
