/* THE ATTRIBUTES, one row each. */
#include "directory/attribute.h"

#include <string.h>

#include "base/check.h"
#include "directory/senders.h"
#include "directory/state.h"
#include "mail/address.h"
#include "settings/number.h"
#include "settings/query.h"

enum value_kind {
    VALUE_TEXT,
    VALUE_ADDRESS,
    VALUE_FLAG,
    VALUE_SIZE,
    VALUE_COUNT,
    VALUE_SENDERS,
    VALUE_FILTER,
    VALUE_REPORTS,
    VALUE_HOST,
    VALUE_GIVEN, /* by a recipient policy, not by hand */
};
enum {
    OF_USER = OBJECT_USER,
    OF_GROUP = OBJECT_GROUP,
    OF_BOTH = OF_USER | OF_GROUP,
    OF_PERSON = OBJECT_USER | OBJECT_CONTACT,
    TEXT_MOST = 256
};

static const char *const reports_words[] = {
    [REPORTS_TO_SENDER] = "sender", [REPORTS_TO_OWNER] = "owner", [REPORTS_TO_NOBODY] = "nobody"};

static const struct row {
    const char *name, *ldap; /* LDAP's name, where it has one */
    unsigned of;
    enum value_kind kind;
    const char *help;
} rows[ATTRIBUTES] = {
    [ATTRIBUTE_DISPLAY_NAME] = {"display-name", "displayName", OF_BOTH | OBJECT_CONTACT, VALUE_TEXT,
                                "The full name."},
    [ATTRIBUTE_GIVEN_NAME] = {"given-name", "givenName", OF_PERSON, VALUE_TEXT, "The given name."},
    [ATTRIBUTE_INITIALS] = {"initials", "initials", OF_PERSON, VALUE_TEXT, "Initials."},
    [ATTRIBUTE_SURNAME] = {"surname", "sn", OF_PERSON, VALUE_TEXT, "The surname."},
    [ATTRIBUTE_TITLE] = {"title", "title", OF_PERSON, VALUE_TEXT, "The job title."},
    [ATTRIBUTE_DEPARTMENT] = {"department", "department", OF_PERSON, VALUE_TEXT, "The department."},
    [ATTRIBUTE_COMPANY] = {"company", "company", OF_PERSON, VALUE_TEXT, "The company."},
    [ATTRIBUTE_OFFICE] = {"office", "physicalDeliveryOfficeName", OF_PERSON, VALUE_TEXT,
                          "The office."},
    [ATTRIBUTE_CITY] = {"city", "l", OF_PERSON, VALUE_TEXT, "The city."},
    [ATTRIBUTE_COUNTRY] = {"country", "co", OF_PERSON, VALUE_TEXT, "The country."},
    [ATTRIBUTE_EMPLOYEE_TYPE] = {"employee-type", "employeeType", OF_PERSON, VALUE_TEXT,
                                 "The kind of employment."},
    [ATTRIBUTE_FORWARD_TO] = {"forward-to", NULL, OF_USER, VALUE_ADDRESS,
                              "The address that gets his mail in his place."},
    [ATTRIBUTE_FORWARD_KEEP] = {"forward-keep", NULL, OF_USER, VALUE_FLAG,
                                "on: forwarded mail stays in his mailbox too."},
    [ATTRIBUTE_SEND_LIMIT] = {"send-limit", NULL, OF_USER, VALUE_SIZE,
                              "The largest message he may send; 0: any."},
    [ATTRIBUTE_RECIPIENT_LIMIT] = {"recipient-limit", NULL, OF_USER, VALUE_COUNT,
                                   "Recipients of one message of his, members of groups each "
                                   "counted; 0: any number."},
    [ATTRIBUTE_PRIMARY_ADDRESS] = {"primary-address", "mail", OF_USER, VALUE_GIVEN,
                                   "Which of his addresses others are to use."},
    [ATTRIBUTE_ACCEPT_FROM] = {"accept-from", NULL, OF_BOTH, VALUE_SENDERS,
                               "Whose mail alone is taken: users, *@domain, @group."},
    [ATTRIBUTE_REJECT_FROM] = {"reject-from", NULL, OF_BOTH, VALUE_SENDERS,
                               "Whose mail is not taken: users, *@domain, @group."},
    [ATTRIBUTE_REQUIRE_LOGIN] = {"require-login", NULL, OF_BOTH, VALUE_FLAG,
                                 "on: mail is taken from who is logged in alone."},
    [ATTRIBUTE_RECEIVE_LIMIT] = {"receive-limit", NULL, OF_BOTH, VALUE_SIZE,
                                 "The largest message that is taken for it; 0: any."},
    [ATTRIBUTE_FILTER] = {"filter", NULL, OF_GROUP, VALUE_FILTER,
                          "All users for whom this search filter (RFC 4515) holds are members."},
    [ATTRIBUTE_OWNER] = {"owner", NULL, OF_GROUP, VALUE_ADDRESS, "Who answers for the group."},
    [ATTRIBUTE_REPORTS_TO] = {"reports-to", NULL, OF_GROUP, VALUE_REPORTS,
                              "Who is told what could not be delivered to members: sender, owner "
                              "or nobody."},
    [ATTRIBUTE_HIDE_MEMBERS] = {"hide-members", NULL, OF_GROUP, VALUE_FLAG,
                                "on: neither EXPN nor reports tell who is a member."},
    [ATTRIBUTE_EXPAND_AT] = {"expand-at", NULL, OF_GROUP, VALUE_HOST,
                             "The host of ours that knows the members: mail for the group goes "
                             "there as it is."},
};

