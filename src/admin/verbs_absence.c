#include "admin/verbs_absence.h"

#include <stdio.h>

#include "account/absence.h"
#include "admin/verbs_account.h"
#include "admin/words.h"
#include "base/clock.h"
#include "mail/date.h"

/* An instant, or a day: its beginning here, or its end. */
static bool read_when(struct text word, bool is_end, int64_t *wall_ms)
{
    char day[64];
    if (mail_date_parse_rfc3339(word, wall_ms))
        return true;
    int length = snprintf(day, sizeof(day), "%.*sT00:00:00Z", TEXT_ARG(word));
    if (word.length != 10 || length < 0 || !mail_date_parse_rfc3339(text_from(day), wall_ms))
        return false;
    *wall_ms += is_end ? DAY : 0;
    *wall_ms -= clock_local_east_ms(*wall_ms);
    return true;
}

static enum status take_when(struct admin_call *call, struct text option, bool is_end, int64_t *out)
{
    struct text word;
    enum status status = verb_take_option(call, option, &word);
    if (status != OK || text_is_empty(word))
        return status;
    if (text_equals(word, TEXT("open"))) {
        *out = 0;
        return OK;
    }
    return read_when(word, is_end, out)
               ? OK
               : refused("%.*s: write a day like 2026-12-24, or 2026-12-24T12:00:00+01:00, or open",
                         TEXT_ARG(option));
}

static enum status take_days(struct admin_call *call, uint32_t *days)
{
    enum { DAYS_MAX = 90 };
    struct text word;
    enum status status = verb_take_option(call, TEXT("--days"), &word);
    if (status != OK || text_is_empty(word))
        return status;
    return text_to_u32(word, days) && *days >= 1 && *days <= DAYS_MAX
               ? OK
               : refused("--days is a number from 1 to %d", DAYS_MAX);
}

static enum status take_outside(struct admin_call *call, bool *answers)
{
    struct text word;
    enum status status = verb_take_option(call, TEXT("--external"), &word);
    if (status != OK || text_is_empty(word))
        return status;
    *answers = text_equals(word, TEXT("all"));
    return *answers || text_equals(word, TEXT("none")) ? OK : refused("--external is all or none");
}

static enum status take_subject(struct admin_call *call, struct text *subject)
{
    struct text word;
    enum status status = verb_take_option(call, TEXT("--subject"), &word);
    if (status == OK && !text_is_empty(word))
        *subject = word;
    return status;
}

static enum status take_options(struct admin_call *call, struct absence *absence)
{
    enum status status = take_when(call, TEXT("--from"), false, &absence->from_ms);
    if (status == OK)
        status = take_when(call, TEXT("--until"), true, &absence->until_ms);
    if (status == OK)
        status = take_days(call, &absence->days);
    if (status == OK)
        status = take_outside(call, &absence->answers_outside);
    return status == OK ? take_subject(call, &absence->subject) : status;
}

static void print_text(struct buffer *out, const char *title, struct text text)
{
    struct text line;
    if (text_is_empty(text))
        return;
    buffer_printf(out, "%s:\n", title);
    while (text_split(&text, '\n', &line)) {
        buffer_append(out, TEXT("  "));
        verb_clean(out, text_trim(line));
        buffer_append_byte(out, '\n');
    }
}

static void print_absence(struct admin_call *call, const struct absence *absence)
{
    struct buffer *out = call->out;
    bool is_now = absence_is_now(absence, clock_wall_ms());
    const char *state = is_now ? "answering" : absence->is_on ? "on" : "off";
    if (call->json) {
        buffer_printf(out, "{\"state\":\"%s\",\"days\":%u,\"external\":\"%s\",\"from\":\"", state,
                      absence->days, absence->answers_outside ? "all" : "none");
        verb_time(out, absence->from_ms);
        buffer_append(out, TEXT("\",\"until\":\""));
        verb_time(out, absence->until_ms);
        buffer_append_byte(out, '"');
        verb_json_field(out, "subject", absence->subject);
        verb_json_field(out, "internal_message", absence->inside);
        verb_json_field(out, "external_message", absence->outside);
        buffer_append(out, TEXT("}\n"));
        return;
    }
    buffer_printf(out, "state:    %s\nfrom:     ", state);
    verb_time(out, absence->from_ms);
    buffer_append(out, TEXT("\nuntil:    "));
    verb_time(out, absence->until_ms);
    buffer_printf(out, "\ndays:     %u\nexternal: %s\nsubject:  ", absence->days,
                  absence->answers_outside ? "all" : "none");
    verb_clean(out, absence->subject);
    buffer_append_byte(out, '\n');
    print_text(out, "message to the user's own domain", absence->inside);
    print_text(out, "message to others", absence->outside);
}

/* What the word says is done, and all options with it. YIELDS. */
static enum status change(struct store *store, struct text user, struct admin_call *call,
                          struct absence *absence)
{
    struct text word = call->count > 1 ? call->words[1] : TEXT("show");
    bool turns_on = text_equals(word, TEXT("on"));
    if (text_equals(word, TEXT("show"))) {
        print_absence(call, absence);
        return OK;
    }
    if (!turns_on && !text_equals(word, TEXT("off")))
        return refused("'%.*s' is not on, off or show", TEXT_ARG(word));
    if (turns_on && !absence->is_on)
        absence->set_ms = clock_wall_ms();
    absence->is_on = turns_on;
    return absence_set(store, user, absence);
}

/* Without a word that changes it, options would be lost. */
enum status verb_user_oof(void *state, struct admin_call *call)
{
    static const char usage[] = "user oof ADDRESS [show] | on [--from D] [--until D] [--days N] "
                                "[--subject S] [--external all|none] | off";
    struct store *store = queue_store(state);
    struct absence absence;
    struct arena arena;
    struct text user;
    arena_init(&arena);
    enum status status =
        call->count == 0 ? refused("usage: %s", usage) : verb_user(state, call, &arena, &user);
    if (status == OK)
        absence_get(store, user, &arena, &absence);
    unsigned before = call->count;
    if (status == OK)
        status = take_options(call, &absence);
    if (status == OK)
        status = verb_check_words(call, 1, 2, usage);
    if (status == OK && before != call->count &&
        (call->count < 2 || !text_equals(call->words[1], TEXT("on"))))
        status = refused("options go with on; usage: %s", usage);
    if (status == OK)
        status = change(store, user, call, &absence);
    arena_finish(&arena);
    return status;
}

enum status verb_user_oof_message(void *state, struct admin_call *call)
{
    struct store *store = queue_store(state);
    struct absence absence;
    struct arena arena;
    struct text user;
    bool is_inside = verb_take_switch(call, TEXT("--internal"));
    bool is_outside = verb_take_switch(call, TEXT("--external"));
    arena_init(&arena);
    enum status status =
        verb_check_words(call, 2, 2, "user oof message ADDRESS [--internal|--external] FILE");
    if (status == OK)
        status = verb_user(state, call, &arena, &user);
    if (status == OK) {
        absence_get(store, user, &arena, &absence);
        if (is_inside || !is_outside)
            absence.inside = call->input;
        if (is_outside || !is_inside)
            absence.outside = call->input;
        status = absence_set(store, user, &absence);
    }
    arena_finish(&arena);
    return status;
}
