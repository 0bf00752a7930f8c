#include "sim/ras/control.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/check.h"
#include "sim/ras/control_words.h"
#include "sim/ras/show.h"

enum {
    LINE_MAX_BYTES = 64 * 1024,
    ANSWER_MAX = 64 * 1024 * 1024,
    CLIENTS_MAX = 256,
    STEPS_MAX = 10000
};

struct control_client {
    uv_tcp_t tcp;
    struct sim_control *control;
    struct control_client *next;
    struct buf line;
    bool closing;
};

struct step {
    json_t *request;
    int64_t at_ms;
};

struct sim_control {
    struct ras_sim *sim;
    uv_tcp_t tcp;
    uv_timer_t timer; /* of the script */
    bool listening;
    struct control_client *clients;
    size_t client_count;
    struct step *steps; /* owned, in the order of their time */
    size_t step_count;
    size_t step_next;
    struct instant started;
    unsigned handles; /* the listener, the timer, the clients */
    bool closing;
    void (*stop)(void *self);
    void *self;
};

/* ---- requests ---- */

static struct text next_word(struct text *rest)
{
    while (rest->length && *rest->at == ' ') {
        rest->at++;
        rest->length--;
    }
    struct text word = {rest->at, 0};
    while (rest->length && *rest->at != ' ') {
        rest->at++;
        rest->length--;
        word.length++;
    }
    return word;
}

static void put_word(json_t *request, struct text word, const char *bare)
{
    char key[64];
    const char *equals = memchr(word.at, '=', word.length);
    size_t length = equals ? (size_t)(equals - word.at) : 0;
    if (bare || !equals || length >= sizeof key) {
        if (bare)
            show_put_text(request, bare, word);
        return;
    }
    memcpy(key, word.at, length);
    key[length] = '\0';
    show_put_text(request, key, (struct text){equals + 1, word.length - length - 1});
}

/* `fault stay=2s,op=terminate`: the first value may hold `=` when the word has no such key itself.
 */
static json_t *request_of_words(struct text line)
{
    json_t *request = json_object();
    struct text word = next_word(&line);
    const char *bare = control_first_key(word);
    show_put_text(request, "do", word);
    for (word = next_word(&line); word.length; word = next_word(&line)) {
        bool keyed = memchr(word.at, '=', word.length) && !(bare && !strcmp(bare, "spec"));
        put_word(request, word, keyed ? NULL : bare);
        bare = keyed ? bare : NULL;
    }
    return request;
}

static json_t *read_request(struct text line)
{
    if (line.length && *line.at == '{')
        return json_loadb(line.at, line.length, 0, NULL);
    return text_valid(line) ? request_of_words(line) : NULL;
}

bool ras_sim_command(struct ras_sim *sim, struct text line, struct buf *out)
{
    json_t *request = read_request(line);
    json_t *answer = json_object();
    bool stop = false;
    if (json_is_object(request)) {
        control_carry_out(sim, request, answer, &stop);
    } else {
        show_put(answer, "ok", json_false());
        show_put(answer, "error", json_string("neither a JSON object nor words"));
    }
    char *text = json_dumps(answer, JSON_COMPACT);
    CHECK(text);
    buf_str(out, text);
    buf_byte(out, '\n');
    free(text);
    json_decref(answer);
    json_decref(request);
    return !stop;
}

/* ---- the port ---- */

static void one_closed(struct sim_control *control)
{
    struct ras_sim *sim = control->sim;
    if (--control->handles > 0)
        return;
    for (size_t i = 0; i < control->step_count; i++)
        json_decref(control->steps[i].request);
    free(control->steps);
    free(control);
    sim->control = NULL;
    sim_one_closed(sim);
}

static void on_handle_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

static void on_client_closed(uv_handle_t *handle)
{
    struct control_client *client = handle->data;
    struct sim_control *control = client->control;
    buf_release(&client->line);
    free(client);
    one_closed(control);
}

static void client_close(struct control_client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    struct control_client **at = &client->control->clients;
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    client->control->client_count--;
    uv_close((uv_handle_t *)&client->tcp, on_client_closed);
}

struct answer_write {
    uv_write_t write;
    struct buf text;
};

static void on_answered(uv_write_t *write, int status)
{
    struct answer_write *answer = write->data;
    (void)status; /* a client that left is noticed by the read */
    buf_release(&answer->text);
    free(answer);
}

static void answer_line(struct control_client *client, struct text line)
{
    struct sim_control *control = client->control;
    struct answer_write *answer = mem_new(struct answer_write);
    buf_init(&answer->text, ANSWER_MAX);
    answer->write.data = answer;
    bool go_on = ras_sim_command(control->sim, line, &answer->text);
    uv_buf_t bytes = uv_buf_init((char *)answer->text.data, (unsigned)answer->text.length);
    if (uv_write(&answer->write, (uv_stream_t *)&client->tcp, &bytes, 1, on_answered))
        on_answered(&answer->write, UV_EPIPE);
    if (!go_on && control->stop)
        control->stop(control->self);
}

static void take_lines(struct control_client *client)
{
    uint8_t *end;
    while (!client->closing && client->line.length &&
           (end = memchr(client->line.data, '\n', client->line.length))) {
        size_t length = (size_t)(end - client->line.data);
        struct text line = {(const char *)client->line.data, length};
        if (line.length && line.at[line.length - 1] == '\r')
            line.length--;
        if (line.length)
            answer_line(client, line);
        buf_drop(&client->line, length + 1);
    }
    if (client->line.full)
        client_close(client);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)handle;
    (void)suggested;
    static char room[LINE_MAX_BYTES];
    *ret = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct control_client *client = stream->data;
    if (count < 0) {
        client_close(client);
        return;
    }
    buf_add(&client->line, bytes->base, (size_t)count);
    take_lines(client);
}

