/* THE SETTINGS OF USERS, one row each. */
#include "account/preference.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "mail/charset.h"
#include "mail/language.h"
#include "settings/charsets.h"
#include "settings/number.h"
#include "store/value.h"

static const char *const on_off[] = {"off", "on", NULL};
static const char *const bodies[] = {"both", "plain", "html", NULL};
static const char *const exact_fast[] = {"exact", "fast", NULL};
static const char *const listed_hidden[] = {"hidden", "listed", NULL};

static const struct row {
    const char *name;
    enum setting_number number;
    const char *const *choices; /* in place of a number: the value is the index */
    bool is_language;           /* in place of a number: a tag, which has no value */
    bool is_charset;            /* a choice without case; the server has a default, too */
    uint64_t standard;
    size_t offset, width; /* of the default in struct setting_domain; width 0: it has none */
    const char *help;
} rows[PREFERENCES] = {
#define FROM(member)                                                                               \
    .offset = offsetof(struct setting_domain, member),                                             \
    .width = sizeof(((struct setting_domain *)NULL)->member)
    [PREFERENCE_IMAP] = {"imap", .choices = on_off, .standard = 1, .help = "May log in to IMAP."},
    [PREFERENCE_POP3] = {"pop3", .choices = on_off, .standard = 1, .help = "May log in to POP3."},
    [PREFERENCE_SIEVE] = {"managesieve", .choices = on_off, .standard = 1,
                          .help = "May log in to ManageSieve."},
    [PREFERENCE_SUBMISSION] = {"submission", .choices = on_off, .standard = 1,
                               .help = "May send mail after a login to SMTP."},
    [PREFERENCE_QUOTA] = {"quota", SETTING_SIZE, FROM(quota_bytes),
                          .help = "Bytes of all messages; 0: no limit."},
    [PREFERENCE_QUOTA_MESSAGES] = {"quota-messages", SETTING_COUNT, FROM(quota_messages),
                                   .help = "Number of messages; 0: no limit."},
    [PREFERENCE_POP3_EXPIRE] = {"pop3-expire", SETTING_TIME, FROM(pop3_expire_ms),
                                .help = "Age at which messages of INBOX are removed when a POP3 "
                                        "session ends; 0: never."},
    [PREFERENCE_POP3_DELAY] = {"pop3-login-delay", SETTING_TIME, FROM(pop3_delay_ms),
                               .help = "Time between two POP3 logins; 0: none."},
    [PREFERENCE_POP3_BODY] = {"pop3-body", .choices = bodies, FROM(pop3_body),
                              .help = "What POP3 gives of a text in several kinds."},
    [PREFERENCE_POP3_SIZES] = {"pop3-sizes", .choices = exact_fast, FROM(pop3_fast_sizes),
                               .help = "Sizes in POP3, where pop3-body leaves something out."},
    [PREFERENCE_IMAP_BODY] = {"imap-body", .choices = bodies, FROM(imap_body),
                              .help = "What IMAP shows of a text in several kinds."},
    [PREFERENCE_IMAP_SIZES] = {"imap-sizes", .choices = exact_fast, FROM(imap_fast_sizes),
                               .help = "Sizes in IMAP, where imap-body leaves something out."},
    [PREFERENCE_PUBLIC_FOLDERS] = {"public-folders", .choices = listed_hidden, .standard = 1,
                                   FROM(lists_public),
                                   .help = "Whether IMAP lists the public folders."},
    [PREFERENCE_KEEP_DELETED] = {"keep-deleted", SETTING_TIME, .standard = 14 * (uint64_t)DAY,
                                 FROM(keep_deleted_ms),
                                 .help = "How long removed messages can be put back; 0: not."},
    [PREFERENCE_KEEP_DELETED_MOST] = {"keep-deleted-most", SETTING_SIZE,
                                      .standard = UINT64_C(1) << 30, FROM(keep_deleted_bytes),
                                      .help = "Bytes of them; the oldest go first. 0: no limit."},
    [PREFERENCE_SEARCH_INDEX] = {"search-index", .choices = on_off, .standard = 1,
                                 FROM(indexes_words),
                                 .help = "Whether new messages are indexed for searching; searches "
                                         "find the same without, slower."},
    [PREFERENCE_LANGUAGE] = {"language", .is_language = true,
                             .help = "The language of delivery reports to him, as a tag: de, "
                                     "pt-BR."},
    [PREFERENCE_CHARSET] = {"default-charset", .choices = setting_charset_names, .is_charset = true,
                            .help = "What text that names no charset is read as for him, when it "
                                    "is not UTF-8: koi8-r."},
#undef FROM
};

#define PREFIX "preference/"

static struct text value_name(enum preference which, char out[64])
{
    size_t length = strlen(PREFIX), name = strlen(rows[which].name);
    check(length + name <= 64);
    memcpy(out, PREFIX, length);
    memcpy(out + length, rows[which].name, name);
    return text_of(out, length + name);
}

static bool read_value(const struct row *row, struct text word, uint64_t *out)
{
    if (row->is_language) {
        *out = 0;
        return language_tag_is_valid(word);
    }
    if (row->choices == NULL)
        return setting_number_read(row->number, word, out);
    for (*out = 0; row->choices[*out] != NULL; ++*out) {
        struct text choice = text_from(row->choices[*out]);
        if (row->is_charset ? text_equals_nocase(word, choice) : text_equals(word, choice))
            return true;
    }
    return false;
}

