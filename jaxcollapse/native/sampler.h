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
    Array<Floats> level[kMostLevels];
    float* fold;  // kTogether: at 2ᵈ … 2ᵈ⁺¹ − 1 the sums of all columns that are equal modulo 2ᵈ; sixteen more are read

    Tree(int leaves, Memory& memory) : levels(1), rows{leaves}, fold(memory.take<float>(3 * kWidth)) {
        for (int n = leaves; n > 1;) rows[levels++] = n = (n + 1) / 2;
        Array<Floats> space = memory.rows<Floats>(tree_rows(leaves));
        for (int l = 0; l < levels; ++l) {
            level[l] = space;
            space += even(rows[l]);
        }
    }

    // The levels above this one.
    template <Layout layout>
    INLINE void sum(int first = 0) {
        for (int l = first; l + 1 < levels; ++l) {
            const Array<Floats> from = level[l], to = level[l + 1];
            const int half = rows[l + 1];
            if (rows[l] % 2) from[rows[l]] = 0.0f;
            each_row(0, half, [&](int j) { return from[j] + from[j + half]; }, [&](int j, Floats sum) { to[j] = sum; });
        }
        if (layout != kTogether) return;
        each_column(level[levels - 1][0], [&](int c, float sum) { fold[kWidth + c] = sum; });
        for (int d = kWidth / 2; d > 0; d /= 2) {
            meet();
            each_column(counting(), [&](int c, int32_t) {
                if (c < d) fold[d + c] = fold[2 * d + c] + fold[3 * d + c];
            });
        }
        meet();
    }
};

// Draws of which each has a number of its own; gives the leaves they end at, as row × 16 + column. They begin at these
// nodes: in the columns of their lanes, or at 0.
template <Layout layout, int width>
INLINE Vector<int32_t, width> walk(const Tree& tree, Pair<Vector<uint32_t, width>> key, Vector<uint32_t, width> number,
                                   Vector<int32_t, width> node) {
    using Floats = Vector<float, width>;
    using Ints = Vector<int32_t, width>;
    using Words = Vector<uint32_t, width>;
    Pair<Words> bits;
    constexpr int kFolds = layout == kTogether ? 4 : 0;  // levels of columns, before those of rows
    for (int step = 0; step < kFolds + tree.levels - 1; ++step) {
        const int l = tree.levels - 2 + kFolds - step;
        const float* const sums = step < kFolds ? tree.fold + (2 << step) : flat(tree.level[l]);
        const int half = step < kFolds ? 1 << step : tree.rows[l + 1] * kWidth;
        if (step % 4 == 0) bits = threefry(key, Words(uint32_t(step / 4)), number);
        const bool is_near = step < kFolds;
        const Floats left = is_near ? gathered_near(sums, node) : gathered(sums, node);
        const Floats right = is_near ? gathered_near(sums + half, node) : gathered(sums + half, node);
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
    }
    return node;
}

// Draws with these numbers: sixteen, or twice as many, so that those of one half go on while the other's wait.
template <Layout layout>
INLINE Ints walk(const Tree& tree, Pair<Words> key, Words number) {
    return walk<layout, kWidth>(tree, key, number, layout == kApart ? counting() : Ints(0));
}

template <Layout layout>
INLINE Vector<int32_t, 2 * kWidth> walk(const Tree& tree, Pair<Words> key, Words first, Words second) {
    const Ints node = layout == kApart ? counting() : Ints(0);
    return walk<layout, 2 * kWidth>(tree, {joined(key.high, key.high), joined(key.low, key.low)}, joined(first, second),
                                    joined(node, node));
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
    Array<Ints> counts, scratch;  // of the leaves; the caller leaves `counts` zero behind
    List drawn;                   // the leaves of single draws, as row × 16 + column
    int rows;
    Ints all_at_once, one_by_one;  // the numbers of draws
    bool splits;
    int32_t most;  // draws one by one

    Sampler(int rows, Ints draws, int32_t fewest_split, Memory& memory)
        : tree(rows, memory),
          counts(memory.rows<Ints>(even(rows))),
          scratch(memory.rows<Ints>(even(rows))),
          rows(rows) {
        const Ints is_split = draws >= fewest_split;
        splits = any(is_split);
        all_at_once = draws & is_split;
        one_by_one = draws & ~is_split;
        most = largest(one_by_one);
        drawn.items = memory.take<int32_t>(int64_t(most) * kWidth);
        for (int r = 0; r < rows; ++r) counts[r] = 0;
    }

    Array<Floats> leaves() const { return tree.level[0]; }

    INLINE void sum() { tree.template sum<layout>(); }

    // Adds the single draws to the counts, and lists them.
    INLINE void draw(Pair<Words> key) {
        int32_t* const numbers = flat(counts);
        drawn.size = 0;
        const int32_t step = layout == kApart ? 1 : kWidth;
        for (int32_t number = 0; number < most; number += step) {
            const Ints own = layout == kApart ? Ints(number) : number + counting();
            const Ints leaf = walk<layout>(tree, key, Words(own)), live = own < one_by_one;
            each_column(leaf & live | ~live, [&](int, int32_t found) {  // −1 where there is none
                if (found < 0) return;
                drawn.add(found);
                add_one(numbers + found);
            });
        }
        meet();
    }

    // Sets the counts to those of the draws that are split.
    INLINE void split(Pair<Words> key) {
        uint32_t depth = 0;
        Ints draws = all_at_once;
        if (layout == kTogether)
            for (int d = 1; d < kWidth; d *= 2, ++depth) draws = split_columns(key, depth, d, draws);
        // The levels take turns in two places, so that the leaves end up in `counts`.
        const bool is_odd = tree.levels % 2 == 0;
        Array<Ints> parents = is_odd ? scratch : counts, children = is_odd ? counts : scratch;
        parents[0] = draws;
        for (int l = tree.levels - 2; l >= 0; --l, ++depth) {
            split_rows(key, depth, l, parents, children);
            const Array<Ints> swap = parents;
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
        return beside(sides.left, sides.right, d);
    }

    // Adjacent parents share a pair of words, and are dealt with together.
    INLINE void split_rows(Pair<Words> key, uint32_t depth, int l, Array<Ints> parents, Array<Ints> children) const {
        const int half = tree.rows[l + 1];
        const Array<Floats> sums = tree.level[l];
        struct Two {
            Ints first, second;
            Floats left[2], right[2];
        };
        const auto read = [&](int j, bool with_sums) {
            const int k = j + 1 == half ? j : j + 1;
            Two two{parents[j], k == j ? Ints(0) : parents[k], {}, {}};
            if (with_sums) two = {two.first, two.second, {sums[j], sums[k]}, {sums[j + half], sums[k + half]}};
            return two;
        };
        Two next = read(0, kAhead > 1);
        for (int j = 0; j < half; j += 2) {
            const bool is_last = j + 1 == half;
            Two two = next;
            if (j + 2 < half) next = read(j + 2, kAhead > 1);
            Sides<2 * kWidth> sides{0, 0};
            if (any(two.first | two.second)) {  // mostly there is nothing to share out where there are few draws
                if (kAhead == 1) two = read(j, true);
                const Words pair =
                    layout == kApart ? Words(uint32_t(j / 2)) : Words(uint32_t(j / 2 * kWidth)) + Words(counting());
                const Pair<Words> bits = threefry(key, Words(depth), pair);
                sides = shared_out(joined(two.first, two.second), joined(two.left[0], two.left[1]),
                                   joined(two.right[0], two.right[1]), joined(bits.high, bits.low), [&] {
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
