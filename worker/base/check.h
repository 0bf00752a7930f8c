/* check.h - assertions that stay on in release: for our own mistakes only.
 * What a peer, an operator or a broker can cause is an error, never a CHECK. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

_Noreturn void check_failed(const char *file, int line, const char *expression);

#define CHECK(expression)                                                                          \
    do {                                                                                           \
        if (__builtin_expect(!(expression), 0))                                                    \
            check_failed(__FILE__, __LINE__, #expression);                                         \
    } while (0)

#endif
