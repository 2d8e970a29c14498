// Vectors of integers as threads have them, at the ends of their range: each line is what an operation gives.
#define COLUMN_PER_THREAD
#define COLUMN "fibres.h"

#include <cstdio>

#include "vector.h"

int main(int count, char** numbers) {
    const auto tell = [](Ints found) { printf("%d\n", found[0]); };
    for (int i = 1; i < count; ++i) {
        const Ints x = atoi(numbers[i]);
        tell(-x);
        tell(~x);
        tell(x << 5);
        tell(x >> 5);
        for (int j = 1; j < count; ++j) {
            const Ints y = atoi(numbers[j]);
            tell(x + y);
            tell(x - y);
            tell(x * y);
        }
    }
}
