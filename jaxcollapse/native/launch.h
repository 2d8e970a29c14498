// How kernels are launched on a GPU: sixteen threads for each sheet, in blocks of some sheets.
#pragma once

#include <cstdint>

constexpr int kSheetsOfBlock = 8;


// Memory of each sheet: so many bytes on the chip, and others of the device.
struct Space {
    int64_t near_bytes, far_bytes;
    char* far;
};
