// Generations of self-training: samples of a model at a temperature, and gradient steps or a refit to them.
#pragma once

#include "jobs.h"
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
    Floats *z, *e, *absent;  // logits; exp(z − peak); 0 for tokens that can die out, ∞ for others

    const Pair<Words> key;
    const Floats inverse_temperature, learning_rate, draws, share;
    Floats thresholds[kEvents];
    Ints times[kEvents];
    Floats peak, total, square, least;  // of z; the sums of e and e², and the least e of what can die out

    Trainer(const TrainJob& job, int64_t first, Memory& memory)
        : job(job),
          sheet(job.lanes, job.tokens, first),
          rows(sheet.rows),
          sampler(rows, sheet.of_lanes(job.draws), job.fewest_split, memory),
          z(memory.take<Floats>(rows)),
          e(memory.take<Floats>(rows)),
          absent(memory.take<Floats>(rows)),
          key{sheet.of_lanes(job.keys, 2, 0), sheet.of_lanes(job.keys, 2, 1)},
          inverse_temperature(sheet.of_lanes(job.inverse_temperature)),
          learning_rate(sheet.of_lanes(job.learning_rate)),
          draws(converted<float>(sheet.of_lanes(job.draws))),
          share(learning_rate / draws) {
        sheet.load(z, job.logits, -kInfinity);
        if (job.watched)
            sheet.load(absent, job.present, kInfinity,
                       [](uint8_t is_present) { return is_present ? 0.0f : kInfinity; });
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

    // Whether an event is still to come in some column.
    bool awaits_any() const {
        const Event all[] = {kModal, kCollision, kExtinction};
        for (const Event event : all)
            if (is_watched(event) && any(times[event] == -1)) return true;
        return false;
    }

    // Replaces every row of z by `changed(r, row)` and finds the new peak; several maxima at once, so that none waits
    // for another. (Here as elsewhere, what a loop reads of this object is copied first: its stores might change it.)
    template <typename Changed>
    INLINE void change_rows(Changed changed) {
        constexpr int kAtOnce = 4;
        Floats* const z = this->z;
        const int rows = this->rows;
        Floats top[kAtOnce];
        for (Floats& each : top) each = -kInfinity;
        const auto change = [&](int r, int i) {
            const Floats row = changed(r, z[r]);
            z[r] = row;
            top[i] = larger(row, top[i]);
        };
        int r = 0;
        for (; r + kAtOnce <= rows; r += kAtOnce)
            for (int i = 0; i < kAtOnce; ++i) change(r + i, i);
        for (; r < rows; ++r) change(r, 0);
        peak = sheet.maximum(larger(larger(top[0], top[1]), larger(top[2], top[3])));
    }

    // Fills e with exp(z − peak), and the tree's leaves with the same at the sampling temperature, if they are not
    // kept.
    template <Leaves leaves, bool watched>
    INLINE void weigh() {
        const Floats *const z = this->z, *const absent = this->absent;
        Floats *const e = this->e, *const weights = sampler.leaves();
        const Floats peak = this->peak, inverse_temperature = this->inverse_temperature;
        Floats sums[2], least = kInfinity;
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            const Floats below = z[r] - peak;
            const Floats plain = exponential(below);
            e[r] = plain;
            parts[0] += plain;
            if (watched) {
                parts[1] = fma(plain, plain, parts[1]);
                least = smaller(plain + absent[r], least);
            }
            if (leaves != kKept) weights[r] = leaves == kTempered ? exponential(below * inverse_temperature) : plain;
        });
        total = sheet.sum(sums[0]);
        if (watched) {
            square = sheet.sum(sums[1]);
            this->least = sheet.minimum(least);
        }
    }

    void weigh(bool watched) {
        if (any(inverse_temperature != 1.0f))
            watched ? weigh<kTempered, true>() : weigh<kTempered, false>();
        else
            watched ? weigh<kPlain, true>() : weigh<kPlain, false>();
    }

    void watch(int32_t generation) {
        const auto happens = [&](Event event, Ints condition) {
            if (is_watched(event))
                times[event] = select((times[event] == -1) & condition, Ints(generation), times[event]);
        };
        happens(kModal, 1.0f / total >= thresholds[kModal]);
        happens(kCollision, square / (total * total) >= thresholds[kCollision]);
        happens(kExtinction, least / total <= thresholds[kExtinction]);
    }

    // z ← z − η (p − counts / draws), and the new peak.
    INLINE void descend(Pair<Words> key) {
        add_single_draws(sampler.draw(key));
        const Floats scale = -(learning_rate / total), share = this->share;
        const Floats* const e = this->e;
        if (sampler.splits) {
            sampler.split(key);
            Ints* const counts = sampler.counts;
            change_rows([&](int r, Floats row) {
                const Floats drawn = converted<float>(counts[r]);
                counts[r] = 0;
                return fma(share, drawn, fma(scale, e[r], row));
            });
        } else {
            change_rows([&](int r, Floats row) { return fma(scale, e[r], row); });
        }
    }

    // To the logits of the leaves that were drawn, of which there are few.
    INLINE void add_single_draws(int found) {
        float shares[kWidth];
        memcpy(shares, &share, sizeof shares);
        float* const flat = (float*)z;
        int32_t* const counts = (int32_t*)sampler.counts;
        for (int i = 0; i < found; ++i) {
            const int32_t leaf = sampler.drawn[i];
            if (counts[leaf]) flat[leaf] += shares[leaf % kWidth] * float(counts[leaf]);  // else drawn again, and added
            counts[leaf] = 0;
        }
    }

    // z ← ln counts.
    INLINE void fit(Pair<Words> key) {
        if (sampler.splits) sampler.split(key);
        sampler.draw(key);
        Ints* const counts = sampler.counts;
        change_rows([&](int r, Floats) {
            const Ints n = counts[r];
            counts[r] = 0;
            return select(n > 0, logarithm(converted<float>(n)), -kInfinity);
        });
    }

    // Whether another refit would leave every lane as it is: with one token, of all draws.
    bool is_absorbed() const {
        if (any(peak != logarithm(draws))) return false;
        Floats tokens = 0.0f;
        for (int r = 0; r < rows; ++r) tokens += select(z[r] > -kInfinity, 1.0f, Floats(0.0f));
        return !any(sheet.sum(tokens) != 1.0f);
    }

    void run() {
        change_rows([](int, Floats row) { return row; });
        const int32_t start = job.schedule[0], gap = job.schedule[1], steps = job.schedule[2];
        const bool watches_end = job.schedule[3];
        for (int32_t generation = start;; ++generation) {
            const bool is_over = generation == start + gap;
            const bool watching = (!is_over || watches_end) && awaits_any();
            if (is_over && !watching) break;
            weigh(watching);
            if (watching) watch(generation);
            if (is_over || (job.refit && is_absorbed())) break;
            sampler.sum();
            const Pair<Words> own = fold_in(key, Words(uint32_t(generation)));
            if (job.refit) {
                fit(fold_in(own, Words(0)));
            } else {
                for (int32_t step = 0; step < steps; ++step) {
                    if (step > 0) weigh<kKept, false>();
                    descend(fold_in(own, Words(uint32_t(step + 1))));
                }
            }
        }
        store();
    }
};
