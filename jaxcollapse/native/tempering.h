// The tempered copy of one distribution that comes nearest to another, as `jaxcollapse.observables.tempering` says it.
#pragma once

#include "functions.h"
#include "sheet.h"

constexpr float kTolerance = 1e-2f;  // a step this small, relative to β, is the last: its error is below its cube
constexpr int kMostIterations = 64;
constexpr float kNoise = 2e-6f;  // what is left of a difference of two like numbers may be rounding
constexpr float kNan = __builtin_bit_cast(float, 0x7fc00000);
// Where ∞ times zero should be zero, and 1/∞ not quite.
constexpr float kHuge = 3e38f, kTiny = 1e-36f;

INLINE Floats where(Ints condition) { return select(condition, 1.0f, Floats(0.0f)); }

// A sheet's distributions.
struct Distribution {
    Array<Floats> depth, weights;   // how far logits are below their peak, ∞ where there are none; e to the minus that
    Floats share, minus_log_total;  // of the sum of weights

    Distribution() = default;
    INLINE Distribution(Array<Floats> depth, Array<Floats> weights, Floats total)
        : depth(depth), weights(weights), share(1.0f / total), minus_log_total(-logarithm(total)) {}

    INLINE Floats p(int r) const { return weights[r] * share; }
    INLINE Floats log_p(int r) const { return minus_log_total - depth[r]; }
    INLINE Floats finite_log_p(int r) const { return larger(log_p(r), -kHuge); }
};

// (e^δ − 1 − δ)/δ² for |δ| ≤ 1, fitted; an even and an odd part of it.
INLINE Floats second_order(Floats delta) {
    return polynomial(
        {2.4960815e-5f, 2.0325484e-4f, 1.3891335e-3f, 8.3309305e-3f, 4.1666516e-2f, 1.6666696e-1f, 5.0000001e-1f},
        delta);
}
INLINE Floats even_part(Floats square) {
    return polynomial({2.4960815e-5f, 1.3891335e-3f, 4.1666516e-2f, 5.0000001e-1f}, square);
}
INLINE Floats odd_part(Floats delta, Floats square) {
    return delta * polynomial({2.0325484e-4f, 8.3309305e-3f, 1.6666696e-1f}, square);
}

struct Tempered {
    Floats temperature, gap;
};

// Of scaled depths d and of ln t, under a target t.
struct Means {
    Floats depth, square, log, product;  // E[d], E[d²], E[ln t], E[d ln t]
};

// The tempered copies of a distribution: softmax(−β depth).
template <Layout layout>
struct Family {
    int rows;
    Array<Floats> depth;
    // Depths are scaled by a power of two where even the least of them is far from 1, so that their logarithms, of
    // which the equation is made, are small and have as many digits as the depths.
    Floats unit;
    Array<Floats> scaled;  // depths; huge where there is no token
    Floats step;           // the least of them that is not zero
    Array<Floats> excess;  // of such depths over the least one; huge where there is none
    Floats modes, tokens, mean_depth;

