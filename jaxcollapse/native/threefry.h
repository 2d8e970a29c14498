// Random words: Threefry-2x32-20 (Salmon, Moraes, Dror, Shaw 2011), the same words as `jaxcollapse.sampling.bits`.
#pragma once

#include "vector.h"

template <typename T>
struct Pair {
    T high, low;
};

template <typename T>
INLINE T rotated(T x, int by) {
    return (x << by) | (x >> (32 - by));
}

// Encrypts the counter (high, low): two random words. T is one word or sixteen.
template <typename T>
INLINE Pair<T> threefry(Pair<T> key, T high, T low) {
    const T schedule[3] = {key.high, key.low, key.high ^ key.low ^ T(0x1BD11BDA)};
    const int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    T x = high + schedule[0], y = low + schedule[1];
#pragma GCC unroll 5
    for (int group = 0; group < 5; ++group) {
#pragma GCC unroll 4
        for (int round = 0; round < 4; ++round) {
            x = x + y;
            y = rotated(y, rotations[group % 2][round]) ^ x;
        }
        x = x + schedule[(group + 1) % 3];
        y = y + schedule[(group + 2) % 3] + T(uint32_t(group) + 1);
    }
    return {x, y};
}

// A new key from a key and a number: `jax.random.fold_in`.
template <typename T>
INLINE Pair<T> fold_in(Pair<T> key, T number) {
    return threefry(key, T(0), number);
}

// A random word whose lower bits are asked for only where they matter. With the lower word it is a uniform number in
// (0, 1] that is precise relative to its own size, as `jaxcollapse.sampling.bits.uniform`; without it, where the word
// is at least `kFine`, to 2⁻³³, which is less than its last place is worth.
constexpr uint32_t kFine = 1u << 22;
