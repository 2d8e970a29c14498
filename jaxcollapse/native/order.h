// What is left of the order of tokens, as `jaxcollapse.observables.order` says it.
#pragma once

#include "functions.h"
#include "memory.h"
#include "sheet.h"
#include "space.h"
#include "tempering.h"

constexpr float kPerRoot = 22.0f;  // levels for each unit of the square root of depth, in mean depths

// Levels of the depth of tokens: the mass that p0 has there, how many tokens, and the mass of each by the fit.
template <Layout layout>
struct Levels {
    const Sheet<layout>& sheet;
    Array<Floats> mass, tokens, fit;

    Levels(const Sheet<layout>& sheet, Memory& memory)
        : sheet(sheet),
          mass(memory.rows<Floats>(kLevels)),
          tokens(memory.rows<Floats>(kLevels)),
          fit(memory.rows<Floats>(kLevels)) {}

    // The least KL(start || f(p)) over increasing functions f of p, which is this deep.
    Floats gap(const Distribution& start, Floats start_entropy, Array<Floats> depth) const {
        const Ints is_lost = fill(start, depth);
        for (int b = 0; b < kLevels; ++b) {
            mass[b] = sheet.sum(mass[b]);
            tokens[b] = sheet.sum(tokens[b]);
        }
        each_column(counting(), [&](int c, int32_t) { regress(flat(mass) + c, flat(tokens) + c, flat(fit) + c); });
        Floats sums[1];
        sum_rows(kLevels, sums, [&](int b, Floats* parts) { parts[0] -= mass[b] * logarithm(larger(fit[b], 1e-37f)); });
        return select(is_lost, kInfinity, larger(sums[0] - start_entropy, 0.0f));
    }

private:
    // Puts tokens into their levels; whether any of them is lost.
    Ints fill(const Distribution& start, Array<Floats> depth) const {
        const Array<Floats> mass = this->mass, tokens = this->tokens;
        Floats least = kInfinity, most = 0.0f, sums[1];
        for (int r = 0; r < sheet.rows; ++r) {
            const Floats own = select(start.depth[r] < kInfinity, depth[r], least);
            least = smaller(own, least);
            most = larger(select(start.depth[r] < kInfinity, depth[r], most), most);
        }
        least = Sheet<layout>::minimum(least);
        most = Sheet<layout>::maximum(most);
        sum_rows(sheet.rows, sums, [&](int r, Floats* parts) {
            const Floats below = depth[r] - least;
            parts[0] += select((start.depth[r] < kInfinity) & (below > 0.0f), start.p(r) * below, 0.0f);
        });
        const Floats per_mean = 1.0f / larger(sheet.sum(sums[0]), 1e-37f);
        for (int b = 0; b < kLevels; ++b) mass[b] = tokens[b] = 0.0f;
        for (int r = 0; r < sheet.rows; ++r) {
            const Ints is_token = start.depth[r] < kInfinity;
            if (!any(is_token)) continue;
            const Floats below = select(is_token, depth[r] - least, 0.0f);
            const Floats at = smaller(kPerRoot * square_root(larger(below * per_mean, 0.0f)), kLevels - 1.0f);
            const Floats p = select(is_token, start.p(r), 0.0f), one = where(is_token);
            each_column(converted<int32_t>(at), [&](int c, int32_t level) {
                flat(mass)[level * kWidth + c] += p[c];
                flat(tokens)[level * kWidth + c] += one[c];
            });
        }
        return most == kInfinity;
    }

    // The antitonic regression of one column: neighbours in the wrong order get their mean.
    static INLINE void regress(const float* mass, const float* tokens, float* fit) {
        float masses[kLevels], numbers[kLevels];
        int last[kLevels], blocks = 0;
        for (int b = 0; b < kLevels; ++b) {
            float m = mass[b * kWidth], n = tokens[b * kWidth];
            if (n == 0.0f) continue;
            for (; blocks && masses[blocks - 1] * n < m * numbers[blocks - 1]; --blocks) {
                m += masses[blocks - 1];
                n += numbers[blocks - 1];
            }
            masses[blocks] = m;
            numbers[blocks] = n;
            last[blocks++] = b;
        }
        for (int b = 0, block = 0; b < kLevels; ++b) {
            while (block < blocks && last[block] < b) ++block;
            fit[b * kWidth] = block < blocks ? masses[block] / numbers[block] : 0.0f;
        }
    }
};
