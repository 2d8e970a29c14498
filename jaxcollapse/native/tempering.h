// The tempered copy of one distribution that comes nearest to another, as `jaxcollapse.observables.tempering` says it.
#pragma once

#include "functions.h"
#include "sheet.h"

constexpr float kTolerance = 2e-3f;  // a step this small, relative to β, is the last: its error is about the cube
constexpr int kMostIterations = 64;

INLINE Floats where(Ints condition) { return select(condition, 1.0f, Floats(0.0f)); }

// p (e^δ − 1 − δ), which is a term of KL(p ‖ q) with q = p e^δ; q where p is zero.
INLINE Floats divergence_term(Floats p, Floats q, Floats delta) {
    const Floats near = polynomial(
        {2.4960815e-5f, 2.0325484e-4f, 1.3891335e-3f, 8.3309305e-3f, 4.1666516e-2f, 1.6666696e-1f, 5.0000001e-1f},
        delta);  // (e^δ − 1 − δ)/δ² for |δ| ≤ 1, fitted
    const Ints is_near = (delta <= 1.0f) & (delta >= -1.0f);
    return select(p > 0.0f, select(is_near, p * delta * delta * near, q - p - p * delta), q);
}

struct Tempered {
    Floats temperature, gap;
};

template <Layout layout>
struct Tempering {
    const Sheet<layout>& sheet;
    const int rows;
    const Floats *const log_target, *const target;
    // depth: how far the base's logits are below their peak, ∞ where there are none. weights: scratch.
    Floats *const depth, *const weights;
    Floats unit, step;  // of depths, which are scaled here; the least of them that is not zero

    Tempering(const Sheet<layout>& sheet, const Floats* log_target, const Floats* target, Floats* depth,
              Floats* weights)
        : sheet(sheet), rows(sheet.rows), log_target(log_target), target(target), depth(depth), weights(weights) {
        Floats least = kInfinity;
        for (int r = 0; r < rows; ++r) least = smaller(select(is_deep(depth[r]), depth[r], kInfinity), least);
        scale_depths(sheet.minimum(least));
    }

    // Divides the depths by a power of two where even the least of them is far from 1: so that their logarithms, of
    // which the equation is made, are small and have as many digits as the depths.
    void scale_depths(Floats least) {
        const Ints exponent = (Ints(least) >> 23) - 127;  // its place value
        const Ints is_far = (least < kInfinity) & ((exponent > 4) | (exponent < -4));
        const Ints within = select(exponent < -60, -60, select(exponent > 126, 126, exponent));
        const Ints by = select(is_far, within, 0);
        unit = Floats((by + 127) << 23);
        const Floats scale = Floats((127 - by) << 23);
        step = least * scale;
        if (!any(is_far)) return;
        for (int r = 0; r < rows; ++r) depth[r] *= scale;
    }

    static INLINE Ints is_deep(Floats d) { return (d > 0.0f) & (d < kInfinity); }

