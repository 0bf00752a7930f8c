/* fuzz_seeds DIRECTORY SOURCES: small inputs to begin with, one folder for each fuzzer: the
 * recorded exchanges of tests/vectors, generated commands in every form, events, one journal, the
 * example configuration, a dictionary of its keys, what rac prints, what handlers answer, and
 * requests to the gateway. */
#include <dirent.h>
#include <sys/stat.h>

#include "cluster/ras/wire.h"
#include "command/message.h"
#include "config/config.h"
#include "event/encode.h"
#include "model/record.h"
#include "model/session.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/gen.h"
#include "tests/support/sample.h"
#include "tests/vectors/vector.h"

enum { COMMANDS = 60, SEED_BYTES_MAX = 1 << 20, PATH_SIZE = 512, LARGE = 8192 };

static const char *directory;

static void save(const char *fuzzer, const char *name, const struct buf *bytes)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", directory, fuzzer);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", directory, fuzzer, name);
    FILE *file = fopen(path, "we");
    CHECK(file);
    CHECK(fwrite(bytes->data, 1, bytes->length, file) == bytes->length);
    CHECK(fclose(file) == 0);
}

static void save_message(const char *fuzzer, const char *name, const struct message *message)
{
    AUTO_BUF bytes;
    buf_init(&bytes, SEED_BYTES_MAX);
    fuzz_message_write(message, &bytes);
    if (bytes.length < LARGE) /* small ones are mutated faster */
        save(fuzzer, name, &bytes);
}

/* ---- RAS ---- */

static void save_side(const struct vector *vector, const char *name, bool client)
{
    AUTO_BUF bytes;
    buf_init(&bytes, SEED_BYTES_MAX);
    buf_byte(&bytes, (uint8_t)(vector->version - 1));
    buf_byte(&bytes, 255);
    const struct vector_packet *first = &vector->packets[0];
    bool negotiated = first->length == RAS_NEGOTIATE_BYTES &&
                      memcmp(first->bytes, ras_negotiate, RAS_NEGOTIATE_BYTES) == 0;
    if (client && !negotiated)
        buf_add(&bytes, ras_negotiate, RAS_NEGOTIATE_BYTES);
    for (size_t i = 0; i < vector->count; i++)
        if (vector->packets[i].from_client == client)
            buf_add(&bytes, vector->packets[i].bytes, vector->packets[i].length);
    save(client ? "ras_request" : "ras_answer", name, &bytes);
}

static void save_vectors(const char *sources)
{
    static struct vector vector;
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/tests/vectors", sources);
    DIR *vectors = opendir(path);
    CHECK(vectors);
    for (struct dirent *entry; (entry = readdir(vectors));) {
        size_t length = strlen(entry->d_name);
        if (length < 4 || strcmp(entry->d_name + length - 4, ".hex") != 0)
            continue;
        snprintf(path, sizeof path, "%s/tests/vectors/%s", sources, entry->d_name);
        vector_load(&vector, path);
        save_side(&vector, entry->d_name, true);
        save_side(&vector, entry->d_name, false);
    }
    closedir(vectors);
}

/* ---- commands ---- */

static void save_commands(void)
{
    for (uint64_t seed = 1; seed <= COMMANDS; seed++) {
        struct gen gen = {seed};
        AUTO(command) command = gen_command(&gen);
        for (int form = 0; form <= MESSAGE_FORM_BARE_JSON; form++) {
            const struct message_style style = {(enum message_form)form, "curfew/fuzz", "curfew."};
            AUTO(outgoing) out = NULL;
            char name[32];
            snprintf(name, sizeof name, "%02d-%d", (int)seed, form);
            if (!message_encode(command, &style, &out, NULL))
                save_message("command", name, &out->messages[0]);
        }
    }
    static const char framed[] = "\0\0\0\0\7{\"id\":\"0188a6c2-7f3e-7b1a-9c4d-5e6f708192a3\"}";
    const struct message message = {.value = {framed, sizeof framed - 1}};
    save_message("command", "framed", &message);
}

/* ---- a journal: the life of one command, and its records one by one ---- */

struct journal {
    struct buf bytes; /* as fuzz_journal reads it */
    struct uuid id;
    uint64_t sequence;
};

