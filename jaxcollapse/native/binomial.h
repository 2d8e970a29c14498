// Binomial counts by inversion; the formulas are those of `jaxcollapse.sampling.binomial`, where they are explained.
#pragma once

#include "functions.h"
#include "threefry.h"

constexpr float kSwitch = 12.0f;  // means from here on use normal scores
constexpr int kMostTerms = 64;    // P(K > 64) < 1e-24 at a mean of 12
constexpr int kAtOnce = 4;        // terms between two looks at whether more are needed

#if defined(COLUMN_PER_THREAD)
INLINE float inverse(int k) { return 1.0f / float(k); }  // threads divide as fast as they read
#else
struct Inverses {
    float of[kMostTerms + 2];
    constexpr Inverses() : of{} {
        for (int k = 1; k < kMostTerms + 2; ++k) of[k] = 1.0f / float(k);
    }
};

constexpr Inverses kInverses;

INLINE float inverse(int k) { return kInverses.of[k]; }
#endif

template <int width>
struct Binomial {
    using Floats = Vector<float, width>;
    using Ints = Vector<int32_t, width>;
    using Words = Vector<uint32_t, width>;

    // (word + ½) / 2³² where the word is at least `kFine`; below, the lower word says the rest.
    static INLINE Floats unit(Words word, Words lower) {
        const Floats rest = fma(converted<float>(lower), 0x1p-64f, 0x1p-66f);
        return converted<float>(word) * 0x1p-32f + select(word < kFine, rest, 0x1p-33f);
    }

    static INLINE Floats log_ratio(Floats x) {  // ln(1 + x)/x for 0 ≤ x ≤ 1
        return polynomial({5.2326521e-3f, -2.9505060e-2f, 7.8225639e-2f, -1.3663217e-1f, 1.9105991e-1f, -2.4842978e-1f,
                           3.3319096e-1f, -4.9999493e-1f, 1.0f},
                          x);
    }

    static INLINE Floats one_minus_exp_ratio(Floats x) {  // (1 − e⁻ˣ)/x for x ≤ 0.7
        return polynomial({-0.0010332433f, 0.0080679528f, -0.041572763f, 0.16665146f, -0.49999909f, 1.0f}, x);
    }

    // Of a small mean: how many of P(K ≥ 1), P(K ≥ 2), … exceed u.
    static INLINE Ints few(Floats u, Ints trials, Floats odds) {
        const Floats n = converted<float>(trials);
        const Floats hazard = n * odds * log_ratio(odds);
        const Floats none = exponential(-hazard);
        Floats survival = select(hazard < 0.7f, hazard * one_minus_exp_ratio(hazard), 1.0f - none);
        Floats mass = n * odds * none;
        const Floats next = fma(n, odds, odds);
        Ints count = 0;
        for (int k = 1; k <= kMostTerms; k += kAtOnce) {
            if (!any(u < survival)) break;
#pragma GCC unroll 4
            for (int i = k; i < k + kAtOnce; ++i) {
                count -= u < survival;
                survival -= mass;
                mass *= fma(next, inverse(i + 1), -odds);  // P(K = i + 1)/P(K = i) = odds (n − i)/(i + 1)
            }
        }
        return select(count < trials, count, trials);  // beyond k = n rounding has left about 1e-7 of it
    }

    static INLINE Floats normal_deviate(Words word, Words lower) {
        const Words upper = Words(Ints(word) >> 31);  // all bits, in the upper half
        const Floats s = square_root(-2.0f * logarithm(unit(word ^ upper, lower ^ upper)));
        const Floats above = polynomial({0.00015460632f, -0.013952136f, -1.5986275f, -7.7251942f, -3.1491118f}, s);
        const Floats below = polynomial({0.37519360f, 3.5143111f, 4.9403859f, 1.0f}, s);
        return Floats(Words(s + above / below) ^ (upper & 0x80000000u));
    }

    struct Ratio {
        Floats above, below;
    };

