// Vectors in the registers of a CPU, in as many of them as that takes.
#pragma once

#include "processor.h"

#if defined(__AVX512F__)
constexpr int kPart = 16;  // numbers of a register
#elif defined(__AVX2__)
constexpr int kPart = 8;
#else
constexpr int kPart = 4;
#endif

// A register, or two halves. (Halves rather than an array: of arrays compilers make memory, and not registers.)
template <typename T, int width, bool is_part = width == kPart>
struct Storage {
    Vector<T, width / 2> low, high;
};

template <typename T, int width>
struct Storage<T, width, true> {
    typedef T Part __attribute__((vector_size(4 * kPart)));
    typedef typename Wrapping<T>::Number Wrapped __attribute__((vector_size(4 * kPart)));
    Part part;
};

// A function's value: of halves, or of a register by an instruction that a processor has, or number by number.
#if defined(__AVX512F__)
#define OF_PART(avx512, avx2, neon, number) result.part = (decltype(result.part))(avx512);
#elif defined(__AVX2__)
#define OF_PART(avx512, avx2, neon, number) result.part = (decltype(result.part))(avx2);
#elif defined(__ARM_NEON)
#define OF_PART(avx512, avx2, neon, number) result.part = (decltype(result.part))(neon);
#else
#define OF_PART(avx512, avx2, neon, number) \
    for (int j = 0; j < kPart; ++j) result.part[j] = number;
#endif
#define BY_PART(low, high, avx512, avx2, neon, number) \
    if constexpr (width == kPart) {                    \
        Vector result;                                 \
        OF_PART(avx512, avx2, neon, number)            \
        return result;                                 \
    } else {                                           \
        return Vector(low, high);                      \
    }

template <typename T, int width>
struct Vector : Storage<T, width> {
    static constexpr bool kIsPart = width == kPart;
    using Half = Vector<T, width / 2>;
    using Condition = Vector<int32_t, width>;

    Vector() = default;
    INLINE Vector(T x) {
        if constexpr (kIsPart) {
            this->part = x - typename Vector::Part{};  // x everywhere, be it −0 or not a number
        } else {
            this->low = x;
            this->high = x;
        }
    }
    INLINE Vector(Half low, Half high) {
        this->low = low;
        this->high = high;
    }
    // Of the same bits.
    template <typename From>
    INLINE explicit Vector(Vector<From, width> other) {
        if constexpr (kIsPart) {
            this->part = (typename Vector::Part)other.part;
        } else {
            this->low = Half(other.low);
            this->high = Half(other.high);
        }
    }

    INLINE T operator[](int i) const {
        T all[width];
        memcpy(all, this, sizeof all);
        return all[i];
    }

#define ELEMENTWISE(op, As)                                  \
    friend INLINE Vector operator op(Vector x, Vector y) {   \
        if constexpr (kIsPart) {                             \
            using Type = typename Vector::As;                \
            const Type found = Type(x.part) op Type(y.part); \
            x.part = (typename Vector::Part)found;           \
            return x;                                        \
        } else {                                             \
            return Vector(x.low op y.low, x.high op y.high); \
        }                                                    \
    }                                                        \
    INLINE Vector& operator op## = (Vector other) { return *this = *this op other; }
    ELEMENTWISE(+, Wrapped)
    ELEMENTWISE(-, Wrapped)
    ELEMENTWISE(*, Wrapped)
    ELEMENTWISE(/, Part)
    ELEMENTWISE(&, Part)
    ELEMENTWISE(|, Part)
    ELEMENTWISE(^, Part)
#undef ELEMENTWISE

#define COMPARISON(op)                                                  \
    friend INLINE Condition operator op(Vector x, Vector y) {           \
        if constexpr (kIsPart) {                                        \
            Condition result;                                           \
            result.part = (typename Condition::Part)(x.part op y.part); \
            return result;                                              \
        } else {                                                        \
            return Condition(x.low op y.low, x.high op y.high);         \
        }                                                               \
    }
    COMPARISON(<)
    COMPARISON(<=)
    COMPARISON(>)
    COMPARISON(>=)
    COMPARISON(==)
    COMPARISON(!=)
#undef COMPARISON

#define UNARY(name, low, high, number) \
    friend INLINE Vector name {        \
        if constexpr (kIsPart) {       \
            x.part = number;           \
            return x;                  \
        } else {                       \
            return Vector(low, high);  \
        }                              \
    }
    UNARY(operator-(Vector x), -x.low, -x.high, (typename Vector::Part)(-(typename Vector::Wrapped)x.part))
    UNARY(operator~(Vector x), ~x.low, ~x.high, ~x.part)
    UNARY(operator<<(Vector x, int by), x.low << by, x.high << by,
          (typename Vector::Part)((typename Vector::Wrapped)x.part << by))
    UNARY(operator>>(Vector x, int by), x.low >> by, x.high >> by, x.part >> by)
#undef UNARY

