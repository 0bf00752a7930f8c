/* The service manager is told what the protocol says, and nobody else is disturbed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/notify.h"

struct manager {
    int socket;
    char path[108];
    char message[4096];
};

/* Listens on a path below /tmp, or on an abstract name chosen by the kernel. */
static int manager_start(struct manager *manager, bool abstract)
{
    memset(manager, 0, sizeof *manager);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address.sun_family;
    if (!abstract) {
        strcpy(manager->path, "/tmp/curfew-notify-XXXXXX");
        assert_non_null(mkdtemp(manager->path));
        strcat(manager->path, "/socket");
        strcpy(address.sun_path, manager->path);
        length = sizeof address;
    }
    manager->socket = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(manager->socket, (struct sockaddr *)&address, length), 0);
    if (abstract) {
        length = sizeof address;
        getsockname(manager->socket, (struct sockaddr *)&address, &length);
        manager->path[0] = '@';
        memcpy(manager->path + 1, address.sun_path + 1,
               length - offsetof(struct sockaddr_un, sun_path) - 1);
    }
    return setenv("NOTIFY_SOCKET", manager->path, 1);
}

static const char *heard(struct manager *manager)
{
    ssize_t got =
        recv(manager->socket, manager->message, sizeof manager->message - 1, MSG_DONTWAIT);
    manager->message[got > 0 ? got : 0] = '\0';
    return manager->message;
}

static void manager_stop(struct manager *manager)
{
    close(manager->socket);
    unsetenv("NOTIFY_SOCKET");
    if (manager->path[0] == '/') {
        unlink(manager->path);
        *strrchr(manager->path, '/') = '\0';
        rmdir(manager->path);
    }
}

static void each_message_is_one_datagram(void **state)
{
    (void)state;
    for (int abstract = 0; abstract < 2; abstract++) {
        struct manager manager;
        assert_int_equal(manager_start(&manager, abstract), 0);
        assert_true(notify_wanted());
        assert_int_equal(notify_ready("owns 3 partitions", NULL), ERR_OK);
        assert_string_equal(heard(&manager), "READY=1\nSTATUS=owns 3 partitions");
        assert_int_equal(notify_ready(NULL, NULL), ERR_OK);
        assert_string_equal(heard(&manager), "READY=1");
        assert_int_equal(notify_status("waits", NULL), ERR_OK);
        assert_string_equal(heard(&manager), "STATUS=waits");
        assert_int_equal(notify_stopping("drains", NULL), ERR_OK);
        assert_string_equal(heard(&manager), "STOPPING=1\nSTATUS=drains");
        assert_int_equal(notify_watchdog(NULL), ERR_OK);
        assert_string_equal(heard(&manager), "WATCHDOG=1");
        assert_int_equal(notify_extend(25000, NULL), ERR_OK);
        assert_string_equal(heard(&manager), "EXTEND_TIMEOUT_USEC=25000000");
        assert_int_equal(notify_reloading(NULL), ERR_OK);
        assert_int_equal(strncmp(heard(&manager), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
        assert_true(manager.message[27] >= '1');
        assert_string_equal(heard(&manager), "");
        manager_stop(&manager);
    }
}

static void a_status_is_one_line(void **state)
{
    (void)state;
    struct manager manager;
    assert_int_equal(manager_start(&manager, true), 0);
    notify_ready("one\nWATCHDOG_USEC=1\r\n", NULL);
    assert_string_equal(heard(&manager), "READY=1\nSTATUS=one WATCHDOG_USEC=1  ");
    notify_status("\nSTOPPING=1", NULL);
    assert_string_equal(heard(&manager), "STATUS= STOPPING=1");
    manager_stop(&manager);
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_false(notify_wanted());
    assert_int_equal(notify_ready("x", NULL), ERR_OK);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_false(notify_wanted());
    setenv("NOTIFY_SOCKET", "vsock:2:1234", 1); /* a kind that we do not speak */
    assert_false(notify_wanted());
    unsetenv("NOTIFY_SOCKET");
}

static void a_manager_that_is_gone_or_full_is_an_error_and_no_wait(void **state)
{
    (void)state;
    struct error err;
    setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
    assert_int_equal(notify_watchdog(&err), ERR_SYSTEM);
    char long_path[300];
    memset(long_path, '/', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    setenv("NOTIFY_SOCKET", long_path, 1);
    assert_int_equal(notify_watchdog(&err), ERR_SYSTEM);
    struct manager manager;
    assert_int_equal(manager_start(&manager, true), 0);
    enum error_code code = ERR_OK;
    for (int i = 0; i < 100000 && !code; i++)
        code = notify_watchdog(&err);
    assert_int_equal(code, ERR_SYSTEM);
    manager_stop(&manager);
}

static void the_watchdog_is_fed_at_half_its_time_and_only_by_whom_it_means(void **state)
{
    (void)state;
    char own[16];
    snprintf(own, sizeof own, "%d", (int)getpid());
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    assert_int_equal(notify_watchdog_every_ms(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(notify_watchdog_every_ms(), 15000);
    setenv("WATCHDOG_PID", own, 1);
    assert_int_equal(notify_watchdog_every_ms(), 15000);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(notify_watchdog_every_ms(), 0);
    unsetenv("WATCHDOG_PID");
    setenv("WATCHDOG_USEC", "1", 1);
    assert_int_equal(notify_watchdog_every_ms(), 1);
    setenv("WATCHDOG_USEC", "0", 1);
    assert_int_equal(notify_watchdog_every_ms(), 0);
    setenv("WATCHDOG_USEC", "soon", 1);
    assert_int_equal(notify_watchdog_every_ms(), 0);
    unsetenv("WATCHDOG_USEC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_is_one_datagram),
        cmocka_unit_test(a_status_is_one_line),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(a_manager_that_is_gone_or_full_is_an_error_and_no_wait),
        cmocka_unit_test(the_watchdog_is_fed_at_half_its_time_and_only_by_whom_it_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
