/* Memory with a maximum: growing bytes, arenas, cleanup (I13). */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"

static void a_buffer_stops_at_its_maximum_and_says_so(void **state)
{
    (void)state;
    AUTO_BUF buf;
    buf_init(&buf, 10);
    buf_str(&buf, "12345678");
    assert_false(buf.full);
    buf_str(&buf, "abc");
    assert_true(buf.full);
    assert_string_equal(buf_text(&buf), "12345678"); /* the whole append is left out */
    buf_byte(&buf, 'x');                             /* and everything behind it */
    assert_int_equal(buf.length, 8);
    buf_clear(&buf);
    buf_str(&buf, "1234567890");
    assert_false(buf.full);
    assert_int_equal(buf.length, 10);
    assert_null(buf_room(&buf, 1));
}

static void formatted_texts_of_any_length_fit_or_are_left_out(void **state)
{
    (void)state;
    char long_text[1000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    for (size_t max = 1; max < 1100; max += 7) {
        AUTO_BUF buf;
        buf_init(&buf, max);
        buf_format(&buf, "%s", long_text);
        assert_int_equal(buf.full, max < 999);
        assert_int_equal(buf.length, max < 999 ? 0 : 999);
        assert_int_equal(strlen(buf_text(&buf)), buf.length);
    }
}

static void dropping_keeps_the_rest(void **state)
{
    (void)state;
    AUTO_BUF buf;
    buf_init(&buf, 100);
    buf_drop(&buf, 0);
    buf_str(&buf, "hello world");
    buf_drop(&buf, 6);
    assert_string_equal(buf_text(&buf), "world");
    buf_drop(&buf, 5);
    assert_int_equal(buf.length, 0);
}

static void room_is_written_in_place(void **state)
{
    (void)state;
    AUTO_BUF buf;
    buf_init(&buf, 1000);
    uint8_t *room = buf_room(&buf, 300);
    assert_non_null(room);
    memset(room, 'z', 300);
    buf_grown(&buf, 200);
    assert_int_equal(strlen(buf_text(&buf)), 200);
    buf_add(&buf, NULL, 0);
    assert_int_equal(buf.length, 200);
}

static void an_arena_gives_zeroed_aligned_memory_up_to_its_maximum(void **state)
{
    (void)state;
    struct arena *arena = arena_create(100000);
    size_t taken = 0;
    for (;;) {
        unsigned char *at = arena_take(arena, 1, 1 + taken % 97);
        if (!at)
            break;
        assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < 1 + taken % 97; i++)
            assert_int_equal(at[i], 0);
        memset(at, 0xff, 1 + taken % 97);
        taken++;
    }
    assert_true(taken > 1000);
    assert_true(arena_used(arena) <= 100000);
    arena_destroy(arena);
    arena_destroy(NULL);
}

static bool within(const void *at, const unsigned char *from, size_t size)
{
    const unsigned char *byte = at;
    return byte >= from && byte < from + size;
}

static void an_arena_uses_lent_memory_first_and_keeps_its_maximum(void **state)
{
    (void)state;
    unsigned char first[64];
    struct arena arena;
    memset(first, 0xff, sizeof first);
    arena_init(&arena, 300, first, sizeof first);
    char *text = arena_text(&arena, TEXT("abc"));
    assert_true(within(text, first, sizeof first));
    uint64_t *number = arena_take(&arena, 1, sizeof *number);
    assert_true(within(number, first, sizeof first));
    assert_int_equal((uintptr_t)number % _Alignof(max_align_t), 0);
    assert_true(*number == 0);
    unsigned char *more = arena_take(&arena, 1, 100);
    assert_non_null(more);
    assert_false(within(more, first, sizeof first));
    memset(more, 0xff, 100);
    assert_string_equal(text, "abc");
    assert_null(arena_take(&arena, 1, 300));
    arena_release(&arena);
}

static void an_arena_made_for_its_content_is_one_piece(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_create_for(1000, 600);
    const char *start = arena_take(arena, 1, 16);
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(arena_take(arena, 1, 96), start + 16 + 96 * i);
}

static void an_arena_may_stand_in_lent_memory_as_a_whole(void **state)
{
    (void)state;
    _Alignas(max_align_t) char room[256];
    AUTO(arena) arena = arena_create_on(1000, room, sizeof room);
    char *first = arena_take(arena, 1, 100);
    char *second = arena_take(arena, 1, 200);
    assert_true(first > room && first + 100 <= room + sizeof room);
    assert_false(second >= room && second < room + sizeof room);
}

