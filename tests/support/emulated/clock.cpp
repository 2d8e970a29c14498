// A wall clock that runs backwards, for whatever is started with this library preloaded.
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

using Clock = int (*)(clockid_t, timespec*);

static long long nanoseconds(clockid_t which) {
    static Clock const real = reinterpret_cast<Clock>(dlsym(RTLD_NEXT, "clock_gettime"));
    timespec now{};
    real(which, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

extern "C" int clock_gettime(clockid_t which, timespec* time) noexcept {
    static long long const start = nanoseconds(CLOCK_REALTIME);
    long long now = nanoseconds(which);
    if (which == CLOCK_REALTIME) now = 2 * start - now;
    time->tv_sec = now / 1'000'000'000LL;
    time->tv_nsec = now % 1'000'000'000LL;
    return 0;
}

extern "C" int gettimeofday(timeval* time, void*) noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

extern "C" time_t time(time_t* seconds) noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (seconds) *seconds = now.tv_sec;
    return now.tv_sec;
}
