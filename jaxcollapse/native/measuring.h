// What is measured of models at a record: the sums that `jaxcollapse.observables` defines, and the nearest temperings.
#pragma once

#include "functions.h"
#include "jobs.h"
#include "memory.h"
#include "order.h"
#include "sheet.h"
#include "tempering.h"

// A sheet's measures, beside its p0.
template <Layout layout>
struct Measuring {
    const Origins& origins;
    const Sheet<layout> sheet;
    const int rows;
    Array<Floats> start_depth, start_weights, start_excess, start_scaled, rarest;
    Array<Floats> depth, excess, scaled, left_depth, left_weights;
    const Floats samples;
    Rows mode_rows, rarest_rows;  // where p0 has its modes, and its rarest tokens
    Distribution start;
    Floats start_entropy, uniform_divergence;
    Family<layout> of_start;
    const Levels<layout> levels;

    Measuring(const Origins& origins, const Sheet<layout>& sheet, Memory& memory)
        : origins(origins),
          sheet(sheet),
          rows(sheet.rows),
          samples(origins.wanted ? sheet.of_lanes(origins.samples) : Floats(kInfinity)),
          levels(sheet, memory) {
        if (!origins.wanted) return;
        Array<Floats>* const arrays[] = {&start_depth, &start_weights, &start_excess, &start_scaled, &rarest,
                                         &depth,       &excess,        &scaled,       &left_depth,   &left_weights};
        for (Array<Floats>* array : arrays) *array = memory.rows<Floats>(rows);
        sheet.load(start_weights, origins.logits, -kInfinity);
        sheet.load(rarest, origins.rarest, 0.0f);
        const Floats peak = sheet.peak(start_weights);
        Floats sums[1];
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            start_depth[r] = peak - start_weights[r];
            start_weights[r] = exponential(-start_depth[r]);
            parts[0] += start_weights[r];
        });
        start = {start_depth, start_weights, sheet.sum(sums[0])};
        mode_rows = {rows, [&](int r) { return start_depth[r] == 0.0f; }};
        rarest_rows = {rows, [&](int r) { return rarest[r] > 0.0f; }};
        sum_rows(rows, sums, [&](int r, Floats* parts) { parts[0] -= start.p(r) * start.finite_log_p(r); });
        start_entropy = sheet.sum(sums[0]);
        of_start = {rows, start_depth, start_excess, start_scaled};
        const Floats per_token = -logarithm(of_start.tokens);
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            parts[0] += select(start_depth[r] < kInfinity, start.p(r) * (start.finite_log_p(r) - per_token), 0.0f);
        });
        uniform_divergence = larger(sheet.sum(sums[0]), 0.0f);
    }

    // Measures of logits with this peak, of which exp(z − peak) are the weights and `total` is their sum; to an array
    // [lane, wanted measure, record].
    void measure(Array<Floats> z, Floats peak, Array<Floats> weights, Floats total, float* to, int records,
                 int record) {
        if (!origins.wanted) return;
        for (int r = 0; r < rows; ++r) depth[r] = peak - z[r];
        const Distribution now{depth, weights, total};
        const int many = origins.place(kMeasures);
        const auto give = [&](Floats values, int measure) {
            if (!origins.wants(measure)) return;
            sheet.to_lanes(values, to, many * records, origins.place(measure) * records + record);
        };
        const auto give_both = [&](Tempered found, int measure) {
            give(found.temperature, measure);
            give(found.gap, measure + 1);
        };
        give(now.share, kModalProbability);
        give_tokens_of_start(now, give);
        give(uniform_divergence, kUniformKlToInitial);
        if (origins.wants(kOrderGap)) give(levels.gap(start, start_entropy, depth), kOrderGap);
        if (origins.wants(kFromStart, 4) || origins.wants(kSmoothedKlToInitial, 3)) {
            const Family<layout> of_now(rows, depth, excess, scaled);
            Means forth, back;
            Floats loss = add_up<true>(now, of_now, forth, back, give);
            if (origins.wants(kFromStart, 2)) give_both(of_start.nearest(now, forth), kFromStart);
            if (!origins.wants(kBackToStart, 2) && !origins.wants(kSmoothedKlToInitial, 3)) return;
            Tempered found = of_now.nearest(start, back);
            give_both(found, kBackToStart);
            if (!origins.wants(kSmoothedKlToInitial, 3)) return;
            smooth(now, of_now, loss, found);
            give(loss, kSmoothedKlToInitial);
            give_both(found, kSmoothedBack);
        } else {
            Means none;
            add_up<false>(now, of_start, none, none, give);
        }
    }

    // Loss and way back of a model that counts what it has lost as one more sample, where it has lost something: see
    // `jaxcollapse.observables.smoothing`.
    void smooth(const Distribution& now, const Family<layout>& of_now, Floats& loss, Tempered& found) const {
        const auto lost = [&](int r) { return (start_depth[r] < kInfinity) & ~(depth[r] < kInfinity); };
        const Distribution start = this->start;
        Floats sums[6], least = kInfinity;
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            const Ints is_lost = lost(r);
            const Floats p = start.p(r);
            parts[0] = select(is_lost, parts[0] + 1.0f, parts[0]);
            parts[1] = select(is_lost, parts[1] + p, parts[1]);
            parts[2] = select(is_lost, parts[2], parts[2] + p);
            parts[3] = select(is_lost & (p > 0.0f), parts[3] + p * start.finite_log_p(r), parts[3]);
            least = smaller(select(is_lost, kInfinity, start_depth[r]), least);
        });
        for (int i = 0; i < 4; ++i) sums[i] = sheet.sum(sums[i]);
        const Floats number = sums[0], gone = sums[1], mass = sums[2], peak = Sheet<layout>::minimum(least);
        const Ints is_lost = (number > 0.0f) & (samples < kInfinity);
        if (!any(is_lost)) return;
        const Floats per_sample = 1.0f / samples, log_more = logarithm(1.0f + per_sample);
        const Floats log_mass = logarithm(select(mass > 0.0f, mass, 1.0f));
        const Floats rest = mass * (log_mass + log_more) + sums[3] +
                            gone * (logarithm(larger(number, 1.0f)) + logarithm(samples) + log_more);
        const Array<Floats> left_depth = this->left_depth, left_weights = this->left_weights, d = of_now.scaled;
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            left_depth[r] = select(lost(r), kInfinity, start_depth[r] - peak);
            left_weights[r] = exponential(-left_depth[r]);
            parts[0] += left_weights[r];
        });
        const Distribution left{left_depth, left_weights, sheet.sum(sums[0])};
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            const Floats y = left.p(r), of_y = select(y > 0.0f, y * d[r], 0.0f), log = left.finite_log_p(r);
            parts[0] += select(y > 0.0f, y * (log - now.finite_log_p(r)), 0.0f);
            parts[1] += select(y > 0.0f, y * log, 0.0f);
            parts[2] += of_y;
            parts[3] = fma(of_y, select(y > 0.0f, d[r], 0.0f), parts[3]);
            parts[4] = fma(of_y, select(y > 0.0f, log, 0.0f), parts[4]);
        });
        for (int i = 0; i < 5; ++i) sums[i] = sheet.sum(sums[i]);
        const Tempered better = of_now.nearest(left, {sums[2], sums[3], sums[1], sums[4]});
        const auto with_rest = [&](Floats divergence) {
            return select(mass > 0.0f, mass * larger(divergence, 0.0f), 0.0f) + rest;
        };
        loss = select(is_lost, with_rest(sums[0]), loss);
        found = {select(is_lost, better.temperature, found.temperature),
                 select(is_lost, with_rest(better.gap), found.gap)};
    }

    // What is about some tokens of p0 alone.
    template <typename Give>
    INLINE void give_tokens_of_start(const Distribution& now, Give give) const {
        const Array<Floats> start_depth = this->start_depth, rarest = this->rarest;
        Floats modes[1], tail[1], highest = kInfinity;
        sum_rows(mode_rows, modes, [&](int r, Floats* parts) {
            const Ints is_mode = start_depth[r] == 0.0f;
            parts[0] += select(is_mode, now.p(r), 0.0f);
            highest = smaller(select(is_mode, now.depth[r], kInfinity), highest);
        });
        sum_rows(rarest_rows, tail, [&](int r, Floats* parts) { parts[0] = fma(rarest[r], now.p(r), parts[0]); });
        give(sheet.sum(modes[0]), kOriginalModeProbability);
        give(where(sheet.minimum(highest) == 0.0f), kModeIsOriginal);
        give(sheet.sum(tail[0]), kTailMass);
    }

    // All sums over tokens in one pass; those of the temperings, too, if they are wanted: `forth` of the model along
    // the tempered copies of p0, `back` the other way round. Returns KL(p0 || p).
    template <bool tempers, typename Give>
    INLINE Floats add_up(const Distribution& now, const Family<layout>& of_now, Means& forth, Means& back,
                         Give give) const {
        enum {
            kS,
            kF,
            kSupport,
            kFrom,
            kTo,
            kVariation,
            kForth,
            kForthSquare,
            kForthLog,
            kBack,
            kBackSquare,
            kBackLog
        };
        const Floats support = sheet.of_lanes(origins.support);
        const Distribution start = this->start;
        const Array<Floats> d0 = of_start.scaled, d = of_now.scaled;
        Floats sums[tempers ? 12 : 6];
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            const Floats x = now.p(r), y = start.p(r), delta = start.log_p(r) - now.log_p(r), more = y - x;
            const Floats log = now.finite_log_p(r);
            parts[kS] -= x * log;
            parts[kF] = fma(x, x, parts[kF]);
            parts[kSupport] = select(x > support, parts[kSupport] + 1.0f, parts[kSupport]);
            parts[kVariation] += absolute(more);
            const Floats square = delta * delta, even = even_part(square), odd = odd_part(delta, square);
            const Ints is_far = ~(absolute(delta) <= 1.0f);
            Floats from = fma(x * square, even + odd, parts[kFrom]), to = fma(y * square, even - odd, parts[kTo]);
            if (any(is_far)) {
                from = select(is_far, parts[kFrom] + select(x > 0.0f, more - x * delta, y), from);
                to = select(is_far, parts[kTo] + select(y > 0.0f, y * delta - more, x), to);
            }
            parts[kFrom] = from;
            parts[kTo] = to;
            if constexpr (tempers) {
                const Floats of_x = x * d0[r], of_y = y * d[r];
                parts[kForth] += of_x;
                parts[kForthSquare] = fma(of_x, d0[r], parts[kForthSquare]);
                parts[kForthLog] = fma(of_x, log, parts[kForthLog]);
                parts[kBack] += of_y;
                parts[kBackSquare] = fma(of_y, d[r], parts[kBackSquare]);
                parts[kBackLog] = fma(of_y, start.finite_log_p(r), parts[kBackLog]);
            }
        });
        for (Floats& each : sums) each = sheet.sum(each);
        give(sums[kS], kEntropy);
        give(sums[kF], kCollisionProbability);
        give(sums[kSupport], kSupportSize);
        give(sums[kFrom], kKlFromInitial);
        give(sums[kTo], kKlToInitial);
        give(0.5f * sums[kVariation], kTotalVariation);
        if constexpr (tempers) {
            forth = {sums[kForth], sums[kForthSquare], -sums[kS], sums[kForthLog]};
            back = {sums[kBack], sums[kBackSquare], -start_entropy, sums[kBackLog]};
        }
        return sums[kTo];
    }
};

template <Layout layout>
void measure_sheet(const MeasureJob& job, int64_t first, Memory& memory) {
    const Sheet<layout> sheet(job.lanes, job.tokens, first);
    Measuring<layout> measuring(job.origins, sheet, memory);
    const Array<Floats> z = memory.rows<Floats>(sheet.rows), weights = memory.rows<Floats>(sheet.rows);
    sheet.load(z, job.logits, -kInfinity);
    const Floats peak = sheet.peak(z);
    Floats sums[1];
    sum_rows(sheet.rows, sums, [&](int r, Floats* parts) {
        weights[r] = exponential(z[r] - peak);
        parts[0] += weights[r];
    });
    measuring.measure(z, peak, weights, sheet.sum(sums[0]), job.found, 1, 0);
}
