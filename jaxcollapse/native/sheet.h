// Sheets: sixteen columns, and as many rows as it takes.
//
// Of a small vocabulary the columns are sixteen trajectories and the rows are tokens (`kApart`); of a large one the
// columns hold the tokens of one trajectory, sixteen to a row (`kTogether`). What is done row by row is the same for
// both, and what is done with sums over rows is, once the columns of one trajectory have been added up.
#pragma once

#include "vector.h"

enum Layout { kApart, kTogether };

constexpr float kInfinity = __builtin_inff();

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

    // A number of each lane: every `stride`th of an array, from `offset` on.
    template <typename T>
    Vector<T> of_lanes(const T* from, int stride = 1, int offset = 0) const {
        T columns[kWidth];
        for (int c = 0; c < kWidth; ++c) columns[c] = from[lane(c) * stride + offset];
        Vector<T> all;
        memcpy((void*)&all, columns, sizeof columns);
        return all;
    }

    template <typename T>
    void to_lanes(Vector<T> values, T* to, int stride = 1, int offset = 0) const {
        T columns[kWidth];
        memcpy(columns, &values, sizeof columns);
        for (int c = 0; c < kLanes && first + c < lanes; ++c) to[(first + c) * stride + offset] = columns[c];
    }

    // Rows of what `value` makes of the numbers of an array [lane, token]; `beyond` where there is no token.
    template <typename T, typename From, typename Value>
    void load(Vector<T>* to, const From* from, T beyond, Value value) const {
        T* __restrict flat = (T*)to;
        const int64_t tokens = this->tokens, all = int64_t(rows) * kWidth;
        if (layout == kApart) {
            for (int c = 0; c < kWidth; ++c) {
                const From* __restrict own = from + lane(c) * tokens;
                for (int64_t r = 0; r < tokens; ++r) flat[r * kWidth + c] = value(own[r]);
            }
        } else {
            const From* __restrict own = from + first * tokens;
            for (int64_t t = 0; t < tokens; ++t) flat[t] = value(own[t]);
            for (int64_t t = tokens; t < all; ++t) flat[t] = beyond;
        }
    }

    template <typename T>
    void load(Vector<T>* to, const T* from, T beyond) const {
        load(to, from, beyond, [](T x) { return x; });
    }

    template <typename T>
    void store(const Vector<T>* from, T* to) const {
        const T* flat = (const T*)from;
        if (layout == kApart) {
            for (int c = 0; c < kWidth && first + c < lanes; ++c)
                for (int r = 0; r < rows; ++r) to[(first + c) * tokens + r] = flat[r * kWidth + c];
        } else {
            memcpy(to + first * tokens, flat, sizeof(T) * size_t(tokens));
        }
    }

    // Of columns' sums, maxima and minima, those of the columns' lanes.
    static INLINE Floats sum(Floats columns) { return layout == kApart ? columns : Floats(total(columns)); }
    static INLINE Floats maximum(Floats columns) { return layout == kApart ? columns : Floats(largest(columns)); }
    static INLINE Floats minimum(Floats columns) { return -maximum(-columns); }

    // The largest logit of each lane.
    Floats peak(const Floats* logits) const {
        Floats top = -kInfinity;
        for (int r = 0; r < rows; ++r) top = larger(logits[r], top);
        return maximum(top);
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

// Sums over rows: `add(r, sums)` adds what row r has. They are summed in blocks, so that small terms are not lost.
template <int n, typename Add>
INLINE void sum_rows(Rows rows, Floats (&sums)[n], Add add) {
    for (Floats& sum : sums) sum = 0.0f;
    for (int start = rows.first; start < rows.last; start += kBlock) {
        const int end = start + kBlock < rows.last ? start + kBlock : rows.last;
        Floats parts[n];
        for (Floats& part : parts) part = 0.0f;
        for (int r = start; r < end; ++r) add(r, parts);
        for (int i = 0; i < n; ++i) sums[i] += parts[i];
    }
}
