#include "mail/srs.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "mail/address.h"

enum { HASH_LETTERS = 6, DAY_LETTERS = 2, DAYS = 32 * 32 };

/* Without letters that differ in case alone: some hosts fold local parts. */
static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

/* An address taken apart. SRS0: day, domain and rest are what the hash is of, and rest is the local
 * part. SRS1: rest is what stands behind "SRS0", its separator included. */
struct parts {
    bool is_second; /* SRS1 */
    struct text hash, day, domain, rest;
};

static bool is_separator(char c)
{
    return c == '=' || c == '+' || c == '-';
}

/* What stands behind "SRS0", its separator included. "" when it is none. */
static struct text behind_tag(struct text local, const char *tag)
{
    bool is = text_starts_with_nocase(local, text_from(tag)) && local.length > 5 &&
              is_separator(local.data[4]);
    return is ? text_from_position(local, 4) : TEXT("");
}

static bool take(struct text *rest, struct text *part)
{
    size_t end = text_find(*rest, '=');
    *part = text_head(*rest, end);
    bool found = end < rest->length;
    *rest = text_from_position(*rest, end + 1);
    return found && part->length > 0;
}

static bool split_first(struct text behind, struct parts *out)
{
    struct text rest = text_from_position(behind, 1);
    *out = (struct parts){0};
    bool fits = take(&rest, &out->hash) && take(&rest, &out->day) && take(&rest, &out->domain);
    out->rest = rest;
    return fits && rest.length > 0;
}

static bool split_second(struct text behind, struct parts *out)
{
    struct text rest = text_from_position(behind, 1);
    *out = (struct parts){.is_second = true};
    bool fits = take(&rest, &out->hash) && take(&rest, &out->domain);
    out->rest = rest;
    return fits && rest.length > 1 && is_separator(rest.data[0]);
}

static bool split(struct text local, struct parts *out)
{
    struct text first = behind_tag(local, "SRS0"), second = behind_tag(local, "SRS1");
    if (first.length > 0)
        return split_first(first, out);
    return second.length > 0 && split_second(second, out);
}

/* Of the parts in lower case: what comes back may have been folded. */
static void hash_parts(struct text key, const struct parts *parts, char out[HASH_LETTERS])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = sizeof(digest);
    struct arena arena;
    arena_init(&arena);
    struct text said =
        arena_printf(&arena, "%c=%.*s=%.*s=%.*s", parts->is_second ? '1' : '0',
                     TEXT_ARG(parts->day), TEXT_ARG(parts->domain), TEXT_ARG(parts->rest));
    char *bytes = (char *)said.data;
    for (size_t i = 0; i < said.length; i++)
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] | 0x20);
    check(HMAC(EVP_sha256(), key.data, (int)key.length, (const unsigned char *)bytes, said.length,
               digest, &length) != NULL);
    for (unsigned i = 0; i < HASH_LETTERS; i++)
        out[i] = letters[digest[i] & 31];
    arena_finish(&arena);
}

static unsigned day_of(int64_t now_ms)
{
    return (unsigned)(now_ms / DAY % DAYS);
}

static int letter_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c | 0x20);
    const char *found = c == '\0' ? NULL : strchr(letters, c);
    return found == NULL ? -1 : (int)(found - letters);
}

static bool is_fresh(struct text day, int64_t now_ms)
{
    if (day.length != DAY_LETTERS)
        return false;
    int high = letter_value(day.data[0]), low = letter_value(day.data[1]);
    if (high < 0 || low < 0)
        return false;
    /* A day ahead is a clock that was set back. */
    unsigned age = (day_of(now_ms) + 1 + DAYS - (unsigned)(high * 32 + low)) % DAYS;
    return age <= SRS_DAYS_MOST + 1;
}

static struct text join(const struct parts *parts, const char *hash, struct arena *arena)
{
    if (parts->is_second)
        return arena_printf(arena, "SRS1=%.*s=%.*s=%.*s", HASH_LETTERS, hash,
                            TEXT_ARG(parts->domain), TEXT_ARG(parts->rest));
    return arena_printf(arena, "SRS0=%.*s=%.*s=%.*s=%.*s", HASH_LETTERS, hash, TEXT_ARG(parts->day),
                        TEXT_ARG(parts->domain), TEXT_ARG(parts->rest));
}

