#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

struct secret {
    size_t length;
    char bytes[SECRET_MAX + 1]; /* one more, to notice what is too long */
};

static struct secret *secret_new(void)
{
    int failed = sodium_init() < 0; /* sodium_malloc() aborts without it; again is fine */
    CHECK(!failed);
    struct secret *secret = sodium_malloc(sizeof *secret);
    CHECK(secret);
    secret->length = 0;
    return secret;
}

bool secret_file_open_to_all(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && (found.st_mode & (S_IROTH | S_IWOTH)) != 0;
}

struct secret *secret_of(struct text text)
{
    CHECK(text.length <= SECRET_MAX);
    struct secret *secret = secret_new();
    if (text.length)
        memcpy(secret->bytes, text.at, text.length);
    secret->length = text.length;
    return secret;
}

static enum error_code read_all(int file, struct secret *secret, const char *path,
                                struct error *err)
{
    for (;;) {
        if (secret->length > SECRET_MAX)
            return error_set(err, ERR_CONFIG, "password file '%s' is longer than %d bytes", path,
                             SECRET_MAX);
        ssize_t got =
            read(file, secret->bytes + secret->length, sizeof secret->bytes - secret->length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(err, ERR_CONFIG, "cannot read password file '%s': %s", path,
                             strerror(errno));
        if (got == 0)
            return ERR_OK;
        secret->length += (size_t)got;
    }
}

enum error_code secret_load(const char *path, struct secret **ret, struct error *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return error_set(err, ERR_CONFIG, "cannot open password file '%s': %s", path,
                         strerror(errno));
    struct secret *secret = secret_new();
    enum error_code code = read_all(file, secret, path, err);
    close(file);
    if (!code) {
        char *end = memchr(secret->bytes, '\n', secret->length);
        if (end)
            secret->length = (size_t)(end - secret->bytes);
        if (secret->length && secret->bytes[secret->length - 1] == '\r')
            secret->length--;
        if (!text_valid(secret_reveal(secret)))
            code = error_set(err, ERR_CONFIG, "password file '%s' is not UTF-8 text", path);
    }
    if (code) {
        secret_destroy(secret);
        return code;
    }
    *ret = secret;
    return ERR_OK;
}

void secret_destroy(struct secret *secret)
{
    sodium_free(secret); /* wipes; NULL is fine */
}

struct text secret_reveal(const struct secret *secret)
{
    return secret ? (struct text){secret->bytes, secret->length} : (struct text){NULL, 0};
}

bool secret_equal(const struct secret *secret, struct text text)
{
    return secret && text.length && secret->length == text.length &&
           !sodium_memcmp(secret->bytes, text.at, text.length);
}