static void add_record(struct journal *journal, struct record *record)
{
    AUTO_BUF bytes;
    buf_init(&bytes, SEED_BYTES_MAX);
    record->epoch = (struct epoch){{{1}}, 1};
    record->sequence = ++journal->sequence;
    if (record->kind != RECORD_OWNER)
        record->command_id = journal->id;
    record->written_at.ms = 1790000000000;
    record_encode(record, &bytes);
    save("record", record_kind_label(record->kind), &bytes);
    buf_byte(&journal->bytes, 0); /* STEP_BYTES */
    buf_byte(&journal->bytes, (uint8_t)(bytes.length >> 8));
    buf_byte(&journal->bytes, (uint8_t)bytes.length);
    buf_add(&journal->bytes, bytes.data, bytes.length);
    record_destroy(record);
}

static struct command *terminate(struct journal *journal)
{
    struct command *command = command_create();
    command->id = journal->id;
    command->cluster = "main";
    command->requested_by = "ops";
    command->action = ACTION_TERMINATE;
    command->selector.kind = SELECTOR_NUMBERS;
    command->selector.infobase = "ut";
    command->selector.count = 2;
    command->selector.numbers = arena_take(command->arena, 2, sizeof(uint32_t));
    command->selector.numbers[0] = 7;
    command->selector.numbers[1] = 8;
    return command;
}

static void add_accepted(struct journal *journal)
{
    struct record *record = record_create(RECORD_ACCEPTED);
    record->accepted.command = terminate(journal);
    record->accepted.first_appended_at.ms = 1790000000000;
    record->accepted.expires_at.ms = 1790000900000;
    record->source = (struct source){true, 0, (int64_t)journal->sequence, {{5}}};
    add_record(journal, record);
}

static void add_resolved(struct journal *journal)
{
    struct record *record = record_create(RECORD_RESOLVED);
    struct session session = sample_session(7);
    session.uuid = (struct uuid){{7}};
    session.data_separation = "''";
    session.started_at.ticks = 636000000000000;
    AUTO_BUF bytes;
    buf_init(&bytes, SEED_BYTES_MAX);
    session_encode(&session, &bytes);
    record->resolved.round = record->resolved.chunk = record->resolved.chunks = 1;
    record->resolved.count = 2;
    record->resolved.targets = mem_alloc(2, sizeof record->resolved.targets[0]);
    struct resolved_target *targets = record->resolved.targets;
    targets[0] = (struct resolved_target){.asked_by_number = true, .asked_number = 7};
    targets[0].snapshot = mem_alloc(bytes.length, 1);
    targets[0].snapshot_length = (uint32_t)bytes.length;
    memcpy(targets[0].snapshot, bytes.data, bytes.length);
    targets[1] = (struct resolved_target){.index = 1, .asked_by_number = true, .asked_number = 8};
    targets[1].verdict = TARGET_ALREADY_GONE;
    add_record(journal, record);
}

static void add_outcome(struct journal *journal)
{
    struct record *record = record_create(RECORD_OUTCOME);
    struct error why;
    error_set(&why, ERR_IN_DOUBT, "gone after an attempt whose answer was not seen");
    record->outcome.round = 1;
    record->outcome.count = 2;
    record->outcome.ends = mem_alloc(2, sizeof record->outcome.ends[0]);
    record->outcome.ends[0] = (struct target_end){.outcome = TARGET_ENDED, .attempts = 2};
    record->outcome.ends[1] = (struct target_end){.index = 1, .outcome = TARGET_ALREADY_GONE};
    reason_set(&record->outcome.ends[0].reason, &why);
    add_record(journal, record);
}

static void add_attempt(struct journal *journal)
{
    struct record *record = record_create(RECORD_ATTEMPT);
    record->attempt.round = 1;
    record->attempt.attempt = 2;
    record->attempt.count = 1;
    record->attempt.targets = mem_alloc(1, sizeof(uint32_t));
    add_record(journal, record);
}

static void add_closed(struct journal *journal)
{
    struct record *record = record_create(RECORD_CLOSED);
    record->closed.outcome = COMMAND_COMPLETED;
    add_record(journal, record);
}

