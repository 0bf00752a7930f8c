#include "cluster/ras/reach.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { INFOBASES_MAX = 10000 };

_Static_assert(LIMIT_ADDRESSES <= 32, "an address is one bit of `tried`");

static struct ras_login login_copy(struct ras_login login)
{
    return (struct ras_login){
        .user = mem_copy(login.user),
        .password = login.password ? secret_of(secret_reveal(login.password)) : NULL,
    };
}

static void login_release(struct ras_login *login)
{
    free((void *)(uintptr_t)login->user);
    secret_destroy((struct secret *)(uintptr_t)login->password);
}

enum error_code ras_reach_check(const struct ras_reach_source *source, struct error *err)
{
    if (source->address_count < 1 || source->address_count > LIMIT_ADDRESSES)
        return error_set(err, ERR_CONFIG, "cluster '%s' has %zu addresses, 1 to %d are possible",
                         source->name, source->address_count, LIMIT_ADDRESSES);
    if (source->infobase_count > INFOBASES_MAX)
        return error_set(err, ERR_CONFIG, "cluster '%s' has logins for more than %d infobases",
                         source->name, INFOBASES_MAX);
    return ERR_OK;
}

void ras_reach_init(struct ras_reach *reach, const struct ras_reach_source *source)
{
    *reach = (struct ras_reach){
        .addresses = mem_alloc(source->address_count, sizeof *reach->addresses),
        .address_count = source->address_count,
        .logins = mem_alloc(source->infobase_count + 1, sizeof *reach->logins),
        .infobases = mem_alloc(source->infobase_count + 1, sizeof *reach->infobases),
        .infobase_count = source->infobase_count,
    };
    for (size_t i = 0; i < source->address_count; i++) {
        reach->addresses[i] = source->addresses[i];
        reach->addresses[i].host = mem_copy(source->addresses[i].host);
        reach->order[i] = i;
    }
    reach->logins[0] = login_copy(source->admin);
    for (size_t i = 0; i < source->infobase_count; i++) {
        reach->logins[i + 1] = login_copy(source->infobases[i].login);
        reach->infobases[i].login = reach->logins[i + 1];
        reach->infobases[i].infobase = mem_copy(source->infobases[i].infobase);
    }
}

void ras_reach_release(struct ras_reach *reach)
{
    for (size_t i = 0; i < reach->address_count; i++)
        free((void *)(uintptr_t)reach->addresses[i].host);
    for (size_t i = 0; i < reach->infobase_count; i++)
        free((void *)(uintptr_t)reach->infobases[i].infobase);
    for (size_t i = 0; i <= reach->infobase_count; i++)
        login_release(&reach->logins[i]);
    free(reach->addresses);
    free(reach->infobases);
    free(reach->logins);
}

bool ras_reach_next(const struct ras_reach *reach, uint32_t tried, size_t *ret)
{
    for (size_t i = 0; i < reach->address_count; i++) {
        size_t address = reach->order[i];
        if (tried & 1u << address)
            continue;
        *ret = address;
        return true;
    }
    return false;
}

void ras_reach_demote(struct ras_reach *reach, size_t address)
{
    size_t last = reach->address_count - 1;
    size_t at = 0;
    CHECK(address <= last);
    while (reach->order[at] != address)
        at++;
    memmove(&reach->order[at], &reach->order[at + 1], (last - at) * sizeof *reach->order);
    reach->order[last] = address;
}
