/* What strangers' bytes cost: headers, addresses, encoded words, MIME, made so that a careless
 * parser would take the square of their length. Here they are read; tools/linear counts the
 * instructions of each linear_work() and holds those for LARGE bytes against those for SMALL. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "mail/address_list.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/words.h"
#include "test.h"

enum { SMALL = 40000, LARGE = 4 * SMALL };

static size_t read_header(struct text bytes, struct arena *arena)
{
    struct header_field field;
    struct header_facts facts;
    struct text rest = bytes;
    size_t fields = 0;
    while (header_next_valid(&rest, &field))
        fields += 1 + header_unfold(field.body, arena).length;
    header_facts_init(&facts);
    for (rest = bytes; rest.length > 0; rest = text_from_position(rest, 100))
        header_facts_feed(&facts, text_head(rest, 100));
    header_facts_end(&facts);
    return fields + header_find(bytes, TEXT("X-Not-There"), &field) + header_section(bytes).length;
}

static size_t read_addresses(struct text bytes, struct arena *arena)
{
    struct mail_entry entry;
    size_t entries = 0;
    while (mail_entry_next(&bytes, arena, &entry))
        entries++;
    return entries;
}

static size_t read_words(struct text bytes, struct arena *arena)
{
    return mail_words_decode(bytes, NULL, arena).length;
}

static size_t read_mime(struct text bytes, struct arena *arena)
{
    struct mime_tree tree;
    mime_scan(bytes, MIME_LIMITS_DEFAULT, arena, &tree);
    return tree.part_count;
}

#define MULTIPART "Content-Type: multipart/mixed; boundary=\""
static const struct work {
    const char *name, *before, *again;
    size_t (*read)(struct text bytes, struct arena *arena);
} works[] = {
    {"short fields", "", "A: b\r\n", read_header},
    {"Received fields", "", "Received: by x; y\r\n", read_header},
    {"one field folded", "A: b\r\n", " c\r\n", read_header},
    {"one field folded at nothing", "A:\r\n", " \r\n", read_header},
    {"lines that are no field", "A: b\r\n", "no field\r\n", read_header},
    {"a line without end", "A: ", "b", read_header},
    {"CRs", "A: ", "\r", read_header},
    {"colons", "", ":", read_header},
    {"Message-ID folded", "Message-ID: <a\r\n", " b\r\n", read_header},
    {"addresses", "", "a@b.test, ", read_addresses},
    {"commas", "", ",", read_addresses},
    {"comments that do not end", "", "(", read_addresses},
    {"quotes", "", "\"", read_addresses},
    {"groups", "", "g:a@b,", read_addresses},
    {"angles", "", "<", read_addresses},
    {"words without an address", "", "word ", read_addresses},
    {"encoded words", "", "=?utf-8?q?a?= ", read_words},
    {"encoded words that do not end", "", "=?utf-8?q?", read_words},
    {"encoded words of base64", "", "=?utf-8?b?YWI=?=\r\n ", read_words},
    {"question marks", "", "=?", read_words},
    {"parts", MULTIPART "b\"\r\n\r\n", "--b\r\n\r\n\r\n", read_mime},
    {"boundaries in a row", MULTIPART "b\"\r\n\r\n", "--b\r\n", read_mime},
    {"dashes", MULTIPART "b\"\r\n\r\n", "--\r\n", read_mime},
    {"parts in parts", MULTIPART "b\"\r\n\r\n", "--b\r\n" MULTIPART "b\"\r\n\r\n", read_mime},
    {"messages in messages", "Content-Type: message/rfc822\r\n\r\n",
     "Content-Type: message/rfc822\r\n\r\n", read_mime},
    {"parameters", "Content-Type: text/plain", "; a=b", read_mime},
    {"continued parameters", "Content-Type: text/plain", "; a*1*=b", read_mime},
    {"semicolons", "Content-Type: text/plain", ";", read_mime},
    {"types", "", "Content-Type: a/b\r\n", read_mime},
};
enum { WORKS = sizeof(works) / sizeof(works[0]) };

/* A function of its own, whatever the compiler thinks: it is what is counted. */
#if __has_attribute(noipa)
#define KEPT_APART __attribute__((noipa))
#else
#define KEPT_APART __attribute__((noinline))
#endif
KEPT_APART size_t linear_work(const struct work *work, struct text bytes, struct arena *arena);
KEPT_APART size_t linear_work(const struct work *work, struct text bytes, struct arena *arena)
{
    return work->read(bytes, arena);
}

static size_t work_of(const struct work *work, size_t size)
{
    struct buffer bytes;
    struct arena arena;
    buffer_init(&bytes, 2 * LARGE);
    buffer_append(&bytes, text_from(work->before));
    while (bytes.length < size)
        buffer_append(&bytes, text_from(work->again));
    arena_init(&arena);
    size_t found = linear_work(work, buffer_text(&bytes), &arena);
    arena_finish(&arena);
    buffer_finish(&bytes);
    return found;
}

TEST("bytes made to cost the square of their length are read to their end")
{
    for (size_t i = 0; i < WORKS; i++) {
        printf("# work: %s\n", works[i].name);
        size_t small = work_of(&works[i], SMALL), large = work_of(&works[i], LARGE);
        EXPECT(small <= large && large < LARGE * 2);
    }
}
