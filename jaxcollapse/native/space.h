// How much memory a sheet of so many rows takes, in bytes.
#pragma once

#include <cstdint>

constexpr int kWidth = 16;  // columns of a sheet
constexpr int64_t kRowBytes = 4 * kWidth;

// Rows come in pairs where a pair is summed, or split.
constexpr int64_t even(int64_t rows) { return rows + rows % 2; }

// Rows of a tree of sums, the leaves included.
constexpr int64_t tree_rows(int64_t leaves) {
    int64_t all = even(leaves);
    for (int64_t n = leaves; n > 1; all += even(n)) n = (n + 1) / 2;
    return all;
}

// What a sampler needs: the sums, of columns and of rows; counts in two places; fewer than `fewest_split` draws.
constexpr int64_t sampler_bytes(int64_t rows, int64_t fewest_split) {
    return kRowBytes * (3 + tree_rows(rows) + 2 * even(rows) + fewest_split);
}

// What training needs beside: logits, their exponentials, what can die out, and answers if they are watched.
constexpr int64_t trainer_bytes(int64_t rows, int64_t fewest_split, bool watches_answers) {
    return sampler_bytes(rows, fewest_split) + kRowBytes * (3 + watches_answers) * rows;
}

// What groups of traces with rewards need beside: rewards and pulls of tokens, tokens and rewards of traces.
constexpr int64_t group_bytes(int64_t rows, int64_t size) { return size ? kRowBytes * (2 * rows + 2 * size + 4) : 0; }

// Levels of ln p in which the order of tokens is looked at.
constexpr int kLevels = 64;

// What measuring needs: of p0 and its tempered copies, of a model and its own, and of what it has left of p0; levels.
constexpr int64_t measuring_bytes(int64_t rows) { return kRowBytes * (10 * rows + 3 * kLevels); }
