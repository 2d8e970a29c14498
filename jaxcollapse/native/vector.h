// Sixteen numbers at once, or twice as many, and the same bits of them on every processor.
//
// A vector is sixteen numbers wide, in as many registers as that takes. No operation adds across it but `total`, which
// does so in a fixed order, and a product is fused with a sum where `fma` says so and nowhere else: what a compiler
// makes of this is one sequence of IEEE operations. To be compiled without contraction of floating-point expressions.
// Two vectors in one keep a processor busy with one of them while it waits for the other.
#pragma once

#include "processor.h"

#define INLINE inline __attribute__((always_inline))

constexpr int kWidth = 16;

#if defined(__AVX512F__)
constexpr int kPart = 16;  // numbers of a register
#elif defined(__AVX2__)
constexpr int kPart = 8;
#else
constexpr int kPart = 4;
#endif

// Part by part: by an instruction that a processor has, or number by number.
#if defined(__AVX512F__)
#define OF_PART(avx512, avx2, neon, number) result.part[i] = (Part)(avx512);
#elif defined(__AVX2__)
#define OF_PART(avx512, avx2, neon, number) result.part[i] = (Part)(avx2);
#elif defined(__ARM_NEON)
#define OF_PART(avx512, avx2, neon, number) result.part[i] = (Part)(neon);
#else
#define OF_PART(avx512, avx2, neon, number) \
    for (int j = 0; j < kPart; ++j) result.part[i][j] = number;
#endif
#define BY_PART(avx512, avx2, neon, number) \
    Vector result;                          \
    for (int i = 0; i < kParts; ++i) {      \
        OF_PART(avx512, avx2, neon, number) \
    }                                       \
    return result;

template <typename T, int width = kWidth>
struct Vector {
    static constexpr int kParts = width / kPart;
    typedef T Part __attribute__((vector_size(4 * kPart)));
    Part part[kParts];

    Vector() = default;
    INLINE Vector(T x) {
        for (Part& each : part) each = x - Part{};  // x everywhere, be it −0 or not a number
    }
    // Of the same bits.
    template <typename From>
    INLINE explicit Vector(Vector<From, width> other) {
        for (int i = 0; i < kParts; ++i) part[i] = (Part)other.part[i];
    }

    INLINE T operator[](int i) const {
        T all[width];
        memcpy(all, part, sizeof all);
        return all[i];
    }
    INLINE void set(int i, T x) {
        T all[width];
        memcpy(all, part, sizeof all);
        all[i] = x;
        memcpy(part, all, sizeof all);
    }

#define ELEMENTWISE(op)                                                      \
    friend INLINE Vector operator op(Vector x, Vector y) {                   \
        for (int i = 0; i < kParts; ++i) x.part[i] = x.part[i] op y.part[i]; \
        return x;                                                            \
    }                                                                        \
    INLINE Vector& operator op## = (Vector other) { return *this = *this op other; }
    ELEMENTWISE(+)
    ELEMENTWISE(-)
    ELEMENTWISE(*)
    ELEMENTWISE(/)
    ELEMENTWISE(&)
    ELEMENTWISE(|)
    ELEMENTWISE(^)
#undef ELEMENTWISE

#define COMPARISON(op)                                                                        \
    friend INLINE Vector<int32_t, width> operator op(Vector x, Vector y) {                    \
        Vector<int32_t, width> result;                                                        \
        for (int i = 0; i < kParts; ++i)                                                      \
            result.part[i] = (typename Vector<int32_t, width>::Part)(x.part[i] op y.part[i]); \
        return result;                                                                        \
    }
    COMPARISON(<)
    COMPARISON(<=)
    COMPARISON(>)
    COMPARISON(>=)
    COMPARISON(==)
    COMPARISON(!=)
#undef COMPARISON

    friend INLINE Vector operator-(Vector x) {
        for (Part& each : x.part) each = -each;
        return x;
    }
    friend INLINE Vector operator~(Vector x) {
        for (Part& each : x.part) each = ~each;
        return x;
    }
    friend INLINE Vector operator<<(Vector x, int by) {
        for (Part& each : x.part) each = each << by;
        return x;
    }
    friend INLINE Vector operator>>(Vector x, int by) {
        for (Part& each : x.part) each = each >> by;
        return x;
    }

    friend INLINE Vector select(Vector<int32_t, width> condition, Vector yes, Vector no) {
        for (int i = 0; i < kParts; ++i) yes.part[i] = condition.part[i] ? yes.part[i] : no.part[i];
        return yes;
    }

    // The rest is for floating-point numbers.

