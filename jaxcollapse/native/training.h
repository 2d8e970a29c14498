// Generations of self-training: samples of a model at a temperature, and gradient steps or a refit to them.
#pragma once

#include "groups.h"
#include "jobs.h"
#include "measuring.h"
#include "sampler.h"

// What becomes of the weights that are drawn from: they stay, or are those at temperature 1, or at another one.
enum Leaves { kKept, kPlain, kTempered };

// One sheet of trajectories.
template <Layout layout>
struct Trainer {
    const TrainJob& job;
    const Sheet<layout> sheet;
    const int rows;
    Sampler<layout> sampler;
    Groups<layout> groups;
    Array<Floats> z, e, absent;  // logits; exp(z − peak); 0 for tokens that can die out, ∞ for others
    Array<Floats> wrong;         // 0 for correct ones that can, ∞ for others; only if they are watched
    Measuring<layout> measuring;
    int whole;  // so many rows have nothing that is absent

    const Pair<Words> key;
    const Floats inverse_temperature, learning_rate, draws;
    const Ints expects;  // lanes that take the expectation of draws
    const Floats share;
    Floats thresholds[kEvents];
    Ints times[kEvents];
    Floats peak, least, total;     // of z; the least of it that can die out; the sum of e
    Floats aim;                    // the sum of weights that are drawn from, where their expectation is taken
    Floats reference = kInfinity;  // what the logarithms of weights of groups are relative to

    Trainer(const TrainJob& job, int64_t first, Memory& memory)
        : job(job),
          sheet(job.lanes, job.tokens, first),
          rows(sheet.rows),
          sampler(rows, sheet.of_lanes(job.draws), job.fewest_split, memory),
          groups(job.groups, sheet, memory),
          z(memory.rows<Floats>(rows)),
          e(memory.rows<Floats>(rows)),
          absent(memory.rows<Floats>(rows)),
          wrong(memory.rows<Floats>(is_watched(kAnswer) ? rows : 0)),
          measuring(job.origins, sheet, memory),
          whole(job.watched ? 0 : rows),
          key{sheet.of_lanes(job.keys, 2, 0), sheet.of_lanes(job.keys, 2, 1)},
          inverse_temperature(sheet.of_lanes(job.inverse_temperature)),
          learning_rate(sheet.of_lanes(job.learning_rate)),
          draws(converted<float>(sheet.of_lanes(job.draws))),
          expects(draws == 0.0f),
          share(learning_rate / draws) {
        sheet.load(z, job.logits, -kInfinity);
        if (job.watched) {
            sheet.load(absent, job.present, kInfinity, [](uint8_t bits) { return bits & 1 ? 0.0f : kInfinity; });
            while (whole < rows && !any(absent[whole] > 0.0f)) ++whole;
        }
        if (is_watched(kAnswer))
            sheet.load(wrong, job.present, kInfinity, [](uint8_t bits) { return bits & 2 ? 0.0f : kInfinity; });
        for (int k = 0; k < kEvents; ++k) {
            thresholds[k] = sheet.of_lanes(job.thresholds, kEvents, k);
            times[k] = sheet.of_lanes(job.times, kEvents, k);
        }
    }

    void store() const {
        sheet.store(z, job.new_logits);
        for (int k = 0; k < kEvents; ++k) sheet.to_lanes(times[k], job.new_times, kEvents, k);
    }

    bool is_watched(Event event) const { return job.watched >> event & 1; }

    // Columns in which an event is still to come.
    Ints awaits(Event event) const { return is_watched(event) ? times[event] == -1 : Ints(0); }

    // Replaces every row of z by `changed(row, seen)`, where `read(r)` was seen, and finds the new peak, and the least
    // of what can die out; several at once, so that none waits for another. (Here as elsewhere, what a loop reads of
    // this object is copied first: its stores might change it.)
    template <typename Read, typename Changed>
    INLINE void change_rows(Read read, Changed changed) {
        constexpr int kAtOnce = kAhead > 4 ? kAhead : 4;
        const Array<Floats> z = this->z;
        const Array<Floats> absent = this->absent;
        const int rows = this->rows, whole = this->whole;
        Floats top[kAtOnce], bottom[kAtOnce];
        for (Floats& each : top) each = -kInfinity;
        for (Floats& each : bottom) each = kInfinity;
        const auto change = [&](int r, int i, Floats old, auto seen) {
            const Floats row = changed(old, seen);
            z[r] = row;
            top[i] = larger(row, top[i]);
            bottom[i] = smaller(r < whole ? row : row + absent[r], bottom[i]);
        };
        int r = 0;
        for (; r + kAtOnce <= rows; r += kAtOnce) {
            for (int start = 0; start < kAtOnce; start += kAhead) {
                Floats old[kAhead];
                decltype(read(0)) seen[kAhead];
                for (int i = 0; i < kAhead; ++i) old[i] = z[r + start + i], seen[i] = read(r + start + i);
                for (int i = 0; i < kAhead; ++i) change(r + start + i, start + i, old[i], seen[i]);
            }
        }
        for (; r < rows; ++r) change(r, 0, z[r], read(r));
        for (int i = 1; i < kAtOnce; ++i) top[0] = larger(top[i], top[0]), bottom[0] = smaller(bottom[i], bottom[0]);
        peak = sheet.maximum(top[0]);
        least = sheet.minimum(bottom[0]);
    }