/* As it is written, appended; false and nothing when he has none. */
static bool own_written(const struct accounts *accounts, struct text user, enum preference which,
                        uint64_t *out, struct buffer *written)
{
    char name[64];
    struct buffer value;
    buffer_init(&value, 1024);
    bool is_own = value_get(accounts->store, user, value_name(which, name), &value) &&
                  read_value(&rows[which], buffer_text(&value), out);
    if (is_own && written != NULL)
        buffer_append(written, buffer_text(&value));
    buffer_finish(&value);
    return is_own;
}

static bool own_value(const struct accounts *accounts, struct text user, enum preference which,
                      uint64_t *out)
{
    return own_written(accounts, user, which, out, NULL);
}

static const struct setting_domain *domain_of(const struct accounts *accounts, struct text user)
{
    struct text domain = text_from_position(user, text_find_last(user, '@') + 1);
    return accounts->settings == NULL ? NULL : settings_domain_find(accounts->settings, domain);
}

static uint64_t default_charset(const struct accounts *accounts, const struct setting_domain *found)
{
    if (found != NULL && found->default_charset > 0)
        return found->default_charset - 1;
    return accounts->settings == NULL ? 0 : accounts->settings->default_charset;
}

static uint64_t default_value(const struct accounts *accounts, struct text user,
                              const struct row *row)
{
    const struct setting_domain *found = domain_of(accounts, user);
    if (row->is_charset)
        return default_charset(accounts, found);
    if (found == NULL || row->width == 0)
        return row->standard;
    const char *at = (const char *)found + row->offset;
    uint64_t wide;
    uint32_t narrow;
    if (row->width == sizeof(bool))
        return *(const bool *)at ? 1 : 0;
    if (row->width == sizeof(narrow)) {
        memcpy(&narrow, at, sizeof(narrow));
        return narrow;
    }
    check(row->width == sizeof(wide));
    memcpy(&wide, at, sizeof(wide));
    return wide;
}

uint64_t preference_get(const struct accounts *accounts, struct text user, enum preference which)
{
    uint64_t value;
    return own_value(accounts, user, which, &value) ? value
                                                    : default_value(accounts, user, &rows[which]);
}

uint8_t preference_charset(const struct accounts *accounts, struct text user)
{
    uint64_t which = preference_get(accounts, user, PREFERENCE_CHARSET);
    return charset_number(text_from(setting_charset_names[which]));
}

static bool write_language(const struct accounts *accounts, struct text user, enum preference which,
                           struct buffer *out)
{
    uint64_t value;
    const struct setting_domain *domain = domain_of(accounts, user);
    if (own_written(accounts, user, which, &value, out))
        return true;
    if (domain != NULL && domain->language.length > 0)
        buffer_append(out, domain->language);
    else if (accounts->settings != NULL)
        buffer_append(out, accounts->settings->report_language);
    return false;
}

bool preference_write(const struct accounts *accounts, struct text user, enum preference which,
                      struct buffer *out)
{
    const struct row *row = &rows[which];
    uint64_t value;
    if (row->is_language)
        return write_language(accounts, user, which, out);
    bool is_own = own_value(accounts, user, which, &value);
    if (!is_own)
        value = default_value(accounts, user, row);
    if (row->choices != NULL)
        buffer_append(out, text_from(row->choices[value]));
    else
        setting_number_write(row->number, value, out);
    return is_own;
}

const char *preference_name(enum preference which)
{
    return rows[which].name;
}

const char *preference_help(enum preference which)
{
    return rows[which].help;
}

bool preference_is_value(enum preference which, struct text name)
{
    char own[64];
    return text_equals(name, value_name(which, own));
}

enum preference preference_find(struct text name)
{
    enum preference which = 0;
    while (which < PREFERENCES && !text_equals(name, text_from(rows[which].name)))
        which++;
    return which;
}

enum status preference_set(const struct accounts *accounts, struct text user, enum preference which,
                           struct text value)
{
    static const char *const examples[] = {
        [SETTING_COUNT] = "100000 or 0", [SETTING_SIZE] = "5GB or 0", [SETTING_TIME] = "30d or 0"};
    const struct row *row = &rows[which];
    char name[64];
    uint64_t number;
    if (text_equals(value, TEXT("default")))
        value = TEXT("");
    else if (row->is_language && !read_value(row, value, &number))
        return refused("'%.*s' is no value of %s; write a tag like de or pt-BR, or default",
                       TEXT_ARG(text_head(value, 60)), row->name);
    else if (row->is_charset && !read_value(row, value, &number))
        return refused("'%.*s' is no value of %s; write a charset that mailroot.conf(5) lists, "
                       "koi8-r, or default",
                       TEXT_ARG(text_head(value, 60)), row->name);
    else if (!read_value(row, value, &number) && row->choices != NULL)
        return refused("'%.*s' is no value of %s; write %s, %s%s%s or default", TEXT_ARG(value),
                       row->name, row->choices[0], row->choices[1],
                       row->choices[2] == NULL ? "" : ", ",
                       row->choices[2] == NULL ? "" : row->choices[2]);
    else if (row->choices == NULL && !read_value(row, value, &number))
        return refused("'%.*s' is no value of %s; write it like %s, or default", TEXT_ARG(value),
                       row->name, examples[row->number]);
    enum status status = value_set(accounts->store, user, value_name(which, name), value);
    task_yield(); /* what other roles were told of it goes out before the caller is answered */
    return status;
}
