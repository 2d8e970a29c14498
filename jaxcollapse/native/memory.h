// Memory for the arrays of a sheet.
#pragma once

#include "vector.h"

#if defined(COLUMN_PER_THREAD)

// Of a sheet's threads, which take the same.
struct Memory {
    char* rest;

    template <typename T>
    INLINE T* take(int64_t number) {
        char* const taken = rest;
        rest += (number * int64_t(sizeof(T)) + 63) / 64 * 64;
        return (T*)taken;
    }

    // Rows of a sheet.
    template <typename V>
    INLINE Array<V> rows(int64_t number) {
        return {take<typename V::Number>(number * kWidth) + column()};
    }
};

#else

#include <cstdlib>
#include <new>

// Kept by a thread for the next sheet.
struct Memory {
    struct Piece {
        void* base = nullptr;
        size_t size = 0;
    };
    Piece pieces[32];
    int taken = 0;

    ~Memory() {
        for (Piece& piece : pieces) free(piece.base);
    }

    // The next piece that is not in use; throws `std::bad_alloc`.
    template <typename T>
    T* take(int64_t number) {
        Piece& piece = pieces[taken++];
        const size_t size = (size_t(number) * sizeof(T) + 63) / 64 * 64;
        if (size > piece.size) {
            free(piece.base);
            piece = {aligned_alloc(64, size), size};
            if (!piece.base) {
                piece.size = 0;
                throw std::bad_alloc();
            }
        }
        return (T*)piece.base;
    }

    // Rows of a sheet.
    template <typename V>
    Array<V> rows(int64_t number) {
        return take<V>(number);
    }

    // Nothing is in use any more.
    void give_back() { taken = 0; }
};

#endif