    Family() = default;
    Family(int rows, Array<Floats> depth, Array<Floats> to_excess, Array<Floats> to_scaled)
        : rows(rows), depth(depth), scaled(depth), excess(to_excess) {
        Floats least = kInfinity;
        for (int r = 0; r < rows; ++r) least = smaller(select(depth[r] > 0.0f, depth[r], kInfinity), least);
        least = Sheet<layout>::minimum(least);
        const Ints exponent = (Ints(least) >> 23) - 127;  // its place value
        const Ints is_far = (least < kInfinity) & ((exponent > 4) | (exponent < -4));
        const Ints within = select(exponent < -60, -60, select(exponent > 126, 126, exponent));
        const Ints by = select(is_far, within, 0);
        unit = Floats((by + 127) << 23);
        const Floats per_unit = Floats((127 - by) << 23), step = least * per_unit;
        Floats sums[3];
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            const Floats d = depth[r] * per_unit;
            const Ints is_mode = d == 0.0f, is_token = d < kInfinity;
            to_excess[r] = select(is_mode | ~is_token, kHuge, d - step);
            parts[0] = select(is_mode, parts[0] + 1.0f, parts[0]);
            parts[1] = select(is_token, parts[1] + 1.0f, parts[1]);
            parts[2] = select(is_token, parts[2] + d, parts[2]);
        });
        this->step = step;
        modes = sum(sums[0]);
        tokens = sum(sums[1]);
        mean_depth = sum(sums[2]) / tokens;
        if (!any(is_far | (tokens < float(Sheet<layout>::numbers(rows))))) return;
        for (int r = 0; r < rows; ++r) to_scaled[r] = smaller(depth[r] * per_unit, kHuge);
        scaled = to_scaled;
    }

    static INLINE Floats sum(Floats columns) { return Sheet<layout>::sum(columns); }

    // The nearest to a target, and KL(target ‖ it).
    Tempered nearest(const Distribution& target, const Means& means) const {
        const Floats mean = means.depth, log_aim = log_mean_depth(target, mean);
        const Floats regression = (mean * means.log - means.product) / (means.square - mean * mean);
        const Floats start = select((regression > kTiny) & (regression < kHuge), regression, 1.0f);
        const Ints is_lost = loses(target), is_flat = step == kInfinity, is_coldest = log_aim == -kInfinity;
        const Ints is_hottest = is_flat | is_at_the_top(target, log_aim);

        Solution found = halley(start, log_aim, is_flat | is_lost | is_hottest | is_coldest);
        found.beta = select(is_hottest, kTiny, select(is_coldest, kHuge, found.beta));
        found.log_total = select(is_hottest, logarithm(tokens), select(is_coldest, logarithm(modes), found.log_total));
        const Floats temperature = select(is_hottest, kInfinity, select(is_coldest, 0.0f, unit / found.beta));
        return {select(is_flat | is_lost, Floats(kNan), temperature),
                select(is_lost, kInfinity, divergence(target, found))};
    }

    // Whether the target has something that there is not.
    Ints loses(const Distribution& target) const {
        if (!any(tokens < float(Sheet<layout>::numbers(rows)))) return 0;
        Floats most = 0.0f;
        for (int r = 0; r < rows; ++r) most = larger(select(depth[r] < kInfinity, 0.0f, target.p(r)), most);
        return Sheet<layout>::maximum(most) > 0.0f;
    }

    // Whether the target is as deep as a uniform one, or is that.
    Ints is_at_the_top(const Distribution& target, Floats log_aim) const {
        const Floats highest = logarithm(mean_depth);
        if (!any(log_aim > highest - 1e-3f)) return 0;
        Floats furthest = 0.0f;
        for (int r = 0; r < rows; ++r) furthest = larger(select(depth[r] < kInfinity, target.depth[r], 0.0f), furthest);
        return (Sheet<layout>::maximum(furthest) == 0.0f) | (log_aim >= highest);
    }

    // ln E[depth] under the target; its terms may be too small for anything but logarithms.
    Floats log_mean_depth(const Distribution& target, Floats mean) const {
        const Ints is_normal = (mean > 1e-30f) & (mean < 1e30f);
        const Floats found = logarithm(select(is_normal, mean, 1.0f));
        if (!any(~is_normal)) return found;
        const auto term = [&](int r) {
            const Floats d = scaled[r];
            return select((d > 0.0f) & (d < kHuge), target.log_p(r) + logarithm(d), -kInfinity);
        };
        Floats top = -kInfinity, sums[1];
        for (int r = 0; r < rows; ++r) top = larger(term(r), top);
        top = Sheet<layout>::maximum(top);
        sum_rows(rows, sums, [&](int r, Floats* parts) { parts[0] += exponential(term(r) - top); });
        const Floats by_logarithms = select(top > -kInfinity, top + logarithm(sum(sums[0])), top);
        return select(is_normal, found, by_logarithms);
    }

    struct Solution {
        Floats beta, log_total;  // ln Σ exp(−β depth)
    };

    // Solves ln f(β) = log_aim from a first guess of β; `solved` where there is nothing to solve.
    Solution halley(Floats beta, Floats log_aim, Ints solved) const {
        const Array<Floats> excess = this->excess;
        const Floats step = this->step;
        Floats low = 0.0f, high = kInfinity, log_total = 0.0f;
        for (int iteration = 0; iteration < kMostIterations && any(~solved); ++iteration) {
            Floats sums[4];
            const Floats minus_beta = -beta;
            sum_rows(rows, sums, [&](int r, Floats* parts) {
                const Floats u = excess[r], weight = exponential(minus_beta * u);
                const Floats first = weight * u, second = first * u;
                parts[0] += weight;
                parts[1] += first;
                parts[2] += second;
                parts[3] = fma(second, u, parts[3]);
            });
            const Floats below = exponential(minus_beta * step);
            const Floats s0 = sum(sums[0]), s1 = sum(sums[1]), s2 = sum(sums[2]), s3 = sum(sums[3]);
            const Floats first = fma(step, s0, s1), second = fma(step, fma(step, s0, 2.0f * s1), s2);
            const Floats third = fma(step, fma(step, fma(step, s0, 3.0f * s1), 3.0f * s2), s3);
            const Floats total = fma(below, s0, modes), per_first = 1.0f / first, per_total = below / total;
            const Floats excess = logarithm(first) - beta * step - logarithm(total) - log_aim;
            const Floats mean = first * per_total, ratio = second * per_first, slope = mean - ratio;
            const Floats spread = third * per_first - ratio * ratio;
            const Floats bend = select(spread > kNoise * ratio * ratio, spread, 0.0f) + mean * slope;
            const Ints is_above = excess > 0.0f;
            low = select(is_above, beta, low);
            high = select(is_above, high, beta);
            const Floats newton = excess / slope, damping = 1.0f - newton * bend / (2.0f * slope);
            const Ints is_sound = (damping > 0.5f) & (damping < 2.0f);
            const Floats better = beta - newton / select(is_sound, damping, 1.0f);
            const Floats halved = select(low > 0.0f, square_root(low * high), larger(high / 8.0f, kTiny));
            const Floats bisected = select(high == kInfinity, 2.0f * beta + 1.0f, halved);
            const Floats moved = better - beta;
            const Ints is_last = ~(larger(moved, -moved) > kTolerance * beta);  // or not a number any more
            const Ints is_inside = (better > low) & (better < high);
            const Floats next = select(is_last | is_inside, better, bisected), by = next - beta;
            // A step of the logarithm, whose derivatives are cumulants; far steps are not the last.
            const Floats square = second * per_total, cube = third * per_total;
            const Floats variance = square - mean * mean, skew = cube - mean * (3.0f * square - 2.0f * mean * mean);
            const Floats change = by * (by * (0.5f * variance - by * skew * (1.0f / 6)) - mean);
            log_total = select(solved, log_total, logarithm(total) + change);
            beta = select(solved, beta, next);
            solved |= is_last;
        }
        return {beta, log_total};
    }

    // KL(target ‖ the copy).
    Floats divergence(const Distribution& target, const Solution& found) const {
        const Array<Floats> scaled = this->scaled;
        const Floats minus_beta = -found.beta, minus_log_total = -found.log_total;
        Floats sums[1];
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            const Floats own = target.p(r), log = fma(minus_beta, scaled[r], minus_log_total);
            const Floats delta = log - target.log_p(r), square = delta * delta;
            const Ints is_far = ~(absolute(delta) <= 1.0f);
            Floats so_far = fma(own * square, second_order(delta), parts[0]);
            if (any(is_far)) {
                const Floats q = exponential(log), far = select(own > 0.0f, q - own - own * delta, q);
                so_far = select(is_far, parts[0] + far, so_far);
            }
            parts[0] = so_far;
        });
        return sum(sums[0]);
    }
};
