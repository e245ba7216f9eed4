/* Out of office: what is kept, when it holds, and the script it becomes. */
#include <stdio.h>
#include <string.h>

#include "account/absence.h"
#include "base/clock.h"
#include "queue_peer.h"
#include "sieve/sieve.h"

#define ALICE TEXT("alice@local.test")

static struct text answer_to(const struct absence *absence, const char *sender, struct arena *arena)
{
    struct sieve_script *script = NULL;
    struct sieve_result result;
    struct buffer error;
    struct sieve_message message = {.bytes = TEXT("To: alice@local.test\r\nSubject: x\r\n\r\n"),
                                    .sender = text_from(sender),
                                    .recipient = ALICE};
    struct sieve_world world = {.user = ALICE, .spam_percent = -1};
    buffer_init(&error, 4096);
    EXPECT(sieve_compile(absence_script(absence, ALICE, arena), NULL, &error, &script) == OK);
    sieve_run(script, &message, &world, arena, &result);
    sieve_script_free(&script);
    buffer_finish(&error);
    EXPECT_TEXT(result.error, "");
    for (unsigned i = 0; i < result.action_count; i++)
        if (result.actions[i].kind == SIEVE_VACATION)
            return result.actions[i].text;
    return TEXT("(none)");
}

TEST("what is answered is the text as it was given, to the own domain and to others")
{
    struct arena arena;
    const char *odd = "He said \"so\\n\".\r\n.\r\n${x} /* # */ text:\r\nMärz";
    struct absence absence = {.is_on = true,
                              .answers_outside = true,
                              .days = 3,
                              .subject = TEXT("\"away\" \\"),
                              .inside = TEXT("in\nside"),
                              .outside = text_from(odd)};
    arena_init(&arena);
    EXPECT_TEXT(answer_to(&absence, "bob@LOCAL.test", &arena), "in\r\nside");
    EXPECT_TEXT(answer_to(&absence, "carol@far.test", &arena), odd);
    EXPECT_TEXT(answer_to(&absence, "", &arena), "(none)");
    absence.inside = TEXT("");
    EXPECT_TEXT(answer_to(&absence, "bob@local.test", &arena), odd);
    absence.answers_outside = false;
    EXPECT_TEXT(answer_to(&absence, "carol@far.test", &arena), "(none)");
    arena_finish(&arena);
}

TEST("it holds from its beginning to its end, and without them for ever")
{
    struct absence absence = {.is_on = true, .from_ms = 100, .until_ms = 200};
    EXPECT(!absence_is_now(&absence, 99) && absence_is_now(&absence, 100));
    EXPECT(absence_is_now(&absence, 199) && !absence_is_now(&absence, 200));
    absence = (struct absence){.is_on = true};
    EXPECT(absence_is_now(&absence, 1) && absence_is_now(&absence, INT64_MAX));
    absence.is_on = false;
    EXPECT(!absence_is_now(&absence, 1));
}

static void kept(struct queue_peer *peer)
{
    struct store *store = queue_store(peer->queue);
    struct absence absence;
    struct arena arena;
    arena_init(&arena);
    EXPECT(!absence_get(store, ALICE, &arena, &absence));
    EXPECT(absence.days == ABSENCE_DAYS && absence.answers_outside);
    absence.is_on = true;
    EXPECT(absence_set(store, ALICE, &absence) == REFUSED); /* no text */
    absence.outside = TEXT("\xff");
    EXPECT(absence_set(store, ALICE, &absence) == REFUSED);
    absence.outside = TEXT("away");
    absence.subject = TEXT("a\r\nBcc: x");
    EXPECT(absence_set(store, ALICE, &absence) == REFUSED);
    absence.subject = TEXT("gone");
    absence.from_ms = 200;
    absence.until_ms = 100;
    EXPECT(absence_set(store, ALICE, &absence) == REFUSED);
    absence.until_ms = 300;
    EXPECT(absence_set(store, ALICE, &absence) == OK);
    queue_peer_close(peer);
    queue_peer_open(peer);
    EXPECT(absence_get(queue_store(peer->queue), ALICE, &arena, &absence));
    EXPECT(absence.is_on && absence.from_ms == 200 && absence.until_ms == 300);
    EXPECT_TEXT(absence.outside, "away");
    EXPECT_TEXT(absence.subject, "gone");
    for (size_t length = 0; length < 20; length++) {
        struct buffer bytes;
        buffer_init(&bytes, 4096);
        absence_encode(&absence, &bytes);
        EXPECT(
            !absence_decode(text_head(buffer_text(&bytes), bytes.length - 1 - length), &absence));
        buffer_finish(&bytes);
        EXPECT(absence_get(queue_store(peer->queue), ALICE, &arena, &absence));
    }
    arena_finish(&arena);
}

TEST("it is kept when it makes sense, and is there after the index was lost")
{
    queue_peer_run(kept);
}
