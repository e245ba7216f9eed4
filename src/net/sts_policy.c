#include "net/sts_policy.h"

enum { MX_NAME_MAX = 255 };

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* "v=STSv1; id=20260101T000000;", fields in any order behind the version. */
static bool record_id(struct text record, struct text *id)
{
    struct text field;
    if (!text_split(&record, ';', &field) || !text_equals(text_trim(field), TEXT("v=STSv1")))
        return false;
    bool found = false;
    while (text_split(&record, ';', &field)) {
        field = text_trim(field);
        if (!text_starts_with(field, TEXT("id=")))
            continue;
        if (found)
            return false;
        *id = text_from_position(field, 3);
        found = true;
    }
    if (!found || id->length == 0 || id->length > STS_ID_MAX)
        return false;
    for (size_t i = 0; i < id->length; i++)
        if (!is_alphanumeric(id->data[i]))
            return false;
    return true;
}

bool sts_record_id(const struct text *records, unsigned count, struct text *id)
{
    const struct text *only = NULL;
    for (unsigned i = 0; i < count; i++) {
        if (!text_starts_with(records[i], TEXT("v=STSv1")))
            continue;
        if (only != NULL)
            return false;
        only = &records[i];
    }
    return only != NULL && record_id(*only, id);
}

static bool is_pattern(struct text pattern)
{
    struct text name =
        text_starts_with(pattern, TEXT("*.")) ? text_from_position(pattern, 2) : pattern;
    if (name.length == 0 || pattern.length > MX_NAME_MAX || name.data[0] == '.')
        return false;
    for (size_t i = 0; i < name.length; i++)
        if (!is_alphanumeric(name.data[i]) && name.data[i] != '-' && name.data[i] != '.' &&
            name.data[i] != '_')
            return false;
    return true;
}

static struct text lower_copy(struct text text, struct arena *arena)
{
    char *bytes = arena_alloc(arena, text.length + 1);
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bytes[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return text_of(bytes, text.length);
}

/* A policy under way: which of its fields were there. */
struct reading {
    struct sts_policy *policy;
    struct arena *arena;
    bool has_version, has_mode, has_age, is_bad;
};

/* 3.2: of a field that is repeated the first counts, but for mx. Unknown ones are skipped. */
static void take_field(struct reading *reading, struct text key, struct text value)
{
    struct sts_policy *policy = reading->policy;
    if (text_equals(key, TEXT("version")) && !reading->has_version) {
        reading->has_version = true;
        reading->is_bad = reading->is_bad || !text_equals(value, TEXT("STSv1"));
    } else if (text_equals(key, TEXT("mode")) && !reading->has_mode) {
        reading->has_mode = true;
        if (text_equals(value, TEXT("enforce")))
            policy->mode = STS_POLICY_ENFORCE;
        else if (text_equals(value, TEXT("testing")))
            policy->mode = STS_POLICY_TESTING;
        else
            reading->is_bad = reading->is_bad || !text_equals(value, TEXT("none"));
    } else if (text_equals(key, TEXT("max_age")) && !reading->has_age) {
        reading->has_age = true;
        if (!text_to_u32(value, &policy->max_age_s) || policy->max_age_s > STS_AGE_MAX)
            reading->is_bad = true;
    } else if (text_equals(key, TEXT("mx"))) {
        if (!is_pattern(value) || policy->mx_count == STS_MX_MAX)
            reading->is_bad = true;
        else
            policy->mx[policy->mx_count++] = lower_copy(value, reading->arena);
    }
}

bool sts_policy_parse(struct text bytes, struct arena *arena, struct sts_policy *out)
{
    *out = (struct sts_policy){0};
    if (bytes.length > STS_POLICY_MAX)
        return false;
    out->mx = arena_array(arena, STS_MX_MAX, sizeof(*out->mx));
    struct reading reading = {.policy = out, .arena = arena};
    struct text line;
    while (text_split(&bytes, '\n', &line)) {
        line = text_trim(line);
        if (text_is_empty(line))
            continue;
        if (text_find(line, ':') == line.length)
            return false;
        take_field(&reading, text_trim(text_before(line, ':')), text_trim(text_after(line, ':')));
    }
    bool is_whole = reading.has_version && reading.has_mode && reading.has_age && !reading.is_bad;
    return is_whole && (out->mode == STS_POLICY_NONE || out->mx_count > 0);
}

bool sts_policy_names(const struct sts_policy *policy, struct text host)
{
    for (unsigned i = 0; i < policy->mx_count; i++) {
        struct text pattern = policy->mx[i], name = host;
        /* RFC 6125 6.4.3: the star stands for one label. */
        if (text_starts_with(pattern, TEXT("*."))) {
            size_t dot = text_find(host, '.');
            pattern = text_from_position(pattern, 1);
            name = dot == 0 ? TEXT("") : text_from_position(host, dot);
        }
        if (!text_is_empty(name) && text_equals_nocase(pattern, name))
            return true;
    }
    return false;
}
