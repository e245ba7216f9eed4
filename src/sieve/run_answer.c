/* Commands that write to somebody: vacation and notify. */
#include "base/hash.h"
#include "mail/address_list.h"
#include "mail/header.h"
#include "sieve/match.h"

enum { DAY_SECONDS = 24 * 3600, VACATION_DAYS = 7, VACATION_DAYS_MAX = 90 };

/* vacation (RFC 5230) */

static bool has_field(const struct sieve_run *run, struct text name)
{
    struct header_field field;
    return header_find(run->header, name, &field);
}

static bool field_has_word(struct sieve_run *run, struct text name, const char *const *words)
{
    struct header_field field;
    if (!header_find(run->header, name, &field))
        return false;
    struct text value = header_unfold(field.body, run->arena);
    for (; *words != NULL; words++)
        if (text_starts_with_nocase(value, text_from(*words)))
            return true;
    return false;
}

/* RFC 5230 4.6, RFC 3834 2: machines and lists get no answer. */
static const char *why_no_answer(struct sieve_run *run)
{
    static const char *const bulk[] = {"bulk", "list", "junk", NULL};
    static const char *const human[] = {"no", NULL};
    static const char *const all[] = {"All", "OOF", "AutoReply", NULL};
    static const char *const nobody[] = {"mailer-daemon", "listserv", "majordomo", "owner-",
                                         "noreply",       "no-reply", "donotreply"};
    struct text sender = run->message->sender, local = text_before(sender, '@');
    if (text_is_empty(sender))
        return "the sender is nobody";
    for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++)
        if (text_starts_with_nocase(local, text_from(nobody[i])))
            return "the sender is a machine";
    if (text_ends_with_nocase(local, TEXT("-request")))
        return "the sender is a mailing list";
    if (has_field(run, TEXT("List-Id")) || has_field(run, TEXT("List-Post")) ||
        has_field(run, TEXT("List-Unsubscribe")) || has_field(run, TEXT("List-Help")))
        return "it came by a mailing list";
    if (has_field(run, TEXT("Auto-Submitted")) &&
        !field_has_word(run, TEXT("Auto-Submitted"), human))
        return "a machine wrote it";
    if (field_has_word(run, TEXT("Precedence"), bulk))
        return "it is bulk mail";
    if (field_has_word(run, TEXT("X-Auto-Response-Suppress"), all))
        return "its sender asked for no automatic answers";
    return NULL;
}

static bool is_among(struct text address, const struct text *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (text_equals_nocase(address, list[i]))
            return true;
    return false;
}

/* RFC 5230 4.5: only who is named in the header gets answers sent for him. */
static bool names_owner(struct sieve_run *run, const struct text *more, unsigned more_count)
{
    static const char *const fields[] = {"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"};
    struct text section = run->header;
    struct header_field field;
    const struct sieve_world *world = run->world;
    while (header_next_valid(&section, &field)) {
        bool counts = false;
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
            counts |= text_equals_nocase(field.name, text_from(fields[i]));
        struct text rest = counts ? header_unfold(field.body, run->arena) : TEXT("");
        struct mail_entry entry;
        while (mail_entry_next(&rest, run->arena, &entry)) {
            struct text address = arena_printf(run->arena, "%.*s@%.*s", TEXT_ARG(entry.local_part),
                                               TEXT_ARG(entry.domain));
            if (text_equals_nocase(address, world->user) ||
                is_among(address, world->addresses, world->address_count) ||
                is_among(address, more, more_count))
                return true;
        }
    }
    return false;
}

bool check_vacation(const struct sieve_node *node, const char **why)
{
    *why = ":from must be a mail address";
    const struct sieve_argument *from = node_tag(node, TAG_FROM);
    return !from->is_there || has_variables(from->strings[0]) || address_is_valid(from->strings[0]);
}

static int64_t vacation_seconds(const struct sieve_node *node)
{
    const struct sieve_argument *days = node_tag(node, TAG_DAYS);
    const struct sieve_argument *seconds = node_tag(node, TAG_SECONDS);
    uint64_t wanted = seconds->is_there ? seconds->number
                      : days->is_there  ? days->number * DAY_SECONDS
                                        : VACATION_DAYS * DAY_SECONDS;
    uint64_t most = VACATION_DAYS_MAX * DAY_SECONDS;
    /* RFC 5230 4.1: no less than a day; RFC 6131 2 lets :seconds be shorter. */
    if (!seconds->is_there && wanted < DAY_SECONDS)
        wanted = DAY_SECONDS;
    return (int64_t)(wanted > most ? most : wanted);
}

/* RFC 5230 4.7: the subject of the answer, when the script gives none. */
static struct text answer_subject(struct sieve_run *run)
{
    struct header_field field;
    if (!header_find(run->header, TEXT("Subject"), &field))
        return TEXT("Automated reply");
    struct text subject = field_decoded(run, &field);
    return arena_printf(run->arena, "Auto: %.*s", TEXT_ARG(text_head(subject, 200)));
}

