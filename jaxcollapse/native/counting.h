// Multinomial counts of many rows of weights.
#pragma once

#include "jobs.h"
#include "sampler.h"

template <Layout layout>
void count_sheet(const CountJob& job, int64_t first, Memory& memory) {
    const Sheet<layout> sheet(job.lanes, job.tokens, first);
    const Pair<Words> key = {sheet.of_lanes(job.keys, 2, 0), sheet.of_lanes(job.keys, 2, 1)};
    Sampler<layout> sampler(sheet.rows, sheet.of_lanes(job.draws), job.fewest_split, memory);
    sheet.load(sampler.leaves(), job.weights, 0.0f);
    sampler.sum();
    if (sampler.splits) sampler.split(key);
    sampler.draw(key);
    sheet.store(sampler.counts, job.counts);
}