static void on_client(uv_stream_t *stream, int status)
{
    struct sim_control *control = stream->data;
    if (status)
        return;
    struct control_client *client = mem_new(struct control_client);
    client->control = control;
    buf_init(&client->line, LINE_MAX_BYTES);
    uv_tcp_init(control->sim->loop, &client->tcp);
    client->tcp.data = client;
    client->next = control->clients;
    control->clients = client;
    control->client_count++;
    control->handles++;
    if (uv_accept(stream, (uv_stream_t *)&client->tcp) || control->client_count > CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&client->tcp, on_allocate, on_read))
        client_close(client);
}

static struct sim_control *control_of(struct ras_sim *sim)
{
    if (sim->control)
        return sim->control;
    struct sim_control *control = mem_new(struct sim_control);
    control->sim = sim;
    uv_tcp_init(sim->loop, &control->tcp);
    uv_timer_init(sim->loop, &control->timer);
    control->tcp.data = control;
    control->timer.data = control;
    control->handles = 2;
    sim->open++;
    sim->control = control;
    return control;
}

enum error_code ras_sim_control(struct ras_sim *sim, uint16_t port, uint16_t *ret_port,
                                struct error *err)
{
    struct sim_control *control = control_of(sim);
    struct sockaddr_in at;
    int length = sizeof at;
    CHECK(!control->listening);
    uv_ip4_addr("127.0.0.1", port, &at);
    int status = uv_tcp_bind(&control->tcp, (const struct sockaddr *)&at, 0);
    if (!status)
        status = uv_listen((uv_stream_t *)&control->tcp, CLIENTS_MAX, on_client);
    if (!status)
        status = uv_tcp_getsockname(&control->tcp, (struct sockaddr *)&at, &length);
    if (status)
        return error_set(err, ERR_SYSTEM, "cannot listen on 127.0.0.1:%u: %s", port,
                         uv_strerror(status));
    control->listening = true;
    *ret_port = ntohs(at.sin_port);
    return ERR_OK;
}

void ras_sim_on_stop(struct ras_sim *sim, void (*stop)(void *self), void *self)
{
    struct sim_control *control = control_of(sim);
    control->stop = stop;
    control->self = self;
}

void sim_control_close(struct ras_sim *sim)
{
    struct sim_control *control = sim->control;
    if (!control || control->closing)
        return;
    control->closing = true;
    while (control->clients)
        client_close(control->clients);
    uv_close((uv_handle_t *)&control->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&control->timer, on_handle_closed);
}

/* ---- the script ---- */

static void plan_step(struct sim_control *control);

static void on_step(uv_timer_t *timer)
{
    struct sim_control *control = timer->data;
    bool stop = false;
    json_t *answer = json_object();
    control_carry_out(control->sim, control->steps[control->step_next].request, answer, &stop);
    json_decref(answer);
    control->step_next++;
    plan_step(control);
    if (stop && control->stop)
        control->stop(control->self);
}

static void plan_step(struct sim_control *control)
{
    if (control->step_next == control->step_count)
        return;
    int64_t since = instant_ms_between(control->started, sim_now(control->sim));
    int64_t wait = control->steps[control->step_next].at_ms - since;
    uv_timer_start(&control->timer, on_step, wait > 0 ? (uint64_t)wait : 0, 0);
}

static int by_time(const void *a, const void *b)
{
    const struct step *one = a, *other = b;
    return (one->at_ms > other->at_ms) - (one->at_ms < other->at_ms);
}

static enum error_code read_step(json_t *entry, struct step *ret, struct error *err)
{
    struct error why;
    int64_t at_ms = 0;
    if (!json_is_object(entry) || !json_string_length(json_object_get(entry, "do")))
        return error_set(err, ERR_INVALID, "an entry is an object with \"do\"");
    if (control_duration(entry, "at", &at_ms, &why))
        return error_set(err, ERR_INVALID, "\"at\": %s", why.message);
    *ret = (struct step){.request = json_incref(entry), .at_ms = at_ms};
    return ERR_OK;
}

enum error_code ras_sim_script(struct ras_sim *sim, const char *path, struct error *err)
{
    json_error_t where;
    json_t *list = json_load_file(path, 0, &where);
    if (!json_is_array(list) || json_array_size(list) > STEPS_MAX) {
        error_set(err, ERR_INVALID, "'%s': %s", path,
                  list ? "a script is an array of at most 10000 entries" : where.text);
        json_decref(list);
        return ERR_INVALID;
    }
    struct sim_control *control = control_of(sim);
    CHECK(!control->steps);
    control->steps = mem_alloc(json_array_size(list) + 1, sizeof *control->steps);
    enum error_code code = ERR_OK;
    for (size_t i = 0; i < json_array_size(list) && !code; i++) {
        code = read_step(json_array_get(list, i), &control->steps[i], err);
        if (code)
            error_wrap(err, "'%s', entry %zu", path, i + 1);
        else
            control->step_count++;
    }
    json_decref(list);
    if (code)
        return code;
    qsort(control->steps, control->step_count, sizeof *control->steps, by_time);
    control->started = sim_now(sim);
    plan_step(control);
    return ERR_OK;
}
