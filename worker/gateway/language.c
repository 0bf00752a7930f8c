#include "gateway/language.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"

/* Thousandths of a q value ("0.8" is 800); what is none counts as 1000. */
static int quality(const char *at)
{
    if (at[0] != '0')
        return 1000;
    int value = 0;
    int digit = 100;
    if (at[1] != '.')
        return 0;
    for (at += 2; *at >= '0' && *at <= '9' && digit; at++, digit /= 10)
        value += (*at - '0') * digit;
    return value;
}

/* What the header gives for a language: the q of its own range, else that of "*"; -1: not named. */
static int wanted(const char *header, const char *tag)
{
    int own = -1;
    int any = -1;
    while (*header) {
        header += strspn(header, ", \t");
        size_t length = strcspn(header, ",");
        size_t name = strcspn(header, ",;- \t");
        const char *q = memmem(header, length, "q=", 2);
        int value = q ? quality(q + 2) : 1000;
        if (name == strlen(tag) && !strncasecmp(header, tag, name))
            own = value > own ? value : own;
        if (name == 1 && header[0] == '*')
            any = value;
        header += length;
    }
    return own >= 0 ? own : any;
}

enum language language_of(const char *accept_language)
{
    if (!accept_language)
        return LANGUAGE_EN;
    int english = wanted(accept_language, "en");
    int russian = wanted(accept_language, "ru");
    if (russian > english)
        return LANGUAGE_RU;
    if (russian < english || russian <= 0)
        return LANGUAGE_EN;
    const char *en = strcasestr(accept_language, "en");
    const char *ru = strcasestr(accept_language, "ru");
    return ru && (!en || ru < en) ? LANGUAGE_RU : LANGUAGE_EN; /* of two alike, the first named */
}

const char *language_tag(enum language language)
{
    return language == LANGUAGE_RU ? "ru" : "en";
}

static const char *const targets[TARGET_OUTCOMES][LANGUAGES] = {
    [TARGET_NONE] = {"not known", "неизвестно"},
    [TARGET_ENDED] = {"ended", "завершён"},
    [TARGET_ALREADY_GONE] = {"already gone", "уже не было"},
    [TARGET_LEFT] = {"left by itself", "вышел сам"},
    [TARGET_NO_LONGER_MATCHES] = {"is another session now", "под этим номером уже другой сеанс"},
    [TARGET_PROTECTED] = {"protected", "защищён от завершения"},
    [TARGET_SURVIVED] = {"still there", "остался"},
    [TARGET_FAILED] = {"could not be ended", "завершить не удалось"},
    [TARGET_UNKNOWN] = {"not known whether it is gone", "неизвестно, завершён ли"},
    [TARGET_STOPPED] = {"stopped before its turn", "остановлено до завершения"},
    [TARGET_EXPIRED] = {"too late", "срок команды истёк"},
};

static const char *const commands[COMMAND_OUTCOMES][LANGUAGES] = {
    [COMMAND_NONE] = {"under way", "выполняется"},
    [COMMAND_COMPLETED] = {"all sessions are gone", "все сеансы завершены"},
    [COMMAND_PARTIALLY_COMPLETED] = {"some sessions are not gone", "завершены не все сеансы"},
    [COMMAND_FAILED] = {"no session was ended", "сеансы не завершены"},
    [COMMAND_REJECTED] = {"refused", "отказано"},
    [COMMAND_EXPIRED] = {"expired", "срок команды истёк"},
    [COMMAND_CANCELLED] = {"cancelled", "отменено"},
    [COMMAND_DRY_RUN] = {"dry run, nothing was ended", "проверка, ничего не завершено"},
};

const char *language_target(enum language language, enum target_outcome outcome)
{
    CHECK((unsigned)outcome < TARGET_OUTCOMES);
    return targets[outcome][language];
}

const char *language_command(enum language language, enum command_outcome outcome)
{
    CHECK((unsigned)outcome < COMMAND_OUTCOMES);
    return commands[outcome][language];
}