static void add_at_the_door(struct journal *journal)
{
    struct error why;
    struct record *duplicate = record_create(RECORD_DUPLICATE);
    duplicate->duplicate.first_outcome = COMMAND_COMPLETED;
    duplicate->duplicate.command = terminate(journal);
    add_record(journal, duplicate);
    struct record *rejected = record_create(RECORD_REJECTED);
    error_set(&why, ERR_CONFLICT, "this command id was used before");
    rejected->rejected.command = terminate(journal);
    reason_set(&rejected->reason, &why);
    add_record(journal, rejected);
    struct record *forwarded = record_create(RECORD_FORWARDED);
    forwarded->forwarded.to_partition = 2;
    add_record(journal, forwarded);
    struct record *cancelled = record_create(RECORD_CANCELLED);
    cancelled->cancelled.by = mem_text("ops", 3);
    add_record(journal, cancelled);
}

static void save_journal(void)
{
    struct journal journal = {.id = {{4}}};
    buf_init(&journal.bytes, SEED_BYTES_MAX);
    struct record *owner = record_create(RECORD_OWNER);
    owner->owner.instance = mem_text("w-1", 3);
    add_record(&journal, owner);
    add_accepted(&journal);
    save("journal", "accepted", &journal.bytes);
    add_resolved(&journal);
    save("journal", "resolved", &journal.bytes);
    add_attempt(&journal);
    add_outcome(&journal);
    save("journal", "outcome", &journal.bytes);
    add_closed(&journal);
    save("journal", "closed", &journal.bytes);
    add_at_the_door(&journal);
    journal.id = (struct uuid){{6}};
    add_accepted(&journal);
    save("journal", "whole", &journal.bytes);
    buf_release(&journal.bytes);
}

/* ---- events ---- */

/* For the gateway: the same event twice. */
static void save_for_book(const char *name, const struct message *message)
{
    AUTO_BUF event;
    AUTO_BUF bytes;
    buf_init(&event, SEED_BYTES_MAX);
    buf_init(&bytes, SEED_BYTES_MAX);
    fuzz_message_write(message, &event);
    buf_byte(&bytes, (uint8_t)(event.length >> 8));
    buf_byte(&bytes, (uint8_t)event.length);
    buf_add(&bytes, event.data, event.length);
    buf_add(&bytes, event.data, event.length);
    if (bytes.length < LARGE)
        save("book", name, &bytes);
}

static void save_events(void)
{
    struct reason reason = {ERR_IN_DOUBT, (char[]){"gone after an attempt"}};
    for (uint64_t seed = 1; seed <= COMMANDS; seed++) {
        struct gen gen = {seed};
        AUTO(command) command = gen_command(&gen);
        struct event_target targets[2] = {
            {.session = gen_uuid(&gen), .has_number = true, .number = 7, .attempts = 1},
            {.number = 8, .has_number = true, .outcome = TARGET_FAILED, .reason = &reason},
        };
        targets[0].outcome = (enum target_outcome)(1 + gen_below(&gen, TARGET_OUTCOMES - 1));
        struct event event = {
            .id = gen_uuid(&gen),
            .kind = (enum event_kind)(1 + gen_below(&gen, EVENT_KINDS - 1)),
            .command_id = command->id,
            .command = command,
            .outcome = (enum command_outcome)gen_below(&gen, COMMAND_OUTCOMES),
            .reason = gen_chance(&gen, 50) ? &reason : NULL,
            .targets = targets,
            .target_count = 2,
            .source = {true, 3, 12, {{0}}},
            .time = {1790000000000},
            .accepted_at = gen_wall(&gen),
        };
        struct event_style style = event_style_default();
        style.mode = seed & 1 ? EVENT_MODE_STRUCTURED : EVENT_MODE_BINARY;
        style.format = seed & 2 ? EVENT_FORMAT_PROTOBUF : EVENT_FORMAT_JSON;
        AUTO(outgoing) out = event_encode(&event, "main", &style);
        char name[32];
        snprintf(name, sizeof name, "%02d", (int)seed);
        save_message("event", name, &out->messages[0]);
        save_for_book(name, &out->messages[0]);
    }
}

/* ---- configuration ---- */

