/* The strong check: replay the whole log into an index in memory, keep it in step with what goes
 * on meanwhile, and compare every key with the live index, a few at a time. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "store/internal.h"

enum { KEYS_PER_STEP = 2000, FINDINGS_MAX = 100 };

struct verify {
    struct store *live, *shadow;
    void (*report)(void *context, const char *line);
    void *context;
    uint64_t findings, damages; /* in the index; in the log */
    /* of one step */
    struct store *from, *against;
    const char *complaint;
    struct buffer last, value;
    unsigned count;
};

static void find(struct verify *verify, const char *what, struct text key)
{
    char line[256], hex[2 * 48 + 1] = "";
    if (verify->findings++ >= FINDINGS_MAX)
        return;
    for (size_t i = 0; i < key.length && i < 48; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)key.data[i]);
    snprintf(line, sizeof(line), "index: key %c %s: %s", key.data[0], hex, what);
    verify->report(verify->context, line);
}

/* Stories, and which UIDs went away, outlive the segment they were told in; a new index has those
 * the log still has. The marks are in the records of mailboxes, and go with the last of them. */
static bool may_lack(const struct verify *verify, struct text key)
{
    if (verify->from == verify->shadow)
        return false;
    return key.data[0] == 'i' || key.data[0] == 'v' || key.data[0] == 'u' ||
           (key.data[0] == 't' && key_get_u64(key, 8) < log_first_record(verify->live->log));
}

/* Every UID among these ranges, which we just wrote, is among those. Both ascend, and none touches
 * the next. */
static bool ranges_are_among(struct text these, struct text those)
{
    struct wire_reader left = wire_reader_of(these), right = wire_reader_of(those);
    uint32_t first = 1, last = 0;
    while (!wire_end(&left)) {
        uint32_t wanted_first = wire_get_u32(&left), wanted_last = wire_get_u32(&left);
        while (last < wanted_last && !wire_end(&right) && !right.bad) {
            first = wire_get_u32(&right);
            last = wire_get_u32(&right);
        }
        check(!left.bad);
        if (right.bad || wanted_first < first || wanted_last > last)
            return false;
    }
    return true;
}

/* Of which UIDs went away a new index has those whose messages the log still had when it told of
 * their removal; the others are told once more to whoever asks (vanished.c). */
static bool may_differ(const struct verify *verify, struct text key, struct text live,
                       struct text from_log)
{
    return key.data[0] == 'v' && log_first_record(verify->live->log) > 1 &&
           ranges_are_among(from_log, live);
}

static bool compare_one(void *context, struct text key, struct text value)
{
    struct verify *verify = context;
    if (verify->count++ == KEYS_PER_STEP) {
        buffer_reset(&verify->last, KEY_BYTES);
        buffer_append(&verify->last, key);
        return false;
    }
    if (!index_get(verify->against->index, key, &verify->value)) {
        if (!may_lack(verify, key))
            find(verify, verify->complaint, key);
    } else if (verify->from == verify->live && !text_equals(buffer_text(&verify->value), value) &&
               !may_differ(verify, key, value, buffer_text(&verify->value))) {
        find(verify, "differs from what the log says", key);
    }
    return true;
}

static void compare_all(struct verify *verify, struct text prefix)
{
    buffer_init(&verify->last, KEY_BYTES);
    buffer_init(&verify->value, CHANGE_OPERATIONS_MAX * 2);
    do {
        verify->count = 0;
        char from[KEY_BYTES];
        size_t length = verify->last.length;
        memcpy(from, verify->last.length > 0 ? verify->last.data : "", length);
        index_scan(verify->from->index, prefix, text_of(from, length), compare_one, verify);
        task_yield();
    } while (verify->count > KEYS_PER_STEP);
    buffer_finish(&verify->last);
    buffer_finish(&verify->value);
}

static const char letters[] = "mrqbBkuxgvotis";

static void compare_both_ways(struct verify *verify)
{
    for (unsigned i = 0; i < sizeof(letters) - 1; i++) {
        struct text prefix = text_of(&letters[i], 1);
        verify->from = verify->live;
        verify->against = verify->shadow;
        verify->complaint = "the log knows nothing of it";
        compare_all(verify, prefix);
        verify->from = verify->shadow;
        verify->against = verify->live;
        verify->complaint = "is missing";
        compare_all(verify, prefix);
    }
}

static void report_damage(void *context, const char *line)
{
    struct verify *verify = context;
    verify->damages++;
    verify->report(verify->context, line);
}

enum status store_verify(struct store *store, void (*report)(void *context, const char *line),
                         void *context)
{
    if (store->reclaiming)
        return try_later("the store is being verified or reclaimed already");
    struct verify verify = {.live = store, .report = report, .context = context};
    enum status log_status = log_verify(store->log, report_damage, &verify);
    store_settle(store);
    store->reclaiming = true; /* no segment goes away under us */
    struct index *index;
    check(index_open(NULL, &index) == OK);
    verify.shadow = store_shadow_new(store, index);
    enum status status = store_shadow_follow(store, verify.shadow);
    if (status == OK)
        compare_both_ways(&verify);
    store->mirror = NULL;
    store->reclaiming = false;
    store_shadow_free(&verify.shadow);
    if (status != OK || log_status != OK)
        return status != OK ? status : log_status;
    if (verify.damages > 0)
        return refused("damage in %llu places of the log, and %llu keys of the index differ",
                       (unsigned long long)verify.damages, (unsigned long long)verify.findings);
    if (verify.findings > 0)
        return refused("%llu keys of the index differ from the log",
                       (unsigned long long)verify.findings);
    return OK;
}