    friend INLINE Vector select(Condition condition, Vector yes, Vector no) {
        if constexpr (kIsPart) {
            yes.part = condition.part ? yes.part : no.part;
            return yes;
        } else {
            return Vector(select(condition.low, yes.low, no.low), select(condition.high, yes.high, no.high));
        }
    }

    // The rest is for floating-point numbers.

    // The smaller and the larger of two numbers; the second where they cannot be compared.
    friend INLINE Vector smaller(Vector x, Vector y) {
        BY_PART(smaller(x.low, y.low), smaller(x.high, y.high), _mm512_min_ps(x.part, y.part),
                _mm256_min_ps(x.part, y.part), vbslq_f32(vcltq_f32(x.part, y.part), x.part, y.part),
                x.part[j] < y.part[j] ? x.part[j] : y.part[j])
    }
    friend INLINE Vector larger(Vector x, Vector y) {
        BY_PART(larger(x.low, y.low), larger(x.high, y.high), _mm512_max_ps(x.part, y.part),
                _mm256_max_ps(x.part, y.part), vbslq_f32(vcgtq_f32(x.part, y.part), x.part, y.part),
                x.part[j] > y.part[j] ? x.part[j] : y.part[j])
    }
    // x y + z, rounded once.
    friend INLINE Vector fma(Vector x, Vector y, Vector z) {
        BY_PART(fma(x.low, y.low, z.low), fma(x.high, y.high, z.high), _mm512_fmadd_ps(x.part, y.part, z.part),
                _mm256_fmadd_ps(x.part, y.part, z.part), vfmaq_f32(z.part, x.part, y.part),
                __builtin_fmaf(x.part[j], y.part[j], z.part[j]))
    }
    friend INLINE Vector square_root(Vector x) {
        BY_PART(square_root(x.low), square_root(x.high), _mm512_sqrt_ps(x.part), _mm256_sqrt_ps(x.part),
                vsqrtq_f32(x.part), __builtin_sqrtf(x.part[j]))
    }
    // The nearest whole number, ties to the even one; |x| < 2²².
    friend INLINE Vector rounded(Vector x) {
        BY_PART(rounded(x.low), rounded(x.high),
                _mm512_roundscale_ps(x.part, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                _mm256_round_ps(x.part, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), vrndnq_f32(x.part),
                (x.part[j] + 12582912.0f) - 12582912.0f)
    }
    // The largest whole number that is no larger.
    friend INLINE Vector floored(Vector x) {
        BY_PART(floored(x.low), floored(x.high),
                _mm512_roundscale_ps(x.part, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC),
                _mm256_round_ps(x.part, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC), vrndmq_f32(x.part),
                __builtin_floorf(x.part[j]))
    }
};
#undef BY_PART
#undef OF_PART

// Two vectors in one, and back.
template <typename T>
INLINE Vector<T, 2 * kWidth> joined(Vector<T> first, Vector<T> second) {
    return {first, second};
}

template <typename T>
INLINE Vector<T> half_of(Vector<T, 2 * kWidth> both, int which) {
    return which == 0 ? both.low : both.high;
}

// The nearest numbers of another type; of floating-point numbers the whole ones towards zero.
template <typename To, typename From, int width>
INLINE Vector<To, width> converted(Vector<From, width> x) {
    if constexpr (width == kPart) {
        Vector<To, width> result;
        result.part = __builtin_convertvector(x.part, typename Vector<To, width>::Part);
        return result;
    } else {
        return {converted<To>(x.low), converted<To>(x.high)};
    }
}

template <int width>
INLINE bool any(Vector<int32_t, width> condition) {
    if constexpr (width != kPart) {
        return any(condition.low | condition.high);
    } else {
#if defined(__AVX512F__)
        return _mm512_test_epi32_mask((__m512i)condition.part, (__m512i)condition.part) != 0;
#elif defined(__AVX2__)
        return !_mm256_testz_si256((__m256i)condition.part, (__m256i)condition.part);
#else
        uint64_t halves[2];
        memcpy(halves, &condition, sizeof halves);
        return (halves[0] | halves[1]) != 0;
#endif
    }
}

template <int width>
INLINE Vector<float, width> gathered(const float* from, Vector<int32_t, width> index) {
    if constexpr (width != kPart) {
        return {gathered(from, index.low), gathered(from, index.high)};
    } else {
        Vector<float, width> result;
#if defined(__AVX512F__)
        result.part = (decltype(result.part))_mm512_i32gather_ps((__m512i)index.part, from, 4);
#elif defined(__AVX2__)
        result.part = (decltype(result.part))_mm256_i32gather_ps(from, (__m256i)index.part, 4);
#else
        for (int j = 0; j < kPart; ++j) result.part[j] = from[index.part[j]];
#endif
        return result;
    }
}

// The same of sixteen numbers, all of which can be read.
template <int width>
INLINE Vector<float, width> gathered_near(const float* from, Vector<int32_t, width> index) {
#if defined(__AVX512F__)
    if constexpr (width != kPart) {
        return {gathered_near(from, index.low), gathered_near(from, index.high)};
    } else {
        Vector<float, width> result;
        result.part = (decltype(result.part))_mm512_permutexvar_ps((__m512i)index.part, _mm512_loadu_ps(from));
        return result;
    }
#else
    return gathered(from, index);
#endif
}

// What `number` gives for each column.
template <typename T, typename Number>
INLINE Vector<T> of_columns(Number number) {
    T columns[kWidth];
    for (int c = 0; c < kWidth; ++c) columns[c] = number(c);
    Vector<T> all;
    memcpy((void*)&all, columns, sizeof columns);
    return all;
}

// Tells of each column what is in it.
template <typename T, typename Tell>
INLINE void each_column(Vector<T> values, Tell tell) {
    T columns[kWidth];
    memcpy(columns, &values, sizeof columns);
    for (int c = 0; c < kWidth; ++c) tell(c, columns[c]);
}

// Does something for each number of a flat array from `first` on.
template <typename Do>
INLINE void each_number(int64_t first, int64_t end, Do something) {
    for (int64_t i = first; i < end; ++i) something(i);
}

// Of all sixteen, in pairs: eight apart, then four, two, one.
template <typename T, typename Both>
INLINE T combined(Vector<T> x, Both both) {
    T all[kWidth];
    memcpy(all, &x, sizeof all);
    for (int half = kWidth / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) all[i] = both(all[i], all[i + half]);
    return all[0];
}

// The first `many` columns of one vector, and beside them the same number of another's.
template <typename T>
INLINE Vector<T> beside(Vector<T> first, Vector<T> second, int many) {
    T left[kWidth], right[kWidth];
    memcpy(left, &first, sizeof left);
    memcpy(right, &second, sizeof right);
    for (int i = 0; i < many; ++i) left[many + i] = right[i];
    memcpy((void*)&first, left, sizeof left);
    return first;
}

constexpr int kAhead = 1;  // rows to be read before one is written: processors look ahead by themselves

// Rows of a sheet.
template <typename V>
using Array = V*;

// All its numbers, one after the other.
template <typename T>
INLINE T* flat(Vector<T>* rows) {
    return (T*)rows;
}

// A list of what columns give.
struct List {
    int32_t* items;
    int size = 0;

    INLINE void add(int32_t item) { items[size++] = item; }

    template <typename Tell>
    INLINE void each(Tell tell) const {
        for (int i = 0; i < size; ++i) tell(items[i]);
    }
};

INLINE void add_one(int32_t* to) { ++*to; }

INLINE int32_t taken(int32_t* from) {
    const int32_t all = *from;
    *from = 0;
    return all;
}

// Does what is for one column to do.
template <typename Do>
INLINE void in_column(int, Do something) {
    something();
}

// Columns wait for one another, so that each sees what others have written.
INLINE void meet() {}
