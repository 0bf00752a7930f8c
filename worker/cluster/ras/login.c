#include <stdlib.h>

#include "cluster/ras/conn.h"

struct ras_login ras_login_copy(struct ras_login login)
{
    return (struct ras_login){
        .user = mem_copy(login.user),
        .password = login.password ? secret_of(secret_reveal(login.password)) : NULL,
    };
}

void ras_login_release(struct ras_login *login)
{
    free((void *)(uintptr_t)login->user);
    secret_destroy((struct secret *)(uintptr_t)login->password);
}
