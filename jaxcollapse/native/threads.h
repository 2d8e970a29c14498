// Vectors whose columns are threads: sixteen of them work on a sheet, each with its own column, and meet where one
// needs what others have. What they decide they decide together, so that all take the same way.
#pragma once

#if defined(COLUMN)
#include COLUMN  // another idea of what a thread is, for tests
#else
#include "column.h"
#endif

template <typename T, int width>
struct Vector {
    using Number = T;
    static constexpr int kOwn = width / kWidth;  // numbers of a thread
    using Condition = Vector<int32_t, width>;
    using Wrapped = typename Wrapping<T>::Number;

    T own[kOwn];

    Vector() = default;
    INLINE Vector(T x) {
        for (int i = 0; i < kOwn; ++i) own[i] = x;
    }
    // Of the same bits.
    template <typename From>
    INLINE explicit Vector(Vector<From, width> other) {
        memcpy(own, other.own, sizeof own);
    }

    // What this thread has; it asks of its own column, or where all are alike.
    INLINE T operator[](int) const { return own[0]; }

#define ELEMENTWISE(op, As)                                                        \
    friend INLINE Vector operator op(Vector x, Vector y) {                         \
        for (int i = 0; i < kOwn; ++i) x.own[i] = T(As(x.own[i]) op As(y.own[i])); \
        return x;                                                                  \
    }                                                                              \
    INLINE Vector& operator op## = (Vector other) { return *this = *this op other; }
    ELEMENTWISE(+, Wrapped)
    ELEMENTWISE(-, Wrapped)
    ELEMENTWISE(*, Wrapped)
    ELEMENTWISE(/, T)
    ELEMENTWISE(&, T)
    ELEMENTWISE(|, T)
    ELEMENTWISE(^, T)
#undef ELEMENTWISE

#define COMPARISON(op)                                                             \
    friend INLINE Condition operator op(Vector x, Vector y) {                      \
        Condition result;                                                          \
        for (int i = 0; i < kOwn; ++i) result.own[i] = -int(x.own[i] op y.own[i]); \
        return result;                                                             \
    }
    COMPARISON(<)
    COMPARISON(<=)
    COMPARISON(>)
    COMPARISON(>=)
    COMPARISON(==)
    COMPARISON(!=)
#undef COMPARISON

#define EACH(name, number)                                \
    friend INLINE Vector name {                           \
        for (int i = 0; i < kOwn; ++i) x.own[i] = number; \
        return x;                                         \
    }
    EACH(operator-(Vector x), T(-Wrapped(x.own[i])))
    EACH(operator~(Vector x), ~x.own[i])
    EACH(operator<<(Vector x, int by), T(Wrapped(x.own[i]) << by))
    EACH(operator>>(Vector x, int by), x.own[i] >> by)
    // The smaller and the larger of two numbers; the second where they cannot be compared.
    EACH(smaller(Vector x, Vector y), x.own[i] < y.own[i] ? x.own[i] : y.own[i])
    EACH(larger(Vector x, Vector y), x.own[i] > y.own[i] ? x.own[i] : y.own[i])
    // x y + z, rounded once.
    EACH(fma(Vector x, Vector y, Vector z), fmaf(x.own[i], y.own[i], z.own[i]))
    EACH(square_root(Vector x), sqrtf(x.own[i]))
    // The nearest whole number, ties to the even one; |x| < 2²².
    EACH(rounded(Vector x), (x.own[i] + 12582912.0f) - 12582912.0f)
    // The largest whole number that is no larger.
    EACH(floored(Vector x), floorf(x.own[i]))
#undef EACH

    friend INLINE Vector select(Condition condition, Vector yes, Vector no) {
        for (int i = 0; i < kOwn; ++i) yes.own[i] = condition.own[i] ? yes.own[i] : no.own[i];
        return yes;
    }
};

// Two vectors in one, and back.
template <typename T>
INLINE Vector<T, 2 * kWidth> joined(Vector<T> first, Vector<T> second) {
    Vector<T, 2 * kWidth> both;
    both.own[0] = first.own[0];
    both.own[1] = second.own[0];
    return both;
}

template <typename T>
INLINE Vector<T> half_of(Vector<T, 2 * kWidth> both, int which) {
    return both.own[which];
}

// The nearest numbers of another type; of floating-point numbers the whole ones towards zero.
template <typename To, typename From, int width>
INLINE Vector<To, width> converted(Vector<From, width> x) {
    Vector<To, width> result;
    for (int i = 0; i < result.kOwn; ++i) result.own[i] = To(x.own[i]);
    return result;
}

template <int width>
INLINE bool any(Vector<int32_t, width> condition) {
    int32_t own = 0;
    for (int i = 0; i < condition.kOwn; ++i) own |= condition.own[i];
    return any_column(own != 0);
}

template <int width>
INLINE Vector<float, width> gathered(const float* from, Vector<int32_t, width> index) {
    Vector<float, width> result;
    for (int i = 0; i < result.kOwn; ++i) result.own[i] = from[index.own[i]];
    return result;
}

// The same of sixteen numbers.
template <int width>
INLINE Vector<float, width> gathered_near(const float* from, Vector<int32_t, width> index) {
    return gathered(from, index);
}

// What `number` gives for each column.
template <typename T, typename Number>
INLINE Vector<T> of_columns(Number number) {
    return T(number(column()));
}

// Tells of each column what is in it.
template <typename T, typename Tell>
INLINE void each_column(Vector<T> values, Tell tell) {
    tell(column(), values.own[0]);
}

// Does something for each number of a flat array from `first` on.
template <typename Do>
INLINE void each_number(int64_t first, int64_t end, Do something) {
    for (int64_t i = first + ((column() - first) & (kWidth - 1)); i < end; i += kWidth) something(i);
}

// Of all sixteen, in pairs: eight apart, then four, two, one.
template <typename T, typename Both>
INLINE T combined(Vector<T> x, Both both) {
    T own = x.own[0];
    for (int half = kWidth / 2; half > 0; half /= 2) own = both(own, of_column(own, column() + half));
    return of_column(own, 0);
}

// The first `many` columns of one vector, and beside them the same number of another's.
template <typename T>
INLINE Vector<T> beside(Vector<T> first, Vector<T> second, int many) {
    const T other = of_column(second.own[0], column() - many);
    return many <= column() && column() < 2 * many ? other : first.own[0];
}

// Does what is for one column to do.
template <typename Do>
INLINE void in_column(int one, Do something) {
    if (column() == one) something();
}

constexpr int kAhead = 8;  // rows to be read before one is written, since memory is far away

// Rows of a sheet, of which a thread sees its own column.
template <typename V>
struct Array;

template <typename T>
struct Array<Vector<T>> {
    T* base;

    INLINE Vector<T>& operator[](int64_t row) const { return *(Vector<T>*)(base + row * kWidth); }
    INLINE Array& operator+=(int64_t rows) {
        base += rows * kWidth;
        return *this;
    }
};

// All its numbers, one after the other.
template <typename T>
INLINE T* flat(Array<Vector<T>> rows) {
    return rows.base - column();
}

// A list of what columns give, of each apart.
struct List {
    int32_t* items;
    int size = 0;

    INLINE void add(int32_t item) { items[size++ * kWidth + column()] = item; }

    template <typename Tell>
    INLINE void each(Tell tell) const {
        for (int i = 0; i < size; ++i) tell(items[i * kWidth + column()]);
    }
};