const char *attribute_name(enum attribute which)
{
    return rows[which].name;
}

const char *attribute_help(enum attribute which)
{
    return rows[which].help;
}

enum attribute attribute_find(struct text name)
{
    enum attribute which = 0;
    while (which < ATTRIBUTES && !text_equals(name, text_from(rows[which].name)))
        which++;
    return which;
}

bool attribute_is_of(enum attribute which, enum attribute_object object)
{
    return (rows[which].of & object) != 0;
}

enum attribute_object attribute_object(struct directory *directory, struct text key)
{
    if (directory_list_kind(directory, key) == LIST_GROUP)
        return OBJECT_GROUP;
    if (directory_user_exists(directory, key))
        return OBJECT_USER;
    return directory_is_ours(directory, key) == OK ? 0 : OBJECT_CONTACT;
}

/* ---- Values ---- */

struct loading {
    struct attributes *out;
    struct arena *arena;
    size_t prefix_length;
};

static bool load_one(void *context, struct text key, struct text value)
{
    const struct loading *loading = context;
    enum attribute which = attribute_find(text_from_position(key, loading->prefix_length));
    if (which < ATTRIBUTES)
        loading->out->values[which] = arena_copy(loading->arena, value);
    return true;
}

void attributes_load(struct directory *directory, struct text key, struct arena *arena,
                     struct attributes *out)
{
    struct loading loading = {out, arena, 0};
    struct buffer prefix;
    *out = (struct attributes){0};
    buffer_init(&prefix, INDEX_KEY_MAX);
    directory_index_attribute(&prefix, key, TEXT(""));
    loading.prefix_length = prefix.length;
    if (directory->index != NULL)
        index_scan(directory->index, buffer_text(&prefix), TEXT(""), load_one, &loading);
    buffer_finish(&prefix);
}

struct contacts {
    struct directory *directory;
    struct text last; /* in arena */
    struct arena arena;
    contact_visit *visit;
    void *context;
};

/* Rows of one address follow each other. */
static bool list_contact(void *context, struct text index_key, struct text value)
{
    struct contacts *contacts = context;
    struct attributes attributes;
    struct text key;
    unused(value);
    if (!directory_index_attribute_owner(index_key, &contacts->arena, &key) ||
        text_equals(key, contacts->last))
        return true;
    contacts->last = key;
    if (attribute_object(contacts->directory, key) != OBJECT_CONTACT)
        return true;
    attributes_load(contacts->directory, key, &contacts->arena, &attributes);
    contacts->visit(contacts->context, key, &attributes);
    return true;
}

void contacts_list(struct directory *directory, contact_visit *visit, void *context)
{
    struct contacts contacts = {.directory = directory, .visit = visit, .context = context};
    struct buffer prefix;
    if (directory->index == NULL)
        return;
    arena_init(&contacts.arena);
    buffer_init(&prefix, INDEX_KEY_MAX);
    directory_index_domain(&prefix, INDEX_ATTRIBUTE, TEXT(""));
    index_scan(directory->index, buffer_text(&prefix), TEXT(""), list_contact, &contacts);
    buffer_finish(&prefix);
    arena_finish(&contacts.arena);
}

