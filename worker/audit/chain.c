#include "audit/chain.h"

#include "base/check.h"

/* ---- writing ---- */

void chain_stamp(struct chain *chain, struct record *record)
{
    CHECK(record->epoch.number > 0);
    CHECK(!chain->open);
    if (!epoch_equal(&chain->epoch, &record->epoch)) {
        CHECK(record->kind == RECORD_OWNER);
        *chain = (struct chain){.epoch = record->epoch};
    }
    chain->sequence++;
    record->sequence = chain->sequence;
    record->previous = chain->head;
    chain->open = true;
}

void chain_sealed(struct chain *chain, struct text bytes)
{
    CHECK(chain->open);
    chain->head = sha256_of(bytes.at, bytes.length);
    chain->open = false;
}

/* ---- who owns the partition ---- */

void chain_reader_init(struct chain_reader *reader, const struct chain_start *start)
{
    *reader = (struct chain_reader){.from_middle = start != NULL};
    if (start)
        chain_reader_resume(reader, start);
}

void chain_reader_resume(struct chain_reader *reader, const struct chain_start *start)
{
    reader->owner = start->owner;
    reader->owner_next = start->next;
    reader->owner_broken = false;
    if (start->owner.number > reader->highest)
        reader->highest = start->owner.number;
}

/* An OWNER counts only above the present owner's epoch: a late one of a paused worker is void. */
static bool owner_applies(struct chain_reader *reader, const struct record *record)
{
    if (record->epoch.number > reader->highest)
        reader->highest = record->epoch.number;
    if (record->epoch.number <= reader->owner.number || record->sequence != 1)
        return false;
    reader->owner = record->epoch;
    reader->owner_next = 2;
    reader->owner_broken = false;
    return true;
}

/* The same rules as the engine's (worker/engine/owner.c). */
static bool applies(struct chain_reader *reader, const struct record *record)
{
    if (record->kind == RECORD_OWNER)
        return owner_applies(reader, record);
    if (!reader->owner.number || !epoch_equal(&reader->owner, &record->epoch))
        return false;
    if (reader->owner_broken)
        return false;
    if (reader->owner_next && record->sequence < reader->owner_next)
        return false; /* a repeat */
    if (reader->owner_next && record->sequence > reader->owner_next) {
        reader->owner_broken = true;
        return false;
    }
    reader->owner_next = record->sequence + 1;
    return true;
}

/* ---- the chain of one epoch ---- */

/* The epoch's place, moved to the front; NULL when it has none. */
static struct chain_link *find_link(struct chain_reader *reader, const struct epoch *epoch)
{
    for (int i = 0; i < CHAIN_EPOCHS; i++) {
        if (!reader->links[i].epoch.number || !epoch_equal(&reader->links[i].epoch, epoch))
            continue;
        struct chain_link found = reader->links[i];
        memmove(&reader->links[1], &reader->links[0], (size_t)i * sizeof found);
        reader->links[0] = found;
        return &reader->links[0];
    }
    return NULL;
}

/* A place at the front; the one used longest ago is given up, but never the owner's. */
static struct chain_link *add_link(struct chain_reader *reader, const struct epoch *epoch)
{
    int last = CHAIN_EPOCHS - 1;
    if (reader->links[last].epoch.number && epoch_equal(&reader->links[last].epoch, &reader->owner))
        last--;
    if (reader->links[last].epoch.number)
        reader->from_middle = true; /* should its writer come back, its place is not known */
    memmove(&reader->links[1], &reader->links[0], (size_t)last * sizeof reader->links[0]);
    reader->links[0] = (struct chain_link){.epoch = *epoch};
    return &reader->links[0];
}

static enum chain_state say(struct chain_verdict *verdict, enum chain_state state, const char *what)
{
    error_set(&verdict->error, ERR_JOURNAL, "epoch %llu of writer %s, record %llu: %s",
              (unsigned long long)verdict->epoch.number, uuid_format(&verdict->epoch.writer).text,
              (unsigned long long)verdict->sequence, what);
    return state;
}

static enum chain_state judge_first(const struct chain_reader *reader, const struct record *record,
                                    struct chain_verdict *verdict)
{
    static const struct sha256 none;
    if (record->sequence == 1) {
        verdict->expected = 1;
        if (record->kind != RECORD_OWNER)
            return say(verdict, CHAIN_GAP, "an epoch begins with its OWNER, this one does not");
        if (!sha256_equal(&record->previous, &none))
            return say(verdict, CHAIN_BROKEN, "the first record names one before it");
        return CHAIN_WHOLE;
    }
    if (reader->from_middle)
        return CHAIN_TAKEN;
    verdict->expected = 1;
    return say(verdict, CHAIN_GAP, "the epoch's records before it are missing");
}

/* An append that came twice has the same bytes; of records further back nothing is kept that could
 * tell. */
static enum chain_state judge_again(const struct chain_link *link, const struct record *record,
                                    const struct sha256 *own, struct chain_verdict *verdict)
{
    if (record->sequence == link->sequence && !sha256_equal(own, &link->head))
        return say(verdict, CHAIN_BROKEN, "another record bears this number as well");
    return say(verdict, CHAIN_REORDERED, "stands behind a later one of its epoch, or once more");
}

static enum chain_state judge_next(const struct chain_link *link, const struct record *record,
                                   struct chain_verdict *verdict)
{
    if (record->sequence > link->sequence + 1)
        return say(verdict, CHAIN_GAP, "records before it are missing");
    if (!sha256_equal(&record->previous, &link->head))
        return say(verdict, CHAIN_BROKEN, "the record before it is not the one that was written");
    return CHAIN_WHOLE;
}

static enum chain_state follow(struct chain_reader *reader, const struct record *record,
                               struct text bytes, struct chain_verdict *verdict)
{
    struct chain_link *link = find_link(reader, &record->epoch);
    struct sha256 own = sha256_of(bytes.at, bytes.length);
    enum chain_state state;
    if (link)
        verdict->expected = link->sequence + 1;
    if (link && record->sequence <= link->sequence)
        return judge_again(link, record, &own, verdict); /* the chain goes on from the later one */
    state = link ? judge_next(link, record, verdict) : judge_first(reader, record, verdict);
    if (!link)
        link = add_link(reader, &record->epoch);
    link->sequence = record->sequence;
    link->head = own;
    return state;
}

struct chain_verdict chain_read_record(struct chain_reader *reader, const struct record *record,
                                       struct text bytes)
{
    struct chain_verdict verdict = {
        .kind = record->kind, .epoch = record->epoch, .sequence = record->sequence};
    verdict.error.code = ERR_OK;
    verdict.counts = applies(reader, record);
    verdict.state = follow(reader, record, bytes, &verdict);
    reader->counted += verdict.counts;
    reader->voided += !verdict.counts;
    reader->holes += verdict.state == CHAIN_GAP;
    reader->repeats += verdict.state == CHAIN_REORDERED;
    reader->damaged += verdict.state == CHAIN_BROKEN;
    return verdict;
}

struct chain_verdict chain_read(struct chain_reader *reader, struct text bytes)
{
    struct chain_verdict verdict = {.state = CHAIN_UNREADABLE};
    AUTO(record) record = NULL;
    if (record_decode(bytes, &record, &verdict.error)) {
        reader->damaged++;
        return verdict;
    }
    return chain_read_record(reader, record, bytes);
}

const char *chain_state_label(enum chain_state state)
{
    static const char *const labels[] = {"whole", "taken",     "broken",
                                         "gap",   "reordered", "unreadable"};
    CHECK((unsigned)state < sizeof labels / sizeof labels[0]);
    return labels[state];
}