    // Fills e with exp(z − peak), and the tree's leaves with the same at the sampling temperature, if they are not
    // kept.
    template <Leaves leaves>
    INLINE void weigh() {
        const Array<Floats> z = this->z;
        const Array<Floats> e = this->e, weights = sampler.leaves();
        const Floats peak = this->peak, inverse_temperature = this->inverse_temperature;
        Floats sums[1];
        sum_rows(
            rows, sums, [&](int r) { return z[r]; },
            [&](int r, Floats row, Floats* parts) {
                const Floats below = row - peak;
                const Floats plain = exponential(below);
                e[r] = plain;
                parts[0] += plain;
                if (leaves != kKept)
                    weights[r] = leaves == kTempered ? exponential(below * inverse_temperature) : plain;
            });
        total = sheet.sum(sums[0]);
    }

    // The weights of the tokens of groups, at the sampling temperature, and their sums. They are relative to a multiple
    // of 4 above the peak, so that most stay as they are from one generation to the next; or to the peak, where numbers
    // are too large for that. Which of both, and which multiple, follows from a lane's model alone.
    INLINE void weigh_groups() {
        const Floats scale = inverse_temperature, peak = this->peak;
        const Floats above = -4.0f * floored(-0.25f * (peak * scale));
        const Ints is_round = (scale <= 0x1p10f) & (absolute(above) < 0x1p20f);
        const auto weight = [&](Floats logit) {
            return exponential(select(is_round, fma(logit, scale, -above), (logit - peak) * scale));
        };
        const bool is_other = !changes_few() || any(~is_round | (above != reference));
        reference = above;
        if (is_other) {
            const Array<Floats> z = this->z, weights = sampler.leaves();
            each_row(0, rows, [&](int r) { return z[r]; }, [&](int r, Floats row) { weights[r] = weight(row); });
            sampler.sum();
        } else {  // than that of the last generation: what has been drawn there is all that is new
            float *const leaves = flat(sampler.leaves()), *const weights = flat(groups.worth);
            for (int r = 0; r < groups.rows; ++r) groups.worth[r] = weight(groups.worth[r]);
            meet();
            groups.each_trace([&](int t, int32_t token) { leaves[token] = weights[t]; });
            meet();
            sum_drawn();
        }
        if (!job.watched) return;
        const Ints is_plain = is_round & (scale == 1.0f);
        const Tree& tree = sampler.tree;
        const Floats sum = layout == kApart ? Floats(tree.level[tree.levels - 1][0]) : Floats(tree.fold[1]);
        if (any(~is_plain)) weigh<kKept>();
        total = select(is_plain, sum / exponential(peak - above), total);
    }

    // Sums of new weights; level by level where few of many sums are others.
    INLINE void sum_drawn() {
        Tree& tree = sampler.tree;
        int32_t* const nodes = flat(groups.leaf);
        int l = 0;
        for (; l + 1 < tree.levels && layout == kTogether && tree.rows[l + 1] > groups.block; ++l) {
            const float* const from = flat(tree.level[l]);
            float* const to = flat(tree.level[l + 1]);
            const int32_t half = tree.rows[l + 1] * kWidth;
            groups.each_trace([&](int t, int32_t node) {
                const int32_t parent = node - (half & -int32_t(node >= half));
                to[parent] = from[parent] + from[parent + half];
                nodes[t] = parent;
            });
            meet();
        }
        tree.template sum<layout>(l);
    }

    // Which events happen to the model that has been weighed.
    void watch(int32_t generation) {
        const auto happens = [&](Event event, Ints condition) {
            times[event] = select(awaits(event) & condition, Ints(generation), times[event]);
        };
        const Floats modal = 1.0f / total;
        happens(kModal, modal >= thresholds[kModal]);
        happens(kExtinction, exponential(least - peak) * modal <= thresholds[kExtinction]);
        if (any(awaits(kAnswer))) {
            const Floats rarest = least_correct();
            happens(kAnswer, (rarest < kInfinity) & (exponential(rarest - peak) * modal <= thresholds[kAnswer]));
        }
        // Σp² is at most the largest p.
        if (any(awaits(kCollision) & (modal >= thresholds[kCollision]))) {
            if (job.groups.size) weigh<kKept>();
            happens(kCollision, sum_of_squares() * modal * modal >= thresholds[kCollision]);
        }
    }

