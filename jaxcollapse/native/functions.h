// Exponential and logarithm, to about one unit in the last place.
#pragma once

#include "vector.h"

// A polynomial, from the highest power down.
template <int n, int width>
INLINE Vector<float, width> polynomial(const float (&coefficients)[n], Vector<float, width> x) {
    Vector<float, width> value = coefficients[0];
#pragma GCC unroll 8
    for (int i = 1; i < n; ++i) value = fma(value, x, coefficients[i]);
    return value;
}

// value × 2 to the power, for an exponential of x: zero where that is below e⁻⁸⁷.
template <int width>
INLINE Vector<float, width> raised(Vector<float, width> x, Vector<float, width> value, Vector<float, width> power) {
#if defined(__AVX512F__)
    if constexpr (width == kPart) {
        const __mmask16 is_some = _mm512_cmp_ps_mask(x.part, _mm512_set1_ps(-87.0f), _CMP_GT_OQ);
        value.part = (decltype(value.part))_mm512_maskz_scalef_ps(is_some, value.part, power.part);
        return value;
    } else {
        return {raised(x.low, value.low, power.low), raised(x.high, value.high, power.high)};
    }
#else
    const Vector<int32_t, width> exponent = converted<int32_t>(power) << 23;
    return select(x > -87.0f, Vector<float, width>(Vector<int32_t, width>(value) + exponent), 0.0f);
#endif
}

// eˣ for x ≤ 0. Exactly 1 at 0; zero from e⁻⁸⁷ down, and where x is not a number.
template <int width>
INLINE Vector<float, width> exponential(Vector<float, width> x) {
    const Vector<float, width> power = rounded(x * 1.44269504f);
    const Vector<float, width> f = fma(x, 1.9259629911e-8f, fma(x, 1.44269502162933349609375f, -power));
    // 2ᶠ for |f| ≤ ½, fitted.
    Vector<float, width> value =
        polynomial({1.3264727e-3f, 9.6715126e-3f, 5.5507337e-2f, 2.4022242e-1f, 6.9314698e-1f, 1.0f}, f);
    return raised(x, value, power);
}

// ln x of normal numbers x > 0.
template <int width>
INLINE Vector<float, width> logarithm(Vector<float, width> x) {
    const Vector<int32_t, width> bits = Vector<int32_t, width>(x), power = (bits - 0x3f3504f3) >> 23;
    const Vector<float, width> f = Vector<float, width>(bits - (power << 23)) - 1.0f;  // √½ − 1 ≤ f < √2 − 1
    // ln(1 + f) = f − f²/2 + f³ × a polynomial, fitted.
    const Vector<float, width> value = polynomial(
        {8.7004375e-2f, -1.4267488e-1f, 1.4914768e-1f, -1.6577585e-1f, 1.9963064e-1f, -2.5001337e-1f, 3.3333911e-1f},
        f);
    const Vector<float, width> square = f * f, k = converted<float>(power);
    const Vector<float, width> small = fma(value * f, square, k * -2.12194440e-4f);
    return fma(k, 0.693359375f, f + fma(square, -0.5f, small));
}
