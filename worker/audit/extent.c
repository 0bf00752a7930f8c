#include "audit/extent.h"

#include "base/check.h"

void extent_begin(struct extent *extent, struct chain_reader *chain, int64_t low,
                  const struct extent_promise *promise)
{
    static const struct chain_start unknown;
    CHECK(low >= 0);
    *extent =
        (struct extent){.low = low, .end = low, .counted_from = low > 0 ? -1 : 0, .foreign_at = -1};
    if (promise)
        extent->promise = *promise;
    chain_reader_init(chain, low > 0 ? &unknown : NULL);
}

/* Behind a beginning that is gone, an OWNER that stands first may be void for all we know, and the
 * commit alone tells who owned the partition: there is nothing to hold it against. */
void extent_reach(struct extent *extent, struct chain_reader *chain, int64_t offset)
{
    const struct extent_promise *promise = &extent->promise;
    extent->end = offset;
    if (!promise->known || extent->compared || offset != promise->journal)
        return;
    bool same = epoch_equal(&chain->owner, &promise->owner) && chain->owner_next == promise->next;
    extent->compared = true;
    if (same)
        return;
    if (extent->low == 0) {
        extent->stranger = true;
        return;
    }
    chain_reader_resume(chain, &(struct chain_start){promise->owner, promise->next});
    extent->counted_from = offset;
}

static void note_topics(struct extent *extent, const struct record *record, int64_t offset)
{
    if (record->topics_accepted.from_beginning)
        extent->commands = 0;
    if (offset >= extent->promise.journal)
        extent->released = true;
}

static void note_source(struct extent *extent, const struct source *source, int32_t partition,
                        int64_t offset)
{
    bool foreign = source->partition != partition;
    if (foreign && extent->foreign_at < 0)
        extent->foreign_at = offset;
    if (!foreign && source->offset >= extent->commands)
        extent->commands = source->offset + 1;
}

void extent_note(struct extent *extent, const struct chain_verdict *verdict,
                 const struct record *record, int32_t partition, int64_t offset)
{
    extent->end = offset + 1;
    if (!record)
        return;
    if (!extent->first.number && offset == extent->low) {
        extent->first = record->epoch;
        extent->first_number = record->sequence;
    }
    if (!verdict->counts)
        return;
    if (extent->counted_from < 0)
        extent->counted_from = offset;
    if (record->kind == RECORD_TOPICS_ACCEPTED)
        note_topics(extent, record, offset);
    if (record->source.known)
        note_source(extent, &record->source, partition, offset);
}

/* ---- the verdict ---- */

static bool needed_is_gone(const struct extent *extent)
{
    return extent->promise.known && extent->low > extent->promise.journal;
}

static bool ends_early(const struct extent *extent)
{
    return extent->promise.known && extent->end < extent->promise.journal;
}

/* The same question as the worker's at its start (service/recover.c). A record that named the last
 * command may be among those that are gone at the beginning. */
static bool knows_too_few(const struct extent *extent)
{
    return extent->promise.known && !needed_is_gone(extent) && !extent->released &&
           extent->promise.commands > extent->commands;
}

unsigned extent_faults(const struct extent *extent)
{
    unsigned ret = 0;
    if (extent->low > 0)
        ret |= EXTENT_BEGINNING;
    if (needed_is_gone(extent))
        ret |= EXTENT_NEEDED;
    if (extent->stranger)
        ret |= EXTENT_STRANGER;
    else if (ends_early(extent) || knows_too_few(extent))
        ret |= EXTENT_END;
    if (extent->foreign_at >= 0)
        ret |= EXTENT_FOREIGN;
    return ret;
}

const char *extent_fault_label(enum extent_fault fault)
{
    switch (fault) {
    case EXTENT_BEGINNING:
        return "beginning";
    case EXTENT_NEEDED:
        return "needed";
    case EXTENT_END:
        return "end";
    case EXTENT_STRANGER:
        return "stranger";
    case EXTENT_FOREIGN:
        return "foreign";
    }
    CHECK(false);
    return "";
}

static void say_beginning(const struct extent *extent, struct buf *out)
{
    if (extent->end == extent->low) {
        buf_format(out, "all its records, those below offset %lld, are gone",
                   (long long)extent->low);
        return;
    }
    buf_format(out, "the records below offset %lld are gone", (long long)extent->low);
    if (extent->first.number)
        buf_format(out, " (the first one left is record %llu of epoch %llu)",
                   (unsigned long long)extent->first_number,
                   (unsigned long long)extent->first.number);
    buf_str(out, ", and nothing can be said of what only they told; ");
    if (extent->counted_from >= 0)
        buf_format(out, "which records count is known from offset %lld on",
                   (long long)extent->counted_from);
    else
        buf_str(out, "none of the others can count: nobody is known to have owned the partition");
}

static void say_end(const struct extent *extent, struct buf *out)
{
    if (ends_early(extent))
        buf_format(out,
                   "it ends at offset %lld, and a worker had read it up to %lld: the records at "
                   "its end are gone",
                   (long long)extent->end, (long long)extent->promise.journal);
    else
        buf_format(out,
                   "commands were read up to offset %lld, and it knows of them up to %lld only: "
                   "records at its end are gone",
                   (long long)extent->promise.commands, (long long)extent->commands);
    buf_str(out, ", and what was done under them is not told here");
}

static void say_one(const struct extent *extent, enum extent_fault fault, struct buf *out)
{
    switch (fault) {
    case EXTENT_BEGINNING:
        say_beginning(extent, out);
        return;
    case EXTENT_NEEDED:
        buf_format(out, "a worker that starts needs them from offset %lld on, and will stop",
                   (long long)extent->promise.journal);
        return;
    case EXTENT_END:
        say_end(extent, out);
        return;
    case EXTENT_STRANGER:
        buf_format(out,
                   "at offset %lld stands not what a worker had read there: it was cut or made "
                   "anew, and written on",
                   (long long)extent->promise.journal);
        return;
    case EXTENT_FOREIGN:
        buf_format(out,
                   "the record at offset %lld names a command of another partition: it was not "
                   "written for this one",
                   (long long)extent->foreign_at);
        return;
    }
}

void extent_say(const struct extent *extent, unsigned faults, struct buf *out)
{
    const char *between = "";
    for (unsigned fault = EXTENT_BEGINNING; fault <= EXTENT_LAST; fault <<= 1) {
        if (!(faults & fault))
            continue;
        buf_str(out, between);
        between = "; ";
        say_one(extent, (enum extent_fault)fault, out);
    }
}
