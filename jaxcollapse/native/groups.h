// Groups of traces with rewards, and how much better than its group each trace did: what a policy gradient adds to
// logits. The formulas are those of `jaxcollapse.process.groups` and `jaxcollapse.training.advantages`.
#pragma once

#include "jobs.h"
#include "sampler.h"

constexpr uint32_t kDecisions = 1u << 30;  // first word of counters of what is decided about a trace

template <Layout layout>
struct Groups {
    const GroupJob& job;
    const int block;      // traces that are drawn together: whole groups
    const int rows;       // that they take
    Array<Floats> scale;  // the reward of each token, or its chance of a reward of 1
    Array<Floats> pull;   // sums of advantages by token; the caller leaves them zero behind
    Array<Ints> leaf;     // the tokens of the traces of a block, as row × 16 + column
    Array<Floats> worth;  // their rewards, and then their advantages
    bool is_certain;      // whether the rewards of all tokens are known without a random number

    Groups(const GroupJob& job, const Sheet<layout>& sheet, Memory& memory)
        : job(job),
          block(block_of(job.size)),
          rows(layout == kApart ? block : (block + kWidth - 1) / kWidth),
          scale(memory.rows<Floats>(job.size ? sheet.rows : 0)),
          pull(memory.rows<Floats>(job.size ? sheet.rows : 0)),
          leaf(memory.rows<Ints>(rows)),
          worth(memory.rows<Floats>(rows)),
          is_certain(true) {
        if (!job.size) return;
        sheet.load(scale, job.scale, 0.0f);
        for (int r = 0; r < sheet.rows; ++r) {
            pull[r] = 0.0f;
            if (job.by_chance && any((scale[r] != 0.0f) & (scale[r] != 1.0f))) is_certain = false;
        }
    }

    // Of a sheet with one trajectory, as many groups as fill its columns.
    static int block_of(int size) {
        if (layout == kApart || size >= kWidth || size == 0) return size;
        return (kWidth + size - 1) / size * size;
    }

    // Adds the advantages of so many traces, whole groups, to their tokens' pulls.
    INLINE void add(const Tree& tree, Pair<Words> key, Ints traces) {
        const int32_t most = largest(traces);
        for (int32_t number = 0; number < most; number += block) {
            draw(tree, key, number);
            for (int first = 0; first < block; first += job.size) compare(first, number + first < traces);
            add_up();
        }
    }

    // Draws the traces of a block, of which the first has this number, and rewards them.
    INLINE void draw(const Tree& tree, Pair<Words> key, int32_t number) {
        const Words column = layout == kApart ? Words(0u) : Words(counting());
        const int step = layout == kApart ? 1 : kWidth;
        const auto numbers = [&](int r) { return column + uint32_t(number + r * step); };
        int r = 0;
        for (; r + 2 <= rows; r += 2) {
            const auto both = walk<layout>(tree, key, numbers(r), numbers(r + 1));
            for (int i = 0; i < 2; ++i) leaf[r + i] = half_of(both, i);
        }
        if (r < rows) leaf[r] = walk<layout>(tree, key, numbers(r));
        for (r = 0; r < rows; ++r) {
            const Words own = numbers(r);
            Floats found = gathered(flat(scale), leaf[r]);
            if (!is_certain) {
                const Pair<Words> bits = threefry(key, Words(kDecisions), own);
                const Floats rest = fma(converted<float>(bits.low), 0x1p-64f, 0x1p-66f);
                found = select(fma(converted<float>(bits.high), 0x1p-32f, rest) <= found, 1.0f, Floats(0.0f));
            }
            worth[r] = found;
        }
    }

    // The rewards of the group that begins with this trace become advantages, in the lanes that have it; in others 0.
    INLINE void compare(int first, Ints has) {
        using Lanes = Sheet<layout>;
        const int last = first + job.size;
        const int begin = layout == kApart ? first : first / kWidth;
        const int end = layout == kApart ? last : (last + kWidth - 1) / kWidth;
        const auto inside = [&](int r) {
            if (layout == kApart) return Ints(-1);
            const Ints trace = r * kWidth + counting();
            return (trace >= first) & (trace < last);
        };
        Floats sum = 0.0f, top = -kInfinity, bottom = kInfinity;
        for (int r = begin; r < end; ++r) {
            const Ints own = inside(r);
            sum += select(own, worth[r], 0.0f);
            top = larger(select(own, worth[r], -kInfinity), top);
            bottom = smaller(select(own, worth[r], kInfinity), bottom);
        }
        sum = Lanes::sum(sum);
        const float size = float(job.size);
        const Floats mean = sum / size;
        const Ints differ = Lanes::maximum(top) > Lanes::minimum(bottom);
        Floats factor = job.baseline == kLeaveOneOut && size > 1 ? size / (size - 1) : 1.0f;
        if (job.normalises) {
            Floats squares = 0.0f;
            if (!job.by_chance) {
                for (int r = begin; r < end; ++r) {
                    const Floats difference = select(inside(r), worth[r] - mean, 0.0f);
                    squares = fma(difference, difference, squares);
                }
                squares = Lanes::sum(squares);
            }
            const Floats spread = job.by_chance ? square_root(sum * (size - sum)) / size : square_root(squares / size);
            factor = factor / select(differ, spread, 1.0f);
        }
        // Where all are equal nothing is compared, unless the rewards themselves are what counts.
        const bool compares = job.normalises || job.baseline != kNoBaseline;
        const Ints counts = compares ? has & differ : has;
        const Floats subtracted = job.baseline == kNoBaseline ? Floats(0.0f) : mean;
        for (int r = begin; r < end; ++r) {
            const Floats advantage = select(counts, (worth[r] - subtracted) * factor, 0.0f);
            worth[r] = select(inside(r), advantage, worth[r]);
        }
    }

    // The advantages of a block by token, one after the other.
    INLINE void add_up() {
        float* const pulls = flat(pull);
        const float* const advantages = flat(worth);
        meet();
        each_trace([&](int t, int32_t token) { pulls[token] += advantages[t]; });
        meet();
    }

    // Does something for each trace of a block, in order, in the column of its token: with its place in `worth`.
    template <typename Do>
    INLINE void each_trace(Do something) const {
        if (layout == kApart) {
            for (int r = 0; r < rows; ++r)
                each_column(leaf[r], [&](int c, int32_t token) { something(r * kWidth + c, token); });
        } else {
            const int32_t* const tokens = flat(leaf);
            for (int t = 0; t < block; ++t) in_column(tokens[t] % kWidth, [&] { something(t, tokens[t]); });
        }
    }
};
