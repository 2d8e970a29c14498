// How kernels are launched on a GPU: sixteen threads for each sheet, in blocks of some sheets.
#pragma once

#include <cstdint>

constexpr int kSheetsOfBlock = 8;

// Memory of the device: so many bytes for each sheet that is worked on.
struct Space {
    char* base;
    int64_t bytes;
};
