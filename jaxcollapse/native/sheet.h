// Sheets: sixteen columns, and as many rows as it takes.
//
// Of a small vocabulary the columns are sixteen trajectories and the rows are tokens (`kApart`); of a large one the
// columns hold the tokens of one trajectory, sixteen to a row (`kTogether`). What is done row by row is the same for
// both, and what is done with sums over rows is, once the columns of one trajectory have been added up.
#pragma once

#include "vector.h"

enum Layout { kApart, kTogether };

constexpr float kInfinity = __builtin_bit_cast(float, 0x7f800000);

template <Layout layout>
struct Sheet {
    static constexpr int kLanes = layout == kApart ? kWidth : 1;

    int64_t lanes, tokens;
    int64_t first;  // lane
    int rows;

    Sheet(int64_t lanes, int64_t tokens, int64_t first)
        : lanes(lanes), tokens(tokens), first(first), rows(rows_of(tokens)) {}

    // Numbers of a lane in so many rows.
    static int64_t numbers(int rows) { return layout == kApart ? rows : int64_t(rows) * kWidth; }

    static int rows_of(int64_t tokens) { return int(layout == kApart ? tokens : (tokens + kWidth - 1) / kWidth); }

    // The lane of a column; columns beyond the last lane repeat it.
    int64_t lane(int column) const {
        const int64_t own = first + (layout == kApart ? column : 0);
        return own < lanes ? own : lanes - 1;
    }

    // Whether a column is the first one of a lane.
    bool has(int column) const { return column < kLanes && first + column < lanes; }

    // A number of each lane: every `stride`th of an array, from `offset` on.
    template <typename T>
    Vector<T> of_lanes(const T* from, int stride = 1, int offset = 0) const {
        return of_columns<T>([&](int c) { return from[lane(c) * stride + offset]; });
    }

    template <typename T>
    void to_lanes(Vector<T> values, T* to, int stride = 1, int offset = 0) const {
        each_column(values, [&](int c, T value) {
            if (has(c)) to[(first + c) * stride + offset] = value;
        });
    }

    // Rows of what `value` makes of the numbers of an array [lane, token]; `beyond` where there is no token.
    template <typename T, typename From, typename Value>
    void load(Array<Vector<T>> to, const From* from, T beyond, Value value) const {
        T* __restrict numbers = flat(to);
        const int64_t tokens = this->tokens, all = int64_t(rows) * kWidth;
        if (layout == kApart) {
            each_column(counting(), [&](int c, int32_t) {
                const From* __restrict own = from + lane(c) * tokens;
                for (int64_t r = 0; r < tokens; ++r) numbers[r * kWidth + c] = value(own[r]);
            });
        } else {
            const From* __restrict own = from + first * tokens;
            each_number(0, tokens, [&](int64_t t) { numbers[t] = value(own[t]); });
            each_number(tokens, all, [&](int64_t t) { numbers[t] = beyond; });
        }
    }

    template <typename T>
    void load(Array<Vector<T>> to, const T* from, T beyond) const {
        load(to, from, beyond, [](T x) { return x; });
    }

    template <typename T>
    void store(Array<Vector<T>> from, T* to) const {
        const T* const numbers = flat(from);
        if (layout == kApart) {
            each_column(counting(), [&](int c, int32_t) {
                if (!has(c)) return;
                for (int r = 0; r < rows; ++r) to[(first + c) * tokens + r] = numbers[r * kWidth + c];
            });
        } else {
            T* const own = to + first * tokens;
            each_number(0, tokens, [&](int64_t t) { own[t] = numbers[t]; });
        }
    }

    // Of columns' sums, maxima and minima, those of the columns' lanes.
    static INLINE Floats sum(Floats columns) { return layout == kApart ? columns : Floats(total(columns)); }
    static INLINE Floats maximum(Floats columns) { return layout == kApart ? columns : Floats(largest(columns)); }
    static INLINE Floats minimum(Floats columns) { return -maximum(-columns); }

    // The largest logit of each lane.
    Floats peak(Array<Floats> logits) const {
        constexpr int kAtOnce = 8;  // so that none waits for another
        Floats top[kAtOnce];
        for (Floats& each : top) each = -kInfinity;
        int r = 0;
        for (; r + kAtOnce <= rows; r += kAtOnce)
            for (int i = 0; i < kAtOnce; ++i) top[i] = larger(logits[r + i], top[i]);
        for (; r < rows; ++r) top[0] = larger(logits[r], top[0]);
        for (int i = 1; i < kAtOnce; ++i) top[0] = larger(top[i], top[0]);
        return maximum(top[0]);
    }
};

constexpr int kBlock = 64;

// Rows of which something may be true, from where a block begins.
struct Rows {
    int first = 0, last = 0;

    Rows() = default;
    template <typename Condition>
    Rows(int rows, Condition condition) : first(rows) {
        for (int r = 0; r < rows; ++r)
            if (any(condition(r))) first = r < first ? r : first, last = r + 1;
        first -= first % kBlock;
    }
    Rows(int rows) : last(rows) {}
};

// Does something for each row from `first` on, with what `read` gives for it.
template <typename Read, typename Do>
INLINE void each_row(int first, int end, Read read, Do something) {
    int r = first;
    if constexpr (kAhead > 1) {
        for (; r + kAhead <= end; r += kAhead) {
            decltype(read(0)) seen[kAhead];
            for (int i = 0; i < kAhead; ++i) seen[i] = read(r + i);
            for (int i = 0; i < kAhead; ++i) something(r + i, seen[i]);
        }
    }
    for (; r < end; ++r) something(r, read(r));
}

// Sums over rows: `add(r, seen, sums)` adds what row r has, of which `read(r)` was seen. They are summed in blocks, so
// that small terms are not lost.
template <int n, typename Read, typename Add>
INLINE void sum_rows(Rows rows, Floats (&sums)[n], Read read, Add add) {
    for (Floats& sum : sums) sum = 0.0f;
    for (int start = rows.first; start < rows.last; start += kBlock) {
        const int end = start + kBlock < rows.last ? start + kBlock : rows.last;
        Floats parts[n];
        for (Floats& part : parts) part = 0.0f;
        each_row(start, end, read, [&](int r, auto seen) { add(r, seen, parts); });
        for (int i = 0; i < n; ++i) sums[i] += parts[i];
    }
}

// The same, where nothing is written meanwhile.
template <int n, typename Add>
INLINE void sum_rows(Rows rows, Floats (&sums)[n], Add add) {
    sum_rows(rows, sums, [](int) { return 0; }, [&](int r, int, Floats* parts) { add(r, parts); });
}