bool attributes_flag(const struct attributes *attributes, enum attribute which)
{
    return text_equals(attributes->values[which], TEXT("on"));
}

bool attributes_number(const struct attributes *attributes, enum attribute which, uint64_t *out)
{
    enum setting_number kind = rows[which].kind == VALUE_SIZE ? SETTING_SIZE : SETTING_COUNT;
    return attributes->values[which].length > 0 &&
           setting_number_read(kind, attributes->values[which], out);
}

enum reports_to attributes_reports_to(const struct attributes *attributes)
{
    for (enum reports_to to = REPORTS_TO_OWNER; to <= REPORTS_TO_NOBODY; to++)
        if (text_equals(attributes->values[ATTRIBUTE_REPORTS_TO], text_from(reports_words[to])))
            return to;
    return REPORTS_TO_SENDER;
}

/* ---- What may be written ---- */

static enum status no_value(enum attribute which, struct text value, const char *remedy)
{
    return refused("'%.*s' is no value of %s; write %s", TEXT_ARG(value), rows[which].name, remedy);
}

static enum status normalise_number(enum attribute which, struct text value)
{
    bool is_size = rows[which].kind == VALUE_SIZE;
    uint64_t number;
    if (setting_number_read(is_size ? SETTING_SIZE : SETTING_COUNT, value, &number) &&
        (is_size || number <= UINT32_MAX))
        return OK;
    return no_value(which, value, is_size ? "it like 10MB, 0 or none" : "it like 500, 0 or none");
}

static enum status normalise_filter(struct text value, struct arena *arena, struct text *out)
{
    struct query *query;
    struct buffer written;
    enum status status = attribute_check_query(value, arena);
    if (status != OK)
        return status;
    status = query_parse(value, arena, &query);
    buffer_init(&written, DIRECTORY_VALUE_MAX);
    if (status == OK)
        query_write(query, &written);
    if (written.overflowed)
        status = refused("the filter is too long");
    *out = arena_copy(arena, buffer_text(&written));
    buffer_finish(&written);
    return status;
}

static enum status normalise_address(const struct directory *directory, struct text value,
                                     struct arena *arena, struct text *out)
{
    struct text key;
    return directory_address(directory, value, arena, &key, out);
}

enum status attribute_normalise(const struct directory *directory, enum attribute which,
                                struct text value, struct arena *arena, struct text *out)
{
    *out = value;
    switch (rows[which].kind) {
    case VALUE_TEXT:
        return value.length <= TEXT_MOST
                   ? OK
                   : refused("%s takes %d bytes at most", rows[which].name, TEXT_MOST);
    case VALUE_ADDRESS:
        return normalise_address(directory, value, arena, out);
    case VALUE_FLAG:
        return text_equals(value, TEXT("on")) || text_equals(value, TEXT("off"))
                   ? OK
                   : no_value(which, value, "on or off");
    case VALUE_SIZE:
    case VALUE_COUNT:
        return normalise_number(which, value);
    case VALUE_SENDERS:
        return senders_normalise(directory, value, arena, out);
    case VALUE_FILTER:
        return normalise_filter(value, arena, out);
    case VALUE_REPORTS:
        for (enum reports_to to = 0; to <= REPORTS_TO_NOBODY; to++)
            if (text_equals(value, text_from(reports_words[to])))
                return OK;
        return no_value(which, value, "sender, owner or nobody");
    case VALUE_HOST:
        return mail_domain_to_ascii(value, arena, out) ? OK
                                                       : no_value(which, value, "a host's name");
    case VALUE_GIVEN:
        return refused("%s follows from the recipient policies", rows[which].name);
    }
    return REFUSED;
}

static enum status check_object(struct directory *directory, struct text key, enum attribute which)
{
    static const char *const words[] = {
        [OBJECT_USER] = "a user", [OBJECT_GROUP] = "a group", [OBJECT_CONTACT] = "a contact"};
    enum attribute_object object = attribute_object(directory, key);
    enum status status = directory_ready(directory);
    if (status != OK)
        return status;
    if (object == 0)
        return refused("there is no user or group %.*s", TEXT_ARG(key));
    if (!attribute_is_of(which, object))
        return refused("%s is not for %s, as %.*s is", rows[which].name, words[object],
                       TEXT_ARG(key));
    return OK;
}