    // The smaller and the larger of two numbers; the second where they cannot be compared.
    friend INLINE Vector smaller(Vector x, Vector y) {
        BY_PART(_mm512_min_ps(x.part[i], y.part[i]), _mm256_min_ps(x.part[i], y.part[i]),
                vbslq_f32(vcltq_f32(x.part[i], y.part[i]), x.part[i], y.part[i]),
                x.part[i][j] < y.part[i][j] ? x.part[i][j] : y.part[i][j])
    }
    friend INLINE Vector larger(Vector x, Vector y) {
        BY_PART(_mm512_max_ps(x.part[i], y.part[i]), _mm256_max_ps(x.part[i], y.part[i]),
                vbslq_f32(vcgtq_f32(x.part[i], y.part[i]), x.part[i], y.part[i]),
                x.part[i][j] > y.part[i][j] ? x.part[i][j] : y.part[i][j])
    }
    // x y + z, rounded once.
    friend INLINE Vector fma(Vector x, Vector y, Vector z) {
        BY_PART(_mm512_fmadd_ps(x.part[i], y.part[i], z.part[i]), _mm256_fmadd_ps(x.part[i], y.part[i], z.part[i]),
                vfmaq_f32(z.part[i], x.part[i], y.part[i]), __builtin_fmaf(x.part[i][j], y.part[i][j], z.part[i][j]))
    }
    friend INLINE Vector square_root(Vector x) {
        BY_PART(_mm512_sqrt_ps(x.part[i]), _mm256_sqrt_ps(x.part[i]), vsqrtq_f32(x.part[i]),
                __builtin_sqrtf(x.part[i][j]))
    }
    // The nearest whole number, ties to the even one; |x| < 2²².
    friend INLINE Vector rounded(Vector x) {
        BY_PART(_mm512_roundscale_ps(x.part[i], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                _mm256_round_ps(x.part[i], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), vrndnq_f32(x.part[i]),
                (x.part[i][j] + 12582912.0f) - 12582912.0f)
    }
    // The largest whole number that is no larger.
    friend INLINE Vector floored(Vector x) {
        BY_PART(_mm512_roundscale_ps(x.part[i], _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC),
                _mm256_round_ps(x.part[i], _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC), vrndmq_f32(x.part[i]),
                __builtin_floorf(x.part[i][j]))
    }
};

using Floats = Vector<float>;
using Ints = Vector<int32_t>;  // also conditions: −1 where they hold, else 0
using Words = Vector<uint32_t>;

// Two vectors in one, and back.
template <typename T>
INLINE Vector<T, 2 * kWidth> joined(Vector<T> first, Vector<T> second) {
    Vector<T, 2 * kWidth> both;
    memcpy(both.part, first.part, sizeof first);
    memcpy(both.part + Vector<T>::kParts, second.part, sizeof second);
    return both;
}

template <typename T>
INLINE Vector<T> half_of(Vector<T, 2 * kWidth> both, int which) {
    Vector<T> half;
    memcpy(half.part, both.part + which * Vector<T>::kParts, sizeof half);
    return half;
}

INLINE Ints counting() {
    const int32_t numbers[kWidth] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    Ints result;
    memcpy(result.part, numbers, sizeof numbers);
    return result;
}

// The nearest numbers of another type; of floating-point numbers the whole ones towards zero.
template <typename To, typename From, int width>
INLINE Vector<To, width> converted(Vector<From, width> x) {
    Vector<To, width> result;
    for (int i = 0; i < result.kParts; ++i)
        result.part[i] = __builtin_convertvector(x.part[i], typename Vector<To, width>::Part);
    return result;
}

template <int width>
INLINE bool any(Vector<int32_t, width> condition) {
    typename Vector<int32_t, width>::Part all = condition.part[0];
    for (int i = 1; i < condition.kParts; ++i) all |= condition.part[i];
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)all, (__m512i)all) != 0;
#elif defined(__AVX2__)
    return !_mm256_testz_si256((__m256i)all, (__m256i)all);
#else
    uint64_t halves[2];
    memcpy(halves, &all, sizeof halves);
    return (halves[0] | halves[1]) != 0;
#endif
}

INLINE Floats gathered(const float* from, Ints index) {
    Floats result;
    for (int i = 0; i < result.kParts; ++i) {
#if defined(__AVX512F__)
        result.part[i] = (Floats::Part)_mm512_i32gather_ps((__m512i)index.part[i], from, 4);
#elif defined(__AVX2__)
        result.part[i] = (Floats::Part)_mm256_i32gather_ps(from, (__m256i)index.part[i], 4);
#else
        for (int j = 0; j < kPart; ++j) result.part[i][j] = from[index.part[i][j]];
#endif
    }
    return result;
}
#undef BY_PART
#undef OF_PART

// Of all sixteen, in pairs: eight apart, then four, two, one.
INLINE float total(Floats x) {
    float sums[kWidth];
    memcpy(sums, x.part, sizeof sums);
    for (int half = kWidth / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
    return sums[0];
}

INLINE float largest(Floats x) {
    float found[kWidth];
    memcpy(found, x.part, sizeof found);
    for (int half = kWidth / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) found[i] = found[i] > found[i + half] ? found[i] : found[i + half];
    return found[0];
}