static void a_buffer_leaves_lent_memory_when_it_is_full(void **state)
{
    (void)state;
    char first[16];
    AUTO_BUF buf;
    buf_init_on(&buf, 100, first, sizeof first);
    buf_str(&buf, "fifteen letters");
    assert_true(buf.lent);
    assert_ptr_equal(buf_text(&buf), first);
    buf_byte(&buf, '!');
    assert_false(buf.lent);
    assert_string_equal(buf_text(&buf), "fifteen letters!");
    for (int i = 0; i < 20; i++)
        buf_str(&buf, "more than fits");
    assert_true(buf.full);
    assert_true(buf.length <= 100);
    buf_release(&buf);
    assert_null(buf.data);
}

static void an_arena_is_not_fooled_by_products_that_wrap(void **state)
{
    (void)state;
    struct arena *arena = arena_create(1000);
    assert_null(arena_take(arena, SIZE_MAX / 2, 4));
    assert_null(arena_take(arena, 2, SIZE_MAX / 2 + 1));
    assert_null(arena_take(arena, 1, SIZE_MAX));
    assert_null(arena_take(arena, 1, 1001));
    assert_null(arena_text(arena, (struct text){"x", 5000}));
    assert_non_null(arena_take(arena, 0, 8));
    assert_string_equal(arena_text(arena, TEXT("text")), "text");
    assert_string_equal(arena_text(arena, (struct text){NULL, 0}), "");
    arena_destroy(arena);
}

static size_t resident_pages(void)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
    fclose(file);
    return resident;
}

static void holes_in_the_heap_go_back_to_the_system(void **state)
{
    enum { PARTS = 20000, PART_BYTES = 1000, KEPT = 100 };
    (void)state;
    char **parts = mem_alloc(PARTS, sizeof *parts);
    for (size_t i = 0; i < PARTS; i++)
        memset(parts[i] = mem_alloc(1, PART_BYTES), 'x', PART_BYTES);
    bool ours = mallinfo2().uordblks > PARTS * PART_BYTES;
    for (size_t i = 0; i < PARTS; i++)
        if (i % KEPT)
            free(parts[i]);
    size_t before = resident_pages();
    mem_give_back();
    size_t after = resident_pages();
    for (size_t i = 0; i < PARTS; i += KEPT) {
        assert_int_equal(parts[i][PART_BYTES - 1], 'x');
        free(parts[i]);
    }
    free(parts);
    if (!ours)
        skip(); /* a sanitizer's or valgrind's allocator gives nothing back */
    assert_true(after + PARTS * PART_BYTES / 4096 / 2 < before);
}

struct thing {
    int *destroyed;
};

static void thing_destroy(struct thing *thing)
{
    if (thing)
        (*thing->destroyed)++;
    free(thing);
}
AUTO_TYPE(thing)

static struct thing *make_thing(int *destroyed, bool good)
{
    AUTO(thing) thing = mem_new(struct thing);
    thing->destroyed = destroyed;
    if (!good)
        return NULL;
    return STEAL(thing);
}

static void what_is_not_handed_over_is_destroyed(void **state)
{
    (void)state;
    int destroyed = 0;
    assert_null(make_thing(&destroyed, false));
    assert_int_equal(destroyed, 1);
    struct thing *thing = make_thing(&destroyed, true);
    assert_int_equal(destroyed, 1);
    thing_destroy(thing);
    AUTO_FREE char *text = mem_text("abc", 2);
    assert_string_equal(text, "ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_stops_at_its_maximum_and_says_so),
        cmocka_unit_test(formatted_texts_of_any_length_fit_or_are_left_out),
        cmocka_unit_test(dropping_keeps_the_rest),
        cmocka_unit_test(room_is_written_in_place),
        cmocka_unit_test(an_arena_gives_zeroed_aligned_memory_up_to_its_maximum),
        cmocka_unit_test(holes_in_the_heap_go_back_to_the_system),
        cmocka_unit_test(an_arena_uses_lent_memory_first_and_keeps_its_maximum),
        cmocka_unit_test(an_arena_made_for_its_content_is_one_piece),
        cmocka_unit_test(an_arena_may_stand_in_lent_memory_as_a_whole),
        cmocka_unit_test(a_buffer_leaves_lent_memory_when_it_is_full),
        cmocka_unit_test(an_arena_is_not_fooled_by_products_that_wrap),
        cmocka_unit_test(what_is_not_handed_over_is_destroyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
