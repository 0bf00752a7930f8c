/* Loaded before a program, it shifts the clock on the wall by CURFEW_SHIFT_S seconds, and no other:
 * the time that passes is left alone. So a wait until a moment of the wall clock must last as long
 * as it would have: such a moment may come from timespec_get(), which asks the kernel past these
 * functions (librdkafka 2.0), or from clock_gettime() (2.12). */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
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

/* Nobody waits for as long as half of a shift: a moment that far off was read from the shifted
 * clock. */
int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict lock,
                  const struct timespec *restrict until)
{
    static int (*wait)(cnd_t *, mtx_t *, const struct timespec *);
    struct timespec now, moment = *until;
    if (!wait)
        *(void **)&wait = dlsym(RTLD_NEXT, "cnd_timedwait");
    if (syscall(SYS_clock_gettime, CLOCK_REALTIME, &now))
        return thrd_error;
    if (labs(moment.tv_sec - now.tv_sec) > labs(moment.tv_sec - shift_s() - now.tv_sec))
        moment.tv_sec -= shift_s();
    return wait(condition, lock, &moment);
}
