/* Loaded before a program, it shifts the clock on the wall by CURFEW_SHIFT_S seconds, and no other:
 * the time that passes is left alone. What sleeps until a moment of the wall clock keeps it as
 * well: C11's timed waits, and the timespec_get() that they are given, ask the kernel past these
 * functions (libfaketime shifts only one of the two, and librdkafka waits for ever, or not at all).
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift_s(void)
{
    const char *text = getenv("CURFEW_SHIFT_S");
    return text ? strtol(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    if (syscall(SYS_clock_gettime, clock, ret))
        return -1;
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        ret->tv_sec += shift_s();
    return 0;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    *ret = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *ret)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
