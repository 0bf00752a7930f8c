/* The files that are shipped: they are what the table says, and the worker takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "config/config.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };

static void read_whole(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("cannot open '%s'", path);
    char room[4096];
    for (size_t got; (got = fread(room, 1, sizeof room, file)) > 0;)
        buf_add(out, room, got);
    fclose(file);
}

/* With CURFEW_UPDATE=1 in the environment the file is written instead. */
static void the_schema_file_is_what_the_table_gives(void **state)
{
    (void)state;
    static const char path[] = CURFEW_SOURCE_DIR "/schemas/config.schema.json";
    AUTO_BUF wanted;
    AUTO_BUF found;
    buf_init(&wanted, TEXT_MAX);
    buf_init(&found, TEXT_MAX);
    config_schema(&wanted);
    if (getenv("CURFEW_UPDATE")) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(buf_text(&wanted), file);
        fclose(file);
    }
    read_whole(path, &found);
    if (strcmp(buf_text(&wanted), buf_text(&found)) != 0)
        fail_msg("'%s' is old: run this test with CURFEW_UPDATE=1", path);
}

static void the_schema_is_json_and_closed(void **state)
{
    (void)state;
    AUTO_BUF text;
    buf_init(&text, TEXT_MAX);
    config_schema(&text);
    json_t *schema = json_loadb((const char *)text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(schema);
    const json_t *top = json_object_get(schema, "properties");
    const json_t *cluster = json_object_get(json_object_get(top, "clusters"), "items");
    const json_t *limits = json_object_get(json_object_get(cluster, "properties"), "limits");
    const json_t *in_flight = json_object_get(json_object_get(limits, "properties"), "in_flight");
    assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
    assert_true(json_is_false(json_object_get(limits, "additionalProperties")));
    assert_int_equal(json_integer_value(json_object_get(in_flight, "maximum")), 64);
    assert_int_equal(json_integer_value(json_object_get(in_flight, "default")), 8);
    assert_int_equal(json_array_size(json_object_get(cluster, "required")), 2);
    json_decref(schema);
}

static void the_example_loads_and_changes_nothing_but_what_it_must(void **state)
{
    (void)state;
    AUTO(config) config = NULL;
    struct error err = {0};
    AUTO_BUF problems;
    buf_init(&problems, TEXT_MAX);
    if (config_load(CURFEW_SOURCE_DIR "/deploy/curfew.example.yaml", &config, &problems, &err))
        fail_msg("%s", buf_text(&problems));
    assert_int_equal(config_for_worker(config, &err), ERR_OK);
    AUTO(config) defaults = config_defaults();
    assert_true(config_diff(defaults, config, NULL, NULL) < 8);
}

/* "#key" is a setting, "# words" are words. */
static void uncomment(const char *text, struct buf *yaml)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        size_t indent = strspn(text, " ");
        bool setting = text[indent] == '#' && text[indent + 1] != ' ' && text[indent + 1] != '\n';
        if (setting) {
            buf_add(yaml, text, indent);
            buf_add(yaml, text + indent + 1, length - indent - 1);
        } else {
            buf_add(yaml, text, length);
        }
        buf_byte(yaml, '\n');
        text += length + (text[length] == '\n');
    }
}

static void note_if_set(void *self, const struct config_entry *entry)
{
    if (entry->line)
        buf_format(self, " %s ", entry->key);
}

/* The handler of an infobase has the keys of the cluster's, which stands there in full. */
static void is_in_the_example(void *set, const struct config_entry *entry)
{
    char word[CONFIG_PATH_SIZE + 2];
    snprintf(word, sizeof word, " %s ", entry->key);
    if (!strstr(buf_text(set), word) && !strstr(entry->key, "infobases.*.handler."))
        fail_msg("deploy/curfew.example.yaml explains every key, and not '%s'", entry->key);
}

/* What is commented out must load as well once somebody uncomments it. */
static void every_key_is_in_the_example_and_every_commented_line_of_it_loads(void **state)
{
    (void)state;
    AUTO_BUF found;
    AUTO_BUF yaml;
    AUTO_BUF problems;
    AUTO(config) config = NULL;
    struct error err = {0};
    char path[] = "/tmp/curfew-example-XXXXXX";
    buf_init(&found, TEXT_MAX);
    buf_init(&yaml, TEXT_MAX);
    buf_init(&problems, TEXT_MAX);
    read_whole(CURFEW_SOURCE_DIR "/deploy/curfew.example.yaml", &found);
    uncomment(buf_text(&found), &yaml);
    int file = mkstemp(path);
    assert_true(file >= 0);
    ssize_t written = write(file, yaml.data, yaml.length);
    close(file);
    enum error_code code = config_load_without_passwords(path, &config, &problems, &err);
    unlink(path);
    assert_int_equal(written, yaml.length);
    if (code)
        fail_msg("%s", buf_text(&problems));
    AUTO_BUF set;
    buf_init(&set, TEXT_MAX);
    config_explain(config, note_if_set, &set);
    config_explain(config, is_in_the_example, &set);
}

static void look_for_key(void *self, const struct config_entry *entry)
{
    char cell[CONFIG_PATH_SIZE];
    snprintf(cell, sizeof cell, "| `%s` |", entry->key);
    assert_non_null(strstr(self, cell));
    assert_int_equal(entry->help[strlen(entry->help) - 1], '.');
}

static void every_key_of_the_table_has_help_and_a_place_in_the_reference(void **state)
{
    (void)state;
    AUTO(config) config = config_defaults();
    AUTO_BUF text;
    buf_init(&text, TEXT_MAX);
    config_reference(&text);
    assert_non_null(
        strstr(buf_text(&text), "| `clusters[].limits.in_flight` | `8` | 1..64 | yes |"));
    assert_non_null(strstr(buf_text(&text), "| `clusters[].name` | required |  | no |"));
    config_explain(config, look_for_key, (char *)buf_text(&text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_file_is_what_the_table_gives),
        cmocka_unit_test(the_schema_is_json_and_closed),
        cmocka_unit_test(the_example_loads_and_changes_nothing_but_what_it_must),
        cmocka_unit_test(every_key_is_in_the_example_and_every_commented_line_of_it_loads),
        cmocka_unit_test(every_key_of_the_table_has_help_and_a_place_in_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
