// Memory for the arrays of a job, kept by its thread for the next one.
#pragma once

#include <cstdlib>
#include <new>

struct Memory {
    struct Array {
        void* base = nullptr;
        size_t size = 0;
    };
    Array arrays[24];
    int taken = 0;

    ~Memory() {
        for (Array& array : arrays) free(array.base);
    }

    // The next array that is not in use; throws `std::bad_alloc`.
    template <typename T>
    T* take(int64_t number) {
        Array& array = arrays[taken++];
        const size_t size = (size_t(number) * sizeof(T) + 63) / 64 * 64;
        if (size > array.size) {
            free(array.base);
            array = {aligned_alloc(64, size), size};
            if (!array.base) {
                array.size = 0;
                throw std::bad_alloc();
            }
        }
        return (T*)array.base;
    }

    // Nothing is in use any more.
    void give_back() { taken = 0; }
};