    // The least logit of the correct tokens that can die out; ∞ where there are none.
    Floats least_correct() const {
        const Array<Floats> z = this->z, wrong = this->wrong;
        Floats least = kInfinity;
        for (int r = 0; r < rows; ++r) least = smaller(z[r] + wrong[r], least);
        return sheet.minimum(least);
    }

    Floats sum_of_squares() const {
        const Array<Floats> e = this->e;
        Floats sums[1];
        sum_rows(rows, sums, [&](int r, Floats* parts) { parts[0] = fma(e[r], e[r], parts[0]); });
        return sheet.sum(sums[0]);
    }

    // z ← z − η (p − counts / draws), and the new peak.
    INLINE void descend(Pair<Words> key) {
        sampler.draw(key);
        add_single_draws();
        if (sampler.splits) sampler.split(key);
        const Floats scale = -(learning_rate / total), share = this->share;
        const Array<Floats> e = this->e;
        const Array<Ints> counts = sampler.counts;
        struct Seen {
            Floats e, weight;
            Ints count;
        };
        const auto taken = [&](int r) {
            const Ints count = counts[r];
            counts[r] = 0;
            return count;
        };
        const auto with_counts = [&](Floats row, const Seen& seen) {
            return fma(share, converted<float>(seen.count), fma(scale, seen.e, row));
        };
        if (any(expects)) {
            // p − τ(p), which is exactly zero at temperature 1.
            const Floats per_total = 1.0f / total, per_aim = 1.0f / aim, minus_rate = -learning_rate;
            const Array<Floats> weights = sampler.leaves();
            const Ints expects = this->expects;
            change_rows([&](int r) { return Seen{e[r], weights[r], taken(r)}; },
                        [&](Floats row, const Seen& seen) {
                            const Floats expected = fma(minus_rate, seen.e * per_total - seen.weight * per_aim, row);
                            return select(expects, expected, with_counts(row, seen));
                        });
        } else if (sampler.splits) {
            change_rows([&](int r) { return Seen{e[r], Floats(0.0f), taken(r)}; }, with_counts);
        } else {
            change_rows([&](int r) { return e[r]; }, [&](Floats row, Floats e) { return fma(scale, e, row); });
        }
    }

    // To the logits of the leaves that were drawn, of which there are few.
    INLINE void add_single_draws() {
        float* const logits = flat(z);
        int32_t* const counts = flat(sampler.counts);
        const Floats share = this->share;
        sampler.drawn.each([&](int32_t leaf) {
            const int32_t times = taken(counts + leaf);
            if (times) logits[leaf] += share[leaf % kWidth] * float(times);  // else drawn again, and added
        });
        meet();
    }

    // z ← z + η (Σ advantages − p Σ over all tokens) / draws; the advantages of a group add up to nothing, but for
    // those that nothing has been subtracted from.
    INLINE void reinforce(Pair<Words> key) {
        groups.add(sampler.tree, key, sampler.one_by_one + sampler.all_at_once);
        if (job.groups.baseline == kNoBaseline) return descend_from_rewards();
        changes_few() ? add_pulls_of_drawn() : add_pulls();
    }

    // Whether so few tokens are drawn in a generation, one block, that it is faster to look only at these.
    bool changes_few() const { return int64_t(groups.block) * 8 <= job.tokens && !any(draws > float(groups.block)); }

    // Pulls of the tokens of one block of traces; their new logits take the place of advantages.
    INLINE void add_pulls_of_drawn() {
        float *const logits = flat(z), *const pulls = flat(groups.pull);
        Floats before = -kInfinity, after = -kInfinity;
        for (int r = 0; r < groups.rows; ++r) {
            const Ints token = groups.leaf[r];
            const Floats old = gathered(logits, token), changed = fma(share, gathered(pulls, token), old);
            before = larger(old, before);
            after = larger(changed, after);
            groups.worth[r] = changed;
        }
        meet();
        const float* const found = flat(groups.worth);
        groups.each_trace([&](int t, int32_t token) {
            logits[token] = found[t];
            pulls[token] = 0.0f;
        });
        meet();
        if (whole < rows) return change_rows([](int) { return 0; }, [](Floats row, int) { return row; });
        // The peak is another one of those that have changed, or as before; or the former one has changed.
        after = sheet.maximum(after);
        if (any((after < peak) & (sheet.maximum(before) >= peak))) {
            peak = sheet.peak(z);
        } else {
            peak = larger(after, peak);
        }
    }