/* RFC 5230 4.2: the same answer is known by its handle, else by what it says. */
static struct text vacation_key(struct sieve_run *run, const struct sieve_node *node,
                                const struct sieve_action *action)
{
    if (node_has(node, TAG_HANDLE))
        return arena_printf(run->arena, "handle:%.*s", TEXT_ARG(tag_text(run, node, TAG_HANDLE)));
    struct text said =
        arena_printf(run->arena, "%.*s\n%.*s\n%.*s\n%d", TEXT_ARG(action->subject),
                     TEXT_ARG(action->from), TEXT_ARG(action->text), action->is_mime);
    return arena_printf(run->arena, "text:%016llx", (unsigned long long)hash_checksum(said));
}

void act_vacation(struct sieve_run *run, const struct sieve_node *node)
{
    const struct sieve_argument *more = node_tag(node, TAG_ADDRESSES);
    const char *why = why_no_answer(run);
    if (why == NULL && !names_owner(run, argument_list(run, more), more->string_count))
        why = "the header does not name the owner";
    for (unsigned i = 0; i < run->result->action_count && why == NULL; i++)
        if (run->result->actions[i].kind == SIEVE_VACATION)
            why = "one answer is enough";
    if (why != NULL) {
        run_trace(run, node, "vacation: no answer, %s", why);
        return;
    }
    struct sieve_action *action = run_action(run, node, SIEVE_VACATION);
    if (action == NULL)
        return;
    action->address = run->message->sender;
    action->text = argument_text(run, node, 0);
    action->subject =
        node_has(node, TAG_SUBJECT) ? tag_text(run, node, TAG_SUBJECT) : answer_subject(run);
    action->from = tag_text(run, node, TAG_FROM);
    action->is_mime = node_has(node, TAG_MIME);
    action->seconds = vacation_seconds(node);
    action->key = vacation_key(run, node, action);
}

/* notify (RFC 5435) by mail (RFC 5436) */

static int url_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct text url_decoded(struct text value, struct arena *arena)
{
    struct buffer out;
    buffer_init(&out, value.length + 1);
    for (size_t i = 0; i < value.length; i++) {
        int high = value.data[i] == '%' && i + 2 < value.length ? url_digit(value.data[i + 1]) : -1;
        int low = high >= 0 ? url_digit(value.data[i + 2]) : -1;
        if (low >= 0) {
            buffer_append_byte(&out, (char)(high * 16 + low));
            i += 2;
        } else {
            buffer_append_byte(&out, value.data[i]);
        }
    }
    struct text decoded = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return decoded;
}

/* The address of "mailto:a@b?subject=x" (RFC 6068); one, and no other fields but subject and
 * body, which :message overrides anyway. */
static bool mailto_address(struct text method, struct arena *arena, struct text *address)
{
    if (!text_starts_with_nocase(method, TEXT("mailto:")))
        return false;
    *address = url_decoded(text_before(text_from_position(method, 7), '?'), arena);
    return address_is_valid(*address);
}

bool holds_valid_notify_method(struct sieve_run *run, const struct sieve_node *node)
{
    const struct text *methods = argument_list(run, &node->arguments[0]);
    struct text address;
    for (unsigned i = 0; i < node->arguments[0].string_count; i++)
        if (!mailto_address(methods[i], run->arena, &address))
            return false;
    return true;
}

/* RFC 5435 5: whether somebody is online is not known by mail. */
bool holds_notify_method_capability(struct sieve_run *run, const struct sieve_node *node)
{
    struct text address;
    struct matching matching;
    if (!mailto_address(argument_text(run, node, 0), run->arena, &address) ||
        !text_equals_nocase(argument_text(run, node, 1), TEXT("online")))
        return false;
    match_begin(&matching, run, node, &node->arguments[2]);
    match_value(&matching, TEXT("maybe"));
    return match_end(&matching);
}

/* RFC 5436 2.7.3 gives a message its text when the script gives none. */
static struct text notice_of(struct sieve_run *run)
{
    static const char *const fields[] = {"From", "Subject"};
    struct text values[2] = {TEXT("(unknown)"), TEXT("(no subject)")};
    for (size_t i = 0; i < 2; i++) {
        struct header_field field;
        if (header_find(run->header, text_from(fields[i]), &field))
            values[i] = field_decoded(run, &field);
    }
    return arena_printf(run->arena, "%.*s: %.*s", TEXT_ARG(text_head(values[0], 300)),
                        TEXT_ARG(text_head(values[1], 300)));
}

void act_notify(struct sieve_run *run, const struct sieve_node *node)
{
    struct text address;
    static const char *const human[] = {"no", NULL};
    if (!mailto_address(argument_text(run, node, 0), run->arena, &address)) {
        run_fail(run, node, "only mailto:ADDRESS can be notified");
        return;
    }
    /* RFC 5436 2.7.1: notices about what machines wrote would go in circles. */
    if (has_field(run, TEXT("Auto-Submitted")) &&
        !field_has_word(run, TEXT("Auto-Submitted"), human)) {
        run_trace(run, node, "notify: none, a machine wrote it");
        return;
    }
    struct sieve_action *action = run_action(run, node, SIEVE_NOTIFY);
    if (action == NULL)
        return;
    action->address = address;
    action->from = tag_text(run, node, TAG_FROM);
    action->text = node_has(node, TAG_MESSAGE) ? tag_text(run, node, TAG_MESSAGE) : notice_of(run);
    action->is_important = text_equals(tag_text(run, node, TAG_IMPORTANCE), TEXT("1"));
}
