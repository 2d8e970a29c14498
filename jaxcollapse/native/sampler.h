// Exact multinomial counts of sheets: by single draws down a tree of partial sums, or by splitting all draws at once;
// the same as those of `jaxcollapse.sampling.multinomial`.
//
// Rows are summed in pairs, row j with row j + half, down to one row of columns' sums; the columns of one trajectory
// then in pairs, too. Every node of that tree keeps its own relative precision, so that a token of probability 1e-30 is
// as likely as it should be.
#pragma once

#include "binomial.h"
#include "memory.h"
#include "sheet.h"

constexpr uint32_t kRefined = 1u << 31;  // set in the first word of a counter whose words are lower ones
constexpr int kMostLevels = 40;

// The sums. `level[0]` are the leaves, of which the caller fills the rows.
struct Tree {
    int levels;             // of rows, the leaves included; the last one has one row
    int rows[kMostLevels];  // of each level, which has room for an even number of them
    Floats* level[kMostLevels];
    float fold[2 * kWidth];  // kTogether: at 2ᵈ … 2ᵈ⁺¹ − 1 the sums of all columns that are equal modulo 2ᵈ

    Tree(int leaves, Memory& memory) : levels(1), rows{leaves} {
        int room = leaves + leaves % 2;
        for (int n = leaves; n > 1; room += n + n % 2) rows[levels++] = n = (n + 1) / 2;
        Floats* space = memory.take<Floats>(room);
        for (int l = 0; l < levels; ++l) {
            level[l] = space;
            space += rows[l] + rows[l] % 2;
        }
    }

    template <Layout layout>
    INLINE void sum() {
        for (int l = 0; l + 1 < levels; ++l) {
            Floats *from = level[l], *to = level[l + 1];
            const int half = rows[l + 1];
            if (rows[l] % 2) from[rows[l]] = 0.0f;
            for (int j = 0; j < half; ++j) to[j] = from[j] + from[j + half];
        }
        if (layout == kTogether) {
            memcpy(fold + kWidth, level[levels - 1], sizeof(Floats));
            for (int d = kWidth / 2; d > 0; d /= 2)
                for (int j = 0; j < d; ++j) fold[d + j] = fold[2 * d + j] + fold[3 * d + j];
        }
    }
};

// Draws of which each has a number of its own; gives the leaves they end at, as row × 16 + column.
template <Layout layout>
INLINE Ints walk(const Tree& tree, Pair<Words> key, Words number) {
    Ints node = layout == kApart ? counting() : Ints(0);
    Pair<Words> bits;
    int step = 0;
    auto choose = [&](const float* sums, int half) {
        if (step % 4 == 0) bits = threefry(key, Words(uint32_t(step / 4)), number);
        const Floats left = gathered(sums, node), right = gathered(sums + half, node);
        const Floats whole = left + right;
        // What is above the left child's share is compared with the right one's, where that is the lighter one.
        const Ints right_is_lighter = right < left;
        const Words flip = Words(right_is_lighter), word = (step % 4 < 2 ? bits.high : bits.low) ^ flip;
        const Floats random = converted<float>(Ints(step % 2 ? word >> 16 : word & 0xFFFFu));
        // The lighter child is chosen if (random + a uniform number) × whole < bar.
        const Floats mark = random * whole, bar = smaller(left, right) * 65536.0f;
        Ints lighter = mark + whole <= bar;
        const Ints open = ~lighter & (mark < bar);
        if (any(open)) {
            const Pair<Words> more = threefry(key, Words(uint32_t(step) | kRefined), number);
            const Floats rest = fma(converted<float>(more.low ^ flip), 0x1p-64f, 0x1p-66f);
            const Floats u = fma(converted<float>(more.high ^ flip), 0x1p-32f, rest);
            lighter |= open & (fma(u, whole, mark) < bar);
        }
        node += (lighter ^ ~right_is_lighter) & half;
        ++step;
    };
    if (layout == kTogether)
        for (int d = 1; d < kWidth; d *= 2) choose(tree.fold + 2 * d, d);
    for (int l = tree.levels - 2; l >= 0; --l) choose((const float*)tree.level[l], tree.rows[l + 1] * kWidth);
    return node;
}

// How `here` draws fall on two children; `word` is random, `lower` makes the lower words.
template <int width>
struct Sides {
    Vector<int32_t, width> left, right;
};

template <int width, typename Lower>
INLINE Sides<width> shared_out(Vector<int32_t, width> here, Vector<float, width> left, Vector<float, width> right,
                               Vector<uint32_t, width> word, Lower lower) {
    const auto left_is_lighter = left < right;
    const auto lighter = select(left_is_lighter, left, right), heavier = select(left_is_lighter, right, left);
    const auto odds = select(heavier > 0.0f, lighter / heavier, Vector<float, width>(0.0f));
    // What is above a uniform number for one child is below it for the other: so that nothing jumps where they tie.
    const auto flip = ~Vector<uint32_t, width>(left_is_lighter);
    const auto some = Binomial<width>::count(word ^ flip, here, odds, [&] { return lower() ^ flip; });
    const auto rest = here - some;
    return {select(left_is_lighter, some, rest), select(left_is_lighter, rest, some)};
}