static void add_word(void *self, const struct config_entry *entry)
{
    const char *dot = strrchr(entry->key, '.');
    buf_format(self, "\"%s:\"\n", dot ? dot + 1 : entry->key);
}

static void save_config(const char *sources)
{
    char path[PATH_SIZE];
    char bytes[LARGE * 4];
    AUTO_BUF text;
    AUTO_BUF words;
    buf_init(&text, SEED_BYTES_MAX);
    buf_init(&words, SEED_BYTES_MAX);
    snprintf(path, sizeof path, "%s/deploy/curfew.example.yaml", sources);
    FILE *file = fopen(path, "re");
    CHECK(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    CHECK(feof(file));
    fclose(file);
    buf_add(&text, bytes, length);
    save("config", "example", &text);
    buf_clear(&text);
    buf_str(&text, "kafka: {brokers: [k1:9092], librdkafka: {common: {a.b: c}}}\n"
                   "clusters:\n- {name: main, addresses: [r1:1545, '[::1]:1'],\n"
                   "   infobases: {ut: {user: u}}, limits: {in_flight: 4}}\n"
                   "policy: {rules: [{name: a, effect: deny, requesters: ['*']}]}\n"
                   "events: {mode: structured}\nlog: {level: debug}\n");
    save("config", "small", &text);
    AUTO(config) config = config_defaults();
    config_explain(config, add_word, &words);
    save("dictionary", "config", &words);
}

/* ---- handlers ---- */

static void save_handler(void)
{
    static const char *const answers[] = {
        "{\"targets\":[{\"index\":0,\"result\":\"ended\"},{\"index\":1,\"result\":\"left\"}]}",
        "{\"standard_processing\":true,\"targets\":[{\"index\":1,\"result\":\"failed\",\"message\":"
        "\"no\"},{\"index\":0,\"result\":\"skipped\",\"message\":null}]}",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        char name[16];
        AUTO_BUF text;
        buf_init(&text, LARGE);
        buf_str(&text, answers[i]);
        snprintf(name, sizeof name, "answer-%zu", i);
        save("handler", name, &text);
    }
}

/* ---- the gateway ---- */

static void save_request(const char *name, const char *key, const char *body)
{
    const char *headers[] = {"application/json; charset=utf-8", "respond-async, wait=30",
                             "Bearer 0123456789abcdef", "ru;q=0.9, en", key};
    AUTO_BUF text;
    buf_init(&text, LARGE);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        buf_byte(&text, (uint8_t)strlen(headers[i]));
        buf_str(&text, headers[i]);
    }
    buf_str(&text, body);
    save("gateway", name, &text);
}

static void save_requests(void)
{
    static const char words[] =
        "\"\\\"target\\\":\"\n\"\\\"connectionString\\\":\"\n\"\\\"cluster\\\":\"\n"
        "\"\\\"infobase\\\":\"\n\"\\\"sessions\\\":[\"\n\"\\\"number\\\":\"\n\"\\\"id\\\":\"\n"
        "\"\\\"user\\\":\"\n\"\\\"application\\\":\"\n\"\\\"startedAt\\\":\"\n"
        "\"\\\"requestedBy\\\":\"\n\"\\\"reason\\\":\"\n\"\\\"message\\\":\"\n\"\\\"dryRun\\\":"
        "true\"\n"
        "\"Srvr=\"\n\"Ref=\"\n\"wait=\"\n\"charset=\"\n\"Bearer \"\n";
    save_request("numbers", "5f1a6c1e",
                 "{\"target\":{\"cluster\":\"main\",\"infobase\":\"ut\",\"sessions\":[{\"number\":"
                 "17},{\"number\":18,\"user\":\"Иванов\",\"application\":\"1CV8C\","
                 "\"startedAt\":\"2026-03-01T12:30:45\"}]},\"requestedBy\":\"Пётр\"}");
    save_request(
        "string", "\"k-2\"",
        "\xef\xbb\xbf{\"target\":{\"connectionString\":\"Srvr=\\\"srv1:1541\\\";Ref=\\\"ut\\\";"
        "\",\"sessions\":[{\"number\":4294967295}]},\"message\":\"m\",\"reason\":null}");
    save_request("ids", "3",
                 "{\"target\":{\"cluster\":\"main\",\"sessions\":[{\"id\":"
                 "\"11000000-0000-0000-0000-000000000001\"}]},\"dryRun\":true}");
    save_request(
        "unknown", "4",
        "{\"target\":{\"connectionString\":\"Ref=x;Srvr='s'\",\"sessions\":[{\"number\":1}]}}");
    AUTO_BUF dictionary;
    buf_init(&dictionary, SEED_BYTES_MAX);
    buf_str(&dictionary, words);
    save("dictionary", "gateway", &dictionary);
}