    static INLINE Ratio h_of(Floats t) {
        return {polynomial({0.0013503707f, 0.13253317f, 0.56358565f, 0.76510164f, 0.33332861f}, t),
                polynomial({0.16078203f, 1.1529408f, 2.7880315f, 2.7952371f, 1.0f}, t)};
    }

    static INLINE Floats clipped(Floats x, Floats low, Floats high) { return smaller(larger(x, low), high); }

    __attribute__((noinline)) static Ints many(Words word, Words lower, Ints trials, Floats p, Ints is_large) {
        p = select(is_large, p, 0.5f);
        const Floats n = select(is_large, converted<float>(trials), 4 * kSwitch);
        const Floats q = 1.0f - p, skew = fma(p, -2.0f, 1.0f);
        const Floats mean = n * p, other_mean = n - mean;
        const Floats both = 1.0f / (mean * other_mean);
        const Floats per_mean = other_mean * both, per_other = mean * both, per_variance = n * both;
        const Floats deviation = square_root(mean * q);
        const Floats whole = floored(mean), fraction = mean - whole;

        const Floats w = normal_deviate(word, lower);
        const Floats square = w * w, twist = skew * skew;
        const Floats quartic = fma(p * q, -6.0f, 1.0f) * (square - 3.0f) * (1 / 24.0f) -
                               twist * fma(square, 2.0f, -5.0f) * (1 / 36.0f) - 1 / 24.0f;
        const Floats guess =
            fma(deviation, w, skew * (square - 1.0f) * (1 / 6.0f)) + w * quartic * (deviation * per_variance);
        const Floats offset = clipped(floored(guess + fraction), -whole, n - 1.0f - whole);

        const Floats delta = offset + 0.5f - fraction;
        const Floats over = delta * per_mean, under = -delta * per_other;
        const Ratio first = h_of(over), second = h_of(under);
        const Floats a =
            (q * q * first.above * second.below - p * p * second.above * first.below) / (first.below * second.below);
        const Floats g = larger(1.0f - delta * a * per_variance, 1e-3f);
        const Floats log_part = 1.5f * (1.0f + g) / (fma(4.0f + g, g, 1.0f) * g);

        const Floats ratio = 1.0f / ((1.0f + over) * (1.0f + under));
        const Floats to_mean = (1.0f + under) * ratio, to_other = (1.0f + over) * ratio;
        const Floats per_items = per_mean * to_mean, per_rest = per_other * to_other;
        const float poisson = 8.0f / 405.0f;
        const Floats at_items = q * per_items * (poisson - 0.0017f * (1.0f - to_mean) - 0.0029f * per_items);
        const Floats at_rest = p * per_rest * (poisson - 0.0017f * (1.0f - to_other) - 0.0029f * per_rest);
        const Floats per_n = p * per_mean;
        const Floats next_term = at_items - at_rest - fma(0.037f, delta * per_n, 0.0043f * skew) * per_n;

        const Floats score = (delta + a * log_part + next_term) * square_root(g);
        const Ints count = converted<int32_t>(whole) + converted<int32_t>(offset) - (score < w * deviation);
        return select(count < 0, Ints(0), select(count > trials, trials, count));
    }

    // Binomial counts of `trials` ≥ 0 with p = odds/(1 + odds), odds ≤ 1, at a random word each. `lower` makes the
    // lower words, if need be.
    template <typename Lower>
    static INLINE Ints count(Words word, Ints trials, Floats odds, Lower lower) {
        const Floats both = converted<float>(trials) * odds, one = 1.0f + odds;
        const Ints is_large = both >= kSwitch * one;
        const Ints is_small = (both > 0.0f) & ~is_large;
        const Ints is_fine = (word < kFine) | (~word < kFine);
        const Words rest = any(is_fine & (is_small | is_large)) ? lower() : Words(0);
        Ints count = 0;
        if (any(is_small)) count = few(unit(word, rest), trials & is_small, odds);
        if (any(is_large)) count = select(is_large, many(word, rest, trials, odds / one, is_large), count);
        return count;
    }
};