// The draws of a sheet, and the counts that they add up to.
template <Layout layout>
struct Sampler {
    Tree tree;
    Ints *counts, *scratch;  // of the leaves; the caller leaves `counts` zero behind
    int32_t* drawn;          // the leaves of single draws, as row × 16 + column
    int rows;
    Ints all_at_once, one_by_one;  // the numbers of draws
    bool splits;
    int32_t most;  // draws one by one

    Sampler(int rows, Ints draws, int32_t fewest_split, Memory& memory)
        : tree(rows, memory),
          counts(memory.take<Ints>(rows + rows % 2)),
          scratch(memory.take<Ints>(rows + rows % 2)),
          rows(rows),
          most(0) {
        const Ints is_split = draws >= fewest_split;
        splits = any(is_split);
        all_at_once = draws & is_split;
        one_by_one = draws & ~is_split;
        for (int c = 0; c < kWidth; ++c) most = one_by_one[c] > most ? one_by_one[c] : most;
        drawn = memory.take<int32_t>(int64_t(most) * kWidth);
        memset((void*)counts, 0, sizeof(Ints) * size_t(rows));
    }

    Floats* leaves() { return tree.level[0]; }

    INLINE void sum() { tree.template sum<layout>(); }

    // Adds the single draws to the counts; gives how many leaves are in `drawn`.
    INLINE int draw(Pair<Words> key) {
        int32_t* flat = (int32_t*)counts;
        int found = 0;
        const int32_t step = layout == kApart ? 1 : kWidth;
        for (int32_t number = 0; number < most; number += step) {
            const Ints own = layout == kApart ? Ints(number) : number + counting();
            const Ints leaf = walk<layout>(tree, key, Words(own)), live = own < one_by_one;
            for (int c = 0; c < kWidth; ++c) {
                if (!live[c]) continue;
                drawn[found++] = leaf[c];
                ++flat[leaf[c]];
            }
        }
        return found;
    }

    // Sets the counts to those of the draws that are split.
    INLINE void split(Pair<Words> key) {
        uint32_t depth = 0;
        Ints draws = all_at_once;
        if (layout == kTogether)
            for (int d = 1; d < kWidth; d *= 2, ++depth) draws = split_columns(key, depth, d, draws);
        // The levels take turns in two places, so that the leaves end up in `counts`.
        const bool is_odd = tree.levels % 2 == 0;
        Ints *parents = is_odd ? scratch : counts, *children = is_odd ? counts : scratch;
        parents[0] = draws;
        for (int l = tree.levels - 2; l >= 0; --l, ++depth) {
            split_rows(key, depth, l, parents, children);
            Ints* const swap = parents;
            parents = children;
            children = swap;
        }
    }

    // The draws of `d` columns fall on twice as many.
    INLINE Ints split_columns(Pair<Words> key, uint32_t depth, int d, Ints draws) const {
        const Words column = Words(counting());
        const Ints parent = counting() & (d - 1);
        const Floats left = gathered(tree.fold + 2 * d, parent), right = gathered(tree.fold + 3 * d, parent);
        const Sides<kWidth> sides =
            shared_out(draws & (counting() < d), left, right, threefry(key, Words(depth), column).high,
                       [&] { return threefry(key, Words(depth | kRefined), column).high; });
        Ints both = sides.left;
        for (int j = 0; j < d; ++j) both.set(d + j, sides.right[j]);
        return both;
    }

    // Adjacent parents share a pair of words, and are dealt with together.
    INLINE void split_rows(Pair<Words> key, uint32_t depth, int l, const Ints* parents, Ints* children) const {
        const int half = tree.rows[l + 1];
        const Floats* const sums = tree.level[l];
        for (int j = 0; j < half; j += 2) {
            const bool is_last = j + 1 == half;
            const Ints first = parents[j], second = is_last ? Ints(0) : parents[j + 1];
            Sides<2 * kWidth> sides{0, 0};
            if (any(first | second)) {  // mostly there is nothing to share out where there are few draws
                const Words pair =
                    layout == kApart ? Words(uint32_t(j / 2)) : Words(uint32_t(j / 2 * kWidth)) + Words(counting());
                const Pair<Words> bits = threefry(key, Words(depth), pair);
                const int k = is_last ? j : j + 1;
                sides = shared_out(joined(first, second), joined(sums[j], sums[k]),
                                   joined(sums[j + half], sums[k + half]), joined(bits.high, bits.low), [&] {
                                       const Pair<Words> lower = threefry(key, Words(depth | kRefined), pair);
                                       return joined(lower.high, lower.low);
                                   });
            }
            children[j] = half_of(sides.left, 0);
            children[j + half] = half_of(sides.right, 0);
            if (!is_last) {
                children[j + 1] = half_of(sides.left, 1);
                children[j + 1 + half] = half_of(sides.right, 1);
            }
        }
    }
};