    INLINE void add_pulls() {
        const Array<Floats> pull = groups.pull;
        const Floats share = this->share;
        change_rows([&](int r) { return taken_pull(pull, r); },
                    [&](Floats row, Floats sum) { return fma(share, sum, row); });
    }

    INLINE void descend_from_rewards() {
        const Array<Floats> pull = groups.pull, e = this->e;
        weigh<kKept>();
        Floats sums[1];
        sum_rows(rows, sums, [&](int r, Floats* parts) { parts[0] += pull[r]; });
        const Floats each = -(sheet.sum(sums[0]) / total), share = this->share;
        struct Seen {
            Floats sum, e;
        };
        change_rows([&](int r) { return Seen{taken_pull(pull, r), e[r]}; },
                    [&](Floats row, const Seen& seen) { return fma(share, fma(each, seen.e, seen.sum), row); });
        reference = kInfinity;  // all weights are new
    }

    static INLINE Floats taken_pull(Array<Floats> pull, int r) {
        const Floats sum = pull[r];
        pull[r] = 0.0f;
        return sum;
    }

    // z ← ln counts.
    INLINE void fit(Pair<Words> key) {
        if (sampler.splits) sampler.split(key);
        sampler.draw(key);
        const Array<Ints> counts = sampler.counts;
        const auto taken = [&](int r) {
            const Ints count = counts[r];
            counts[r] = 0;
            return count;
        };
        change_rows(taken, [](Floats, Ints n) { return select(n > 0, logarithm(converted<float>(n)), -kInfinity); });
    }

    // Whether another generation would leave every lane as it is.
    bool is_settled() const { return job.refit ? is_absorbed() : !any(~expects | (inverse_temperature != 1.0f)); }

    // With one token, of all draws.
    bool is_absorbed() const {
        if (any(peak != logarithm(draws))) return false;
        Floats tokens = 0.0f;
        for (int r = 0; r < rows; ++r) tokens += select(z[r] > -kInfinity, 1.0f, Floats(0.0f));
        return !any(sheet.sum(tokens) != 1.0f);
    }

    // Weighs a model, and watches it.
    void look(int32_t generation) {
        if (job.groups.size) {
            weigh_groups();
        } else {
            any(inverse_temperature != 1.0f) ? weigh<kTempered>() : weigh<kPlain>();
        }
        if (job.watched) watch(generation);
    }

    // A generation of training, of a model that has been weighed.
    void step(int32_t generation) {
        const Pair<Words> own = fold_in(key, Words(uint32_t(generation)));
        if (job.groups.size) return reinforce(fold_in(own, Words(0)));
        if (any(~expects)) sampler.sum();
        if (job.refit) return fit(fold_in(own, Words(0)));
        if (any(expects)) sum_leaves();
        for (int32_t number = 0; number < job.schedule[1]; ++number) {
            if (number > 0) weigh<kKept>();
            descend(fold_in(own, Words(uint32_t(number + 1))));
        }
    }

    // In the order of `weigh`, so that at temperature 1 it comes to the same bits.
    void sum_leaves() {
        const Array<Floats> weights = sampler.leaves();
        Floats sums[1];
        sum_rows(rows, sums, [&](int r, Floats* parts) { parts[0] += weights[r]; });
        aim = sheet.sum(sums[0]);
    }

    void run() {
        change_rows([](int) { return 0; }, [](Floats row, int) { return row; });
        int32_t generation = job.schedule[0];
        look(generation);
        bool is_new = true;  // since the last record
        for (int record = 0; record < job.records; ++record) {
            const int32_t end = generation + job.gaps[record];
            for (; generation < end && !is_settled(); ++generation, is_new = true) {
                step(generation);
                look(generation + 1);
            }
            generation = end;
            is_new ? measure(record) : repeat(record);
            is_new = false;
        }
        store();
    }

    void measure(int record) {
        if (job.groups.size) weigh<kKept>();
        measuring.measure(z, peak, e, total, job.found, int(job.records), record);
    }

    // The same as at the last record.
    void repeat(int record) {
        const int many = job.origins.place(kMeasures);
        each_column(counting(), [&](int c, int32_t) {
            if (!sheet.has(c)) return;
            float* const now = job.found + (sheet.first + c) * many * job.records + record;
            for (int64_t i = 0; i < many * job.records; i += job.records) now[i] = now[i - 1];
        });
    }
};
