/* What came back from a process, before anybody reads it as a list. */
#include "cluster/rac/answer.h"

#include <string.h>

#include "base/check.h"
#include "cluster/rac/says.h"

static bool is_blank(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!strchr(" \t\r\n", text.at[i]))
            return false;
    return true;
}

/* One program on one host has one code page: what it was seen to be without doubt holds for its
 * later, doubtful words too. */
static enum error_code encoding_for(struct rac_executor *executor, struct text bytes,
                                    enum rac_encoding *ret, struct error *err)
{
    enum rac_encoding seen;
    if (executor->settings.encoding != RAC_AUTO) {
        *ret = executor->settings.encoding;
        return ERR_OK;
    }
    enum error_code code = rac_encoding_of(bytes, &seen, err);
    if (!code && seen != RAC_AUTO)
        executor->encoding = seen;
    bool remembered = executor->encoding != RAC_AUTO && executor->encoding != RAC_UTF8;
    if (code && !remembered)
        return code;
    *ret = code ? executor->encoding : seen;
    return ERR_OK;
}

static enum error_code decode(struct rac_executor *executor, struct text bytes, struct arena *arena,
                              struct text *ret, struct error *err)
{
    enum rac_encoding encoding;
    enum error_code code = encoding_for(executor, bytes, &encoding, err);
    return code ? code : rac_decode(bytes, encoding, arena, ret, err);
}

/* Its words for people: standard error first, as far as they can be read. */
static void tell(struct rac_executor *executor, struct text errors, struct text output,
                 struct buf *out)
{
    size_t count = 1 + executor->settings.infobase_count;
    rac_tell(out, is_blank(errors) ? output : errors, executor->reach.logins, count);
}

static enum error_code ended_by_us(const struct process_result *result, struct error *err)
{
    enum error_code code = result->code == ERR_TOO_LARGE ? ERR_TOO_LARGE : ERR_UNAVAILABLE;
    return error_set(err, code, "%s", result->error.message);
}

/* Words that nobody knows may stand for anything: a change that ended with them may have been made,
 * and they are no answer to the question whether a session is there. */
static enum error_code unknown_words(const struct rac_task *task)
{
    if (rac_is_change(task))
        return ERR_IN_DOUBT;
    return task->request.op == EXECUTOR_INFO ? ERR_PROTOCOL : ERR_REFUSED;
}

/* What a program that did not do its work says, as an error. */
static enum error_code refusal(const struct rac_task *task, const struct process_result *result,
                               enum error_code says, struct text errors, struct text output,
                               struct error *err)
{
    AUTO_BUF told;
    buf_init(&told, 4 * RAC_TOLD_MAX);
    tell(task->executor, errors, output, &told);
    const char *words = told.length ? buf_text(&told) : "without a word";
    if (result->signal)
        return error_set(err, ERR_PROTOCOL, "rac was ended by signal %d: %s", result->signal,
                         words); /* of a change: in doubt, like all that breaks the protocol */
    return error_set(err, says ? says : unknown_words(task), "rac refuses (status %d): %s",
                     result->status, words);
}

static enum rac_about about_of(const struct rac_task *task)
{
    enum executor_op op = task->request.op;
    if (op == EXECUTOR_INFOBASE_READ || op == EXECUTOR_INFOBASE_WRITE)
        return RAC_ABOUT_INFOBASE;
    if (task->step != RAC_STEP_MAIN)
        return RAC_ABOUT_ANYTHING;
    if (op == EXECUTOR_INFO || op == EXECUTOR_END || op == EXECUTOR_INTERRUPT)
        return RAC_ABOUT_SESSION;
    return op == EXECUTOR_DISCONNECT ? RAC_ABOUT_CONNECTION : RAC_ABOUT_ANYTHING;
}

/* Status 0 proves nothing (docs/rac.md): a refusal can come with it, on either stream. */
static enum error_code judge(const struct rac_task *task, const struct process_result *result,
                             struct text errors, struct text output, struct error *err)
{
    enum error_code says = rac_says(errors, about_of(task));
    bool failed = result->status != 0;
    if (!says && (failed || rac_is_change(task)))
        says = rac_says(output, about_of(task));
    if (!failed && !says && rac_is_change(task) && !is_blank(output)) {
        failed = true; /* it prints nothing when it does its work */
        says = rac_says_help(output) ? ERR_UNSUPPORTED : ERR_OK;
    }
    if (!failed && !says && is_blank(output) && !is_blank(errors) && !rac_is_change(task))
        failed = true; /* words instead of a list: not the empty list */
    if (failed || says)
        return refusal(task, result, says, errors, output, err);
    return ERR_OK;
}

enum error_code rac_answer_read(struct rac_task *task, const struct process_result *result,
                                struct arena *arena, struct text *ret, struct error *err)
{
    struct text errors = {NULL, 0};
    struct text output = {NULL, 0};
    if (result->code)
        return ended_by_us(result, err);
    enum error_code code = decode(task->executor, result->output, arena, &output, err);
    if (decode(task->executor, result->errors, arena, &errors, NULL))
        errors = TEXT("words that cannot be read (see clusters[].rac.encoding)");
    if (!code || result->status != 0) {
        enum error_code judged = judge(task, result, errors, output, err);
        code = judged ? judged : code;
    }
    if (code)
        return code;
    if (result->left_open)
        return error_set(
            err, ERR_PROTOCOL,
            "rac ended and left others behind that kept its output open: it may not be "
            "whole");
    *ret = output;
    return ERR_OK;
}