/* The address behind the parts, canonical. */
static bool address_behind(const struct parts *parts, struct arena *arena, struct text *out)
{
    struct mail_address address = {
        .local_part = parts->rest, .domain = parts->domain, .domain_ascii = parts->domain};
    if (parts->is_second)
        address.local_part = arena_printf(arena, "SRS0%.*s", TEXT_ARG(parts->rest));
    *out = mail_address_text(&address, arena);
    return mail_address_parse(*out, arena, &address) == OK;
}

/* What is rewritten of a sender: he, or the forwarder before us, or the first of several. One who
 * only looks as if he had been rewritten is as any other. */
static struct parts parts_of(const struct mail_address *sender, struct text day,
                             struct arena *arena)
{
    struct parts parts = {.is_second = true, .domain = sender->domain_ascii};
    struct text first;
    bool was_rewritten;
    parts.rest = behind_tag(sender->local_part, "SRS0");
    was_rewritten =
        parts.rest.length > 0 || split_second(behind_tag(sender->local_part, "SRS1"), &parts);
    if (was_rewritten && address_behind(&parts, arena, &first))
        return parts;
    return (struct parts){.day = day, .domain = sender->domain_ascii, .rest = sender->local_part};
}

enum status srs_rewrite(struct text key, struct text sender, struct text domain, int64_t now_ms,
                        struct arena *arena, struct text *out)
{
    struct mail_address address;
    enum status status = mail_address_parse(sender, arena, &address);
    if (status != OK)
        return status;
    char hash[HASH_LETTERS];
    unsigned day = day_of(now_ms);
    char day_text[DAY_LETTERS] = {letters[day / 32], letters[day % 32]};
    struct parts parts = parts_of(&address, text_of(day_text, DAY_LETTERS), arena);
    hash_parts(key, &parts, hash);
    address.local_part = join(&parts, hash, arena);
    address.domain = domain;
    *out = mail_address_text(&address, arena);
    /* By the parser's own measure. */
    return mail_address_parse(*out, arena, &address);
}

/* The local part of an address, unquoted. */
static bool local_part_of(struct text address, struct arena *arena, struct text *out)
{
    struct mail_address parsed;
    if (mail_address_parse(address, arena, &parsed) != OK)
        return false;
    *out = parsed.local_part;
    return true;
}

bool srs_is_rewritten(struct text address)
{
    size_t quote = address.length > 0 && address.data[0] == '"';
    struct text local = text_from_position(address, quote);
    return behind_tag(local, "SRS0").length > 0 || behind_tag(local, "SRS1").length > 0;
}

bool srs_read(struct text address, struct arena *arena, struct text *out)
{
    struct parts parts;
    struct text local;
    return local_part_of(address, arena, &local) && split(local, &parts) &&
           address_behind(&parts, arena, out);
}

static bool same_hash(struct text given, const char hash[HASH_LETTERS])
{
    unsigned differ = given.length != HASH_LETTERS;
    for (size_t i = 0; i < HASH_LETTERS && i < given.length; i++)
        differ |= (unsigned)(letter_value(given.data[i]) ^ letter_value(hash[i]));
    return differ == 0;
}

enum status srs_reverse(struct text key, struct text address, int64_t now_ms, struct arena *arena,
                        struct text *out)
{
    struct parts parts;
    struct text local;
    char hash[HASH_LETTERS];
    if (!local_part_of(address, arena, &local) || !split(local, &parts))
        return refused("that is no rewritten sender");
    hash_parts(key, &parts, hash);
    if (!same_hash(parts.hash, hash))
        return refused("that rewritten sender is none of ours");
    if (!parts.is_second && !is_fresh(parts.day, now_ms))
        return refused("that rewritten sender is too old");
    return address_behind(&parts, arena, out) ? OK : refused("that is no rewritten sender");
}
