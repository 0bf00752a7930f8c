/* rng.h - numbers that depend on a seed alone (splitmix64): the same seed, the same world. */
#ifndef SIM_RAS_RNG_H
#define SIM_RAS_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
/* 0..bound-1; 0 for bound 0. The bias is below 1/2^32 for the bounds used here. */
static inline uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    return bound ? rng_next(rng) % bound : 0;
}
/* Both ends included; `from` when the range is empty. */
static inline int64_t rng_between(struct rng *rng, int64_t from, int64_t to)
{
    return to <= from ? from : from + (int64_t)rng_below(rng, (uint64_t)(to - from) + 1);
}
/* 0 <= x < 1. */
static inline double rng_unit(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1.0p-53;
}
static inline bool rng_chance(struct rng *rng, double probability)
{
    return rng_unit(rng) < probability;
}

#endif