    Tempered solved() {
        Floats most = -kInfinity, fewest = kInfinity;  // of the target, the latter among what the base has
        // Modes, tokens, their depths, what the base has lost; E[d], E[d²], E[ln t] and E[d ln t] under the target t.
        Floats sums[8];
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            const Floats d = depth[r], t = log_target[r], own = target[r];
            const Ints possible = d < kInfinity, deep = is_deep(d);
            most = larger(t, most);
            fewest = smaller(select(possible, t, kInfinity), fewest);
            parts[0] += where(d == 0.0f);
            parts[1] += where(possible);
            parts[2] += select(deep, d, 0.0f);
            parts[3] += where(~possible & (own > 0.0f));
            const Floats share = select(deep, own * d, 0.0f), log = select(own > 0.0f, t, 0.0f);
            parts[4] += share;
            parts[5] += share * select(deep, d, 0.0f);
            parts[6] += own * log;
            parts[7] += share * log;
        });
        const Floats modes = sheet.sum(sums[0]), mean_depth = sheet.sum(sums[2]) / sheet.sum(sums[1]);
        const Ints is_lost = sheet.sum(sums[3]) > 0.0f, is_flat = step == kInfinity;
        const Floats mean = sheet.sum(sums[4]), log_aim = log_mean_depth(mean);
        const Floats covariance = mean * sheet.sum(sums[6]) - sheet.sum(sums[7]);
        const Floats regression = covariance / (sheet.sum(sums[5]) - mean * mean);
        const Floats start = select((regression > 0.0f) & (regression < kInfinity), regression, 1.0f);
        const Ints is_uniform = sheet.maximum(most) == sheet.minimum(fewest), is_coldest = log_aim == -kInfinity;
        const Ints is_hottest = is_uniform | is_flat | (log_aim >= logarithm(mean_depth));

        Floats beta = halley(start, modes, log_aim, is_flat | is_lost | is_hottest | is_coldest);
        beta = select(is_hottest, 0.0f, select(is_coldest, kInfinity, beta));
        return {select(is_flat | is_lost, Floats(__builtin_nanf("")), unit / beta),
                select(is_lost, kInfinity, divergence(beta))};
    }

    // ln E[depth] under the target; its terms may be too small for anything but logarithms.
    Floats log_mean_depth(Floats mean) const {
        const Ints is_normal = (mean > 1e-30f) & (mean < 1e30f);
        const Floats found = logarithm(select(is_normal, mean, 1.0f));
        if (!any(~is_normal)) return found;
        Floats top = -kInfinity, sums[1];
        for (int r = 0; r < rows; ++r) {
            const Floats term = log_target[r] + logarithm(depth[r]);
            weights[r] = select(is_deep(depth[r]), term, -kInfinity);
            top = larger(weights[r], top);
        }
        top = sheet.maximum(top);
        sum_rows(rows, sums, [&](int r, Floats* parts) { parts[0] += exponential(weights[r] - top); });
        const Floats by_logarithms = select(top > -kInfinity, top + logarithm(sheet.sum(sums[0])), top);
        return select(is_normal, found, by_logarithms);
    }

    // Solves ln f(β) = log_aim from a first guess of β; `solved` where there is nothing to solve.
    Floats halley(Floats beta, Floats modes, Floats log_aim, Ints solved) const {
        Floats low = 0.0f, high = kInfinity;
        for (int iteration = 0; iteration < kMostIterations && any(~solved); ++iteration) {
            Floats sums[4];
            sum_rows(rows, sums, [&](int r, Floats* parts) {
                const Floats d = depth[r];
                const Floats weight = select(is_deep(d), exponential(-beta * (d - step)), 0.0f);
                const Floats finite = select(d < kInfinity, d, 0.0f), weighted = weight * finite;
                const Floats squared = weighted * finite;
                parts[0] += weight;
                parts[1] += weighted;
                parts[2] += squared;
                parts[3] += squared * finite;
            });
            const Floats first = sheet.sum(sums[1]), per_first = 1.0f / first;
            const Floats below = exponential(-beta * step), total = modes + below * sheet.sum(sums[0]);
            const Floats excess = logarithm(first) - beta * step - logarithm(total) - log_aim;
            const Floats mean = below * first / total, ratio = sheet.sum(sums[2]) * per_first;
            const Floats slope = mean - ratio;
            const Floats bend = sheet.sum(sums[3]) * per_first - ratio * ratio + mean * slope;
            const Ints is_above = excess > 0.0f;
            low = select(is_above, beta, low);
            high = select(is_above, high, beta);
            const Floats newton = excess / slope, damping = 1.0f - newton * bend / (2.0f * slope);
            const Ints is_sound = (damping > 0.5f) & (damping < 2.0f);
            const Floats better = beta - newton / select(is_sound, damping, 1.0f);
            const Floats halved = select(low > 0.0f, square_root(low * high), high / 8.0f);
            const Floats bisected = select(high == kInfinity, 2.0f * beta + 1.0f, halved);
            const Floats moved = better - beta;
            const Ints is_last = ~(larger(moved, -moved) > kTolerance * beta);  // or not a number any more
            const Ints is_inside = (better > low) & (better < high);
            beta = select(solved, beta, select(is_last | is_inside, better, bisected));
            solved |= is_last;
        }
        return beta;
    }

    // KL(target ‖ softmax(−β depth)).
    Floats divergence(Floats beta) const {
        const auto cooled = [&](Floats d) {  // zero for modes, be β what it may
            return select(d == 0.0f, 0.0f, select(d < kInfinity, -beta * d, -kInfinity));
        };
        Floats sums[1];
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            weights[r] = exponential(cooled(depth[r]));
            parts[0] += weights[r];
        });
        const Floats total = sheet.sum(sums[0]), log_total = logarithm(total), share = 1.0f / total;
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            const Floats delta = cooled(depth[r]) - log_total - log_target[r];
            parts[0] += divergence_term(target[r], weights[r] * share, delta);
        });
        return sheet.sum(sums[0]);
    }
};
