// The level of x86-64 that a processor has, and an operating system lets it use.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

#include <cstdint>

// 4, 3, or less. Asked of the processor itself, since not every compiler's `__builtin_cpu_supports` knows.
inline int x86_64_level() {
    const auto has = [](unsigned bits, unsigned all) { return (bits & all) == all; };
    unsigned eax, ebx, ecx, edx;
    const unsigned fma = 1u << 12, xsave = 1u << 27, avx = 1u << 28;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has(ecx, fma | xsave | avx)) return 0;
    uint32_t saved, high;  // the registers that are saved when another program has its turn
    asm("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    const unsigned avx2 = 1u << 5;
    if (!has(saved, 0x6) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !has(ebx, avx2)) return 0;
    const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;  // F, DQ, CD, BW, VL
    return has(saved, 0xe6) && has(ebx, avx512) ? 4 : 3;
}
#endif
