// Threads of a GPU as fibres of a CPU, which take turns: each runs until it needs to know what others have, and then
// the next one does. So what one reads before the others have written it is wrong here, as it may be there.
#pragma once

#include <ucontext.h>

#include <atomic>
#include <cmath>
#include <cstdlib>

constexpr size_t kStack = 1 << 20;

struct Fibres {
    ucontext_t main, each[kWidth];
    char* stacks = (char*)malloc(kStack * kWidth);
    int running = 0, finished = 0;
    uint64_t told[2][kWidth];  // at this meeting, and at the one before
    int kind[2][kWidth];       // what they meet for
    int meetings[kWidth];
    void (*work)(void*);
    void* argument;

    ~Fibres() { free(stacks); }
};

inline thread_local Fibres fibres;

INLINE int column() { return fibres.running; }

// Goes on with the next column; comes back when all have told.
inline void pass_on() {
    const int own = fibres.running, next = (own + 1) % kWidth;
    fibres.running = next;
    swapcontext(&fibres.each[own], &fibres.each[next]);
}

// What all columns tell, once they do. They must meet for the same thing.
inline const uint64_t* told_by_all(uint64_t own, int kind) {
    const int c = column(), turn = fibres.meetings[c]++ % 2;
    fibres.told[turn][c] = own;
    fibres.kind[turn][c] = kind;
    pass_on();
    for (int i = 0; i < kWidth; ++i)
        if (fibres.kind[turn][i] != kind || fibres.meetings[i] < fibres.meetings[c]) abort();
    return fibres.told[turn];
}

INLINE bool any_column(bool is_so) {
    const uint64_t* const all = told_by_all(is_so, 1);
    bool any = false;
    for (int i = 0; i < kWidth; ++i) any |= all[i] != 0;
    return any;
}

template <typename T>
INLINE T of_column(T own, int other) {
    uint64_t bits = 0;
    memcpy(&bits, &own, sizeof own);
    bits = told_by_all(bits, 2)[other & (kWidth - 1)];
    memcpy(&own, &bits, sizeof own);
    return own;
}

INLINE void meet() { told_by_all(0, 3); }

INLINE void add_one(int32_t* to) { ++*to; }

INLINE int32_t taken(int32_t* from) {
    const int32_t all = *from;
    *from = 0;
    return all;
}

inline void begin() {
    fibres.work(fibres.argument);
    // Whoever ends lets the next one end, too: none of them meets any more.
    if (++fibres.finished == kWidth) setcontext(&fibres.main);
    fibres.running = (fibres.running + 1) % kWidth;
    setcontext(&fibres.each[fibres.running]);
}

// Sixteen of them do the same.
template <typename Work>
void run_fibres(Work work) {
    fibres.work = [](void* argument) { (*(Work*)argument)(); };
    fibres.argument = &work;
    fibres.running = fibres.finished = 0;
    for (int c = 0; c < kWidth; ++c) {
        fibres.meetings[c] = 0;
        getcontext(&fibres.each[c]);
        fibres.each[c].uc_stack.ss_sp = fibres.stacks + c * kStack;
        fibres.each[c].uc_stack.ss_size = kStack;
        fibres.each[c].uc_link = nullptr;
        makecontext(&fibres.each[c], begin, 0);
    }
    swapcontext(&fibres.main, &fibres.each[0]);
}