/* ---- rac ---- */

static void save_rac(void)
{
    static const char session[] =
        "session    : 8397b7bb-e836-4c95-9a4f-cf22bef822ff\nsession-id : 2\n"
        "infobase   : 717bdda7-2f60-4577-b262-f1fc8c0e472c\nuser-name  : %s\nhost       : pc\n"
        "app-id     : \"1CV8C\"\nstarted-at : 2026-02-23T03:32:56\nhibernate  : no\n"
        "memory-current : -4096\ndata-separation : ''\n\n";
    AUTO_BUF text;
    buf_init(&text, SEED_BYTES_MAX);
    buf_byte(&text, 1); /* UTF-8 */
    buf_format(&text, session, "Иванов");
    buf_format(&text, session, "\"Рога\" и \"копыта\"");
    save("rac", "sessions", &text);
    buf_clear(&text);
    buf_byte(&text, 0); /* to be found out: code page 866 */
    buf_format(&text, session, "\x88\xa2\xa0\xad\xae\xa2");
    save("rac", "cp866", &text);
    buf_clear(&text);
    buf_byte(&text, 1);
    buf_str(&text, "infobase : 717bdda7-2f60-4577-b262-f1fc8c0e472c\r\nname : ut\r\n"
                   "scheduled-jobs-deny : off\r\nsessions-deny : on\r\ndenied-from : \r\n"
                   "denied-message : \"a\"\"b\r\n\r\nc\"\r\ndenied-parameter : \r\n"
                   "denied-to : 2029-11-01T00:00:00\r\npermission-code : \"x\"\r\n\r\n");
    save("rac", "infobase", &text);
    buf_clear(&text);
    buf_byte(&text, 1);
    buf_str(&text, "Ошибка операции администрирования\nСеанс отсутствует или удален\n");
    save("rac", "words", &text);
}

/* ---- filters ---- */

static void save_filters(void)
{
    static const char *const filters[] = {
        "app in (1CV8, 1CV8C) and idle >= 2h and not user in (robot)",
        "(hibernating or not blocking) and blocked-by != 0 or memory > 500MB",
        "infobase = 'Торговля' and client-ip in (10.0.0.0/8, fd00::/8) and user not like 'r?b*'",
        "started < 2026-03-01T12:30:45 and cpu <= 90s and class = job and number >= 7",
        "session = 11000000-0000-0000-0000-000000000001 or host ~ \"it's \"\"so\"\"\"",
    };
    static const char words[] =
        "\" and \"\n\" or \"\n\"not \"\n\" in (\"\n\" like \"\n\"!=\"\n\">=\"\n"
        "\"infobase\"\n\"user\"\n\"host\"\n\"app\"\n\"class\"\n\"client-ip\"\n"
        "\"started\"\n\"idle\"\n\"age\"\n\"hibernating\"\n\"blocked-by\"\n"
        "\"blocking\"\n\"call-duration\"\n\"memory\"\n\"cpu\"\n\"number\"\n";
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        char name[8];
        AUTO_BUF text;
        buf_init(&text, SEED_BYTES_MAX);
        buf_str(&text, filters[i]);
        snprintf(name, sizeof name, "%zu", i);
        save("filter", name, &text);
    }
    AUTO_BUF dictionary;
    buf_init(&dictionary, SEED_BYTES_MAX);
    buf_str(&dictionary, words);
    save("dictionary", "filter", &dictionary);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    directory = argv[1];
    mkdir(directory, 0755);
    save_vectors(argv[2]);
    save_commands();
    save_journal();
    save_events();
    save_config(argv[2]);
    save_rac();
    save_handler();
    save_requests();
    save_filters();
    return 0;
}
