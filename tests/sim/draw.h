/* draw.h - the simulation's only source of chance: everything follows from one seed (splitmix64).
 */
#ifndef SIM_DRAW_H
#define SIM_DRAW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/uuid.h"

struct draw {
    uint64_t state;
};

static inline uint64_t draw_next(struct draw *draw)
{
    uint64_t z = draw->state += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}
/* 0 .. below - 1. */
static inline uint32_t draw_below(struct draw *draw, uint32_t below)
{
    return (uint32_t)((draw_next(draw) >> 32) * below >> 32);
}
/* Both ends included. */
static inline int64_t draw_between(struct draw *draw, int64_t low, int64_t high)
{
    return low + (int64_t)(draw_next(draw) % (uint64_t)(high - low + 1));
}
/* `chances` in a hundred thousand. */
static inline bool draw_chance(struct draw *draw, uint32_t chances)
{
    return chances && draw_below(draw, 100000) < chances;
}
static inline bool draw_percent(struct draw *draw, uint32_t percent)
{
    return draw_below(draw, 100) < percent;
}
static inline struct uuid draw_uuid(struct draw *draw)
{
    struct uuid ret;
    uint64_t halves[2] = {draw_next(draw), draw_next(draw)};
    memcpy(ret.bytes, halves, sizeof ret.bytes);
    return ret;
}

#endif
