/* To be loaded before a program: its clock is off by CLOCK_AHEAD seconds. What is counted stays right, and so does
 * every sleep; libfaketime of Debian 12 makes Python's sleep fail. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long ahead;

__attribute__((constructor)) static void begin(void) {
    const char *told = getenv("CLOCK_AHEAD");
    ahead = told ? atol(told) : 0;
}

int clock_gettime(clockid_t which, struct timespec *moment) {
    int failed = (int)syscall(SYS_clock_gettime, which, moment);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) moment->tv_sec += ahead;
    return failed;
}

int gettimeofday(struct timeval *restrict moment, void *restrict zone) {
    int failed = (int)syscall(SYS_gettimeofday, moment, zone);
    if (!failed) moment->tv_sec += ahead;
    return failed;
}

time_t time(time_t *kept) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (kept) *kept = moment.tv_sec;
    return moment.tv_sec;
}
