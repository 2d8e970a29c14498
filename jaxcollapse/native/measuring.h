// What is measured of models at a record: the sums that `jaxcollapse.observables` defines, and the nearest temperings.
#pragma once

#include "functions.h"
#include "jobs.h"
#include "memory.h"
#include "sheet.h"
#include "tempering.h"

template <Layout layout>
struct Measuring {
    const MeasureJob& job;
    const Sheet<layout> sheet;
    const int rows;
    // Of the model and of p0: how far logits are below their peak, ∞ where there are none; ln p; p. weights: scratch.
    Floats *const depth, *const log_p, *const p, *const start_depth, *const start_log_p, *const start_p, *const weights;

    Measuring(const MeasureJob& job, int64_t first, Memory& memory)
        : job(job),
          sheet(job.lanes, job.tokens, first),
          rows(sheet.rows),
          depth(memory.take<Floats>(rows)),
          log_p(memory.take<Floats>(rows)),
          p(memory.take<Floats>(rows)),
          start_depth(memory.take<Floats>(rows)),
          start_log_p(memory.take<Floats>(rows)),
          start_p(memory.take<Floats>(rows)),
          weights(memory.take<Floats>(rows)) {
        sheet.load(start_log_p, job.start_log_p, -kInfinity);
        sheet.load(start_p, job.start_p, 0.0f);
        sheet.load(depth, job.logits, -kInfinity);
        sink(depth);
    }

    // From logits to depths.
    void sink(Floats* logits) const {
        Floats peak = -kInfinity;
        for (int r = 0; r < rows; ++r) peak = larger(logits[r], peak);
        peak = sheet.maximum(peak);
        for (int r = 0; r < rows; ++r) logits[r] = peak - logits[r];
    }

    void run(Memory& memory) {
        normalize();
        if (job.sums) {
            Floats* const rarest = memory.take<Floats>(rows);
            Floats* const modes = memory.take<Floats>(rows);
            sheet.load(rarest, job.rarest, 0.0f);
            sheet.load(modes, job.modes, 0.0f, [](uint8_t is_mode) { return is_mode ? 1.0f : 0.0f; });
            add_up(rarest, modes);
        }
        if (job.from_start) {
            sheet.load(start_depth, job.start_logits, -kInfinity);
            sink(start_depth);
            give(Tempering<layout>(sheet, log_p, p, start_depth, weights).solved(), kFromStart);
        }
        if (job.back_to_start)
            give(Tempering<layout>(sheet, start_log_p, start_p, depth, weights).solved(), kBackToStart);
    }

    void normalize() {
        Floats sums[1];
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            p[r] = exponential(-depth[r]);
            parts[0] += p[r];
        });
        const Floats total = sheet.sum(sums[0]), share = 1.0f / total, log_total = logarithm(total);
        for (int r = 0; r < rows; ++r) {
            p[r] *= share;
            log_p[r] = -depth[r] - log_total;
        }
    }

    void add_up(const Floats* rarest, const Floats* modes) const {
        const Floats support = sheet.of_lanes(job.support);
        Floats sums[9], most = 0.0f;
        sum_rows(rows, sums, [&](int r, Floats* parts) {
            const Floats x = p[r], y = start_p[r], delta = start_log_p[r] - log_p[r];
            most = larger(x, most);
            parts[kEntropy] -= select(x > 0.0f, x * log_p[r], 0.0f);
            parts[kCollisionProbability] += x * x;
            parts[kSupportSize] += where(x > support);
            parts[kOriginalModeProbability] += modes[r] * x;
            parts[kModeIsOriginal] += select(depth[r] == 0.0f, modes[r], 0.0f);
            parts[kKlFromInitial] += divergence_term(x, y, delta);
            parts[kKlToInitial] += divergence_term(y, x, -delta);
            parts[kTotalVariation] += 0.5f * larger(x - y, y - x);
            parts[kTailMass] += rarest[r] * x;
        });
        for (int i = 0; i < 9; ++i) give(sheet.sum(sums[i]), i);
        give(smaller(sheet.sum(sums[kModeIsOriginal]), 1.0f), kModeIsOriginal);
        give(sheet.maximum(most), kModalProbability);
    }

    void give(Tempered found, int place) const {
        give(found.temperature, place);
        give(found.gap, place + 1);
    }

    void give(Floats values, int place) const { sheet.to_lanes(values, job.found, kMeasures, place); }
};