enum status attribute_commit(struct directory *directory, struct text key, enum attribute which,
                             struct text value)
{
    struct directory_record record = {.type = RECORD_ATTRIBUTE,
                                      .key = key,
                                      .attribute = text_from(rows[which].name),
                                      .value = value};
    struct directory_record probe;
    struct buffer bytes;
    buffer_init(&bytes, DIRECTORY_RECORD_MAX);
    directory_record_encode(&record, &bytes);
    bool good = directory_record_decode(RECORD_ATTRIBUTE, buffer_text(&bytes), &probe);
    buffer_finish(&bytes);
    return good ? directory_commit(directory, &record)
                : refused("the value is too long, has control bytes or is not UTF-8");
}

enum status attribute_set(struct directory *directory, struct text key, enum attribute which,
                          struct text value)
{
    struct arena arena;
    struct text kept = value;
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    arena_init(&arena);
    status = check_object(directory, key, which);
    if (status == OK && value.length > 0)
        status = attribute_normalise(directory, which, value, &arena, &kept);
    if (status == OK && value.length == 0 && rows[which].kind == VALUE_GIVEN)
        status = attribute_normalise(directory, which, value, &arena, &kept);
    if (status == OK)
        status = attribute_commit(directory, key, which, kept);
    arena_finish(&arena);
    directory_change_end(directory);
    return status;
}

/* ---- What filters ask about ---- */

enum virtual_attribute { VIRTUAL_NONE, VIRTUAL_KEY, VIRTUAL_LOCAL_PART, VIRTUAL_CLASS };

/* What LDAP calls the rest of what we know. */
static enum virtual_attribute virtual_attribute(struct text name)
{
    static const struct {
        const char *name;
        enum virtual_attribute which;
    } names[] = {{"address", VIRTUAL_KEY},         {"userPrincipalName", VIRTUAL_KEY},
                 {"uid", VIRTUAL_LOCAL_PART},      {"mailNickname", VIRTUAL_LOCAL_PART},
                 {"alias", VIRTUAL_LOCAL_PART},    {"objectClass", VIRTUAL_CLASS},
                 {"objectCategory", VIRTUAL_CLASS}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (text_equals_nocase(name, text_from(names[i].name)))
            return names[i].which;
    return VIRTUAL_NONE;
}

static enum attribute find_asked(struct text name)
{
    enum attribute which = 0;
    if (text_equals_nocase(name, TEXT("cn")))
        return ATTRIBUTE_DISPLAY_NAME;
    while (which < ATTRIBUTES &&
           (rows[which].kind == VALUE_FILTER || (rows[which].of & OF_USER) == 0 ||
            (!text_equals_nocase(name, text_from(rows[which].name)) &&
             !text_equals_nocase(name, text_from(rows[which].ldap)))))
        which++;
    return which;
}

bool attribute_look_up(void *context, struct text name, unsigned number, struct text *value)
{
    static const char *const classes[] = {"user", "person", "top"};
    const struct attribute_entry *entry = context;
    enum attribute which = find_asked(name);
    if (which < ATTRIBUTES) {
        *value = entry->attributes.values[which];
        if (which == ATTRIBUTE_PRIMARY_ADDRESS && value->length == 0)
            *value = entry->key;
        return number == 0 && value->length > 0;
    }
    switch (virtual_attribute(name)) {
    case VIRTUAL_KEY:
        *value = entry->key;
        return number == 0;
    case VIRTUAL_LOCAL_PART:
        *value = directory_local_part(entry->key);
        return number == 0;
    case VIRTUAL_CLASS:
        *value = number < 3 ? text_from(classes[number]) : TEXT("");
        return number < 3;
    case VIRTUAL_NONE:
        break;
    }
    return false;
}

static void check_name(void *context, struct text name)
{
    struct text *unknown = context;
    if (find_asked(name) == ATTRIBUTES && virtual_attribute(name) == VIRTUAL_NONE)
        *unknown = name;
}

enum status attribute_check_query(struct text filter, struct arena *arena)
{
    struct query *query;
    struct text unknown = TEXT("");
    enum status status = query_parse(filter, arena, &query);
    if (status != OK)
        return status;
    query_attributes(query, check_name, &unknown);
    return text_is_empty(unknown) ? OK
                                  : refused("no user has an attribute '%.*s'", TEXT_ARG(unknown));
}
