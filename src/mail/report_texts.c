/* The catalog of languages, and writing what they say. */
#include "mail/report_texts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "mail/language.h"
#include "mail/report_shipped.h"
#include "mail/report_texts_file.h"

enum { CODE_MAX = 16, FILE_ENDING = sizeof(".txt") - 1 };

struct report_catalog {
    struct arena arena;
    struct report_texts languages[REPORT_LANGUAGES_MAX];
    unsigned count;
};

/* "de" of "/etc/mailroot/reports/de.txt". */
static struct text language_of(struct text name)
{
    size_t slash = text_find_last(name, '/');
    struct text base = slash < name.length ? text_from_position(name, slash + 1) : name;
    return text_head(base, base.length > FILE_ENDING ? base.length - FILE_ENDING : 0);
}

bool report_catalog_is_file(struct text name)
{
    return text_ends_with_nocase(name, TEXT(".txt")) &&
           text_equals(text_from_position(name, name.length - FILE_ENDING), TEXT(".txt"));
}

static struct report_texts *find_exact(const struct report_catalog *catalog, struct text language)
{
    for (unsigned i = 0; i < catalog->count; i++)
        if (text_equals_nocase(catalog->languages[i].language, language))
            return (struct report_texts *)&catalog->languages[i];
    return NULL;
}

static struct report_texts *add_language(struct report_catalog *catalog, struct text language)
{
    struct report_texts *added = &catalog->languages[catalog->count++];
    *added =
        (struct report_texts){.language = arena_copy(&catalog->arena, language),
                              .explanations = arena_array(&catalog->arena, REPORT_EXPLANATIONS_MAX,
                                                          sizeof(struct report_explanation)),
                              .english = catalog->count == 1 ? NULL : &catalog->languages[0]};
    return added;
}

/* What was read last counts. False: there is no room for so many codes, and nothing is merged. */
static bool merge(struct report_texts *into, const struct report_texts *from, struct arena *arena)
{
    unsigned more = 0;
    for (unsigned i = 0; i < from->explanation_count; i++)
        more += report_explanation_find(into, from->explanations[i].code) == NULL;
    if (into->explanation_count + more > REPORT_EXPLANATIONS_MAX)
        return false;
    for (unsigned i = 0; i < REPORT_SAYS_COUNT; i++)
        if (from->says[i].data != NULL)
            into->says[i] = from->says[i];
    for (unsigned i = 0; i < from->explanation_count; i++) {
        const struct report_explanation *explanation = &from->explanations[i];
        struct text *place = report_explanation_find(into, explanation->code);
        if (place == NULL)
            place = report_explanation_add(into, explanation->code, arena);
        *place = explanation->text;
    }
    return true;
}

static enum status complain(struct buffer *errors, struct text name, const char *what)
{
    buffer_printf(errors, "%.*s: %s\n", TEXT_ARG(name), what);
    return refused("%.*s: %s", TEXT_ARG(name), what);
}

enum status report_catalog_add(struct report_catalog *catalog, struct text name, struct text bytes,
                               struct buffer *errors)
{
    struct text language = language_of(name);
    if (!report_catalog_is_file(name) || !language_tag_is_valid(language))
        return complain(errors, name,
                        "is named after no language (name it like de.txt or pt-BR.txt)");
    struct report_texts *into = find_exact(catalog, language);
    if (into == NULL && catalog->count == REPORT_LANGUAGES_MAX)
        return complain(errors, name, "there are too many languages (remove some)");
    struct report_texts parsed = {.language = language};
    enum status status = report_texts_parse(name, bytes, &catalog->arena, errors, &parsed);
    if (status != OK)
        return status;
    if (into == NULL)
        into = add_language(catalog, language);
    return merge(into, &parsed, &catalog->arena)
               ? OK
               : complain(errors, name, "too many codes are explained (remove some)");
}

struct report_catalog *report_catalog_new(void)
{
    struct report_catalog *catalog = calloc(1, sizeof(*catalog));
    struct buffer errors;
    check(catalog != NULL);
    arena_init(&catalog->arena);
    buffer_init(&errors, 4096);
    /* English is the first. */
    for (unsigned i = 0; i < REPORT_SHIPPED_COUNT; i++)
        check(report_catalog_add(catalog, text_from(report_shipped[i].name),
                                 report_shipped_bytes(&report_shipped[i]), &errors) == OK);
    buffer_finish(&errors);
    return catalog;
}

void report_catalog_free(struct report_catalog **catalog)
{
    if (*catalog == NULL)
        return;
    arena_finish(&(*catalog)->arena);
    free(*catalog);
    *catalog = NULL;
}

const struct report_texts *report_catalog_find(const struct report_catalog *catalog,
                                               struct text range)
{
    do {
        const struct report_texts *found = find_exact(catalog, range);
        if (found != NULL)
            return found;
    } while (language_shorten(&range));
    return NULL;
}

const struct report_texts *report_catalog_find_listed(const struct report_catalog *catalog,
                                                      struct text body)
{
    struct language_range ranges[LANGUAGE_LIST_MAX];
    unsigned count = language_list_parse(body, ranges);
    for (unsigned i = 0; i < count; i++) {
        const struct report_texts *found = report_catalog_find(catalog, ranges[i].tag);
        if (found != NULL)
            return found;
    }
    return NULL;
}

const struct report_texts *report_catalog_english(const struct report_catalog *catalog)
{
    return &catalog->languages[0];
}

const struct report_texts *report_catalog_each(const struct report_catalog *catalog,
                                               unsigned number)
{
    return number < catalog->count ? &catalog->languages[number] : NULL;
}

struct text report_texts_shipped(struct text language)
{
    for (unsigned i = 0; i < REPORT_SHIPPED_COUNT; i++)
        if (text_equals_nocase(language_of(text_from(report_shipped[i].name)), language))
            return report_shipped_bytes(&report_shipped[i]);
    return TEXT("");
}

/* ---- What they say ---- */

struct text report_texts_language(const struct report_texts *texts)
{
    return texts->language;
}

struct text report_texts_get(const struct report_texts *texts, enum report_section section)
{
    bool is_there = texts->says[section].data != NULL || texts->english == NULL;
    return is_there ? texts->says[section] : texts->english->says[section];
}

static const struct text *explain_by(const struct report_texts *texts, const struct text parts[3])
{
    /* Which parts count, the closest first: a bit each. */
    static const unsigned char masks[] = {7, 6, 3, 2, 1, 0};
    for (size_t i = 0; i < sizeof(masks); i++) {
        char code[CODE_MAX];
        struct text wanted[3];
        for (unsigned k = 0; k < 3; k++)
            wanted[k] = (masks[i] & (1U << k)) != 0 ? parts[k] : TEXT("x");
        snprintf(code, sizeof(code), "%.*s.%.*s.%.*s", TEXT_ARG(text_head(wanted[0], 1)),
                 TEXT_ARG(text_head(wanted[1], 3)), TEXT_ARG(text_head(wanted[2], 3)));
        const struct text *found = report_explanation_find(texts, text_from(code));
        if (found != NULL)
            return found;
    }
    return NULL;
}

struct text report_texts_explain(const struct report_texts *texts, struct text status)
{
    struct text parts[3] = {text_before(status, '.'), text_before(text_after(status, '.'), '.'),
                            text_after(text_after(status, '.'), '.')};
    const struct text *found = explain_by(texts, parts);
    if (found == NULL && texts->english != NULL)
        found = explain_by(texts->english, parts);
    return found != NULL ? *found : TEXT("");
}

static void put_line(struct text line, const struct report_texts_facts *facts, struct buffer *out)
{
    struct text plain, name;
    for (enum report_piece piece = REPORT_PIECE_BRACE; piece != REPORT_PIECE_END;) {
        piece = report_piece_next(&line, &plain, &name);
        buffer_append(out, plain);
        if (piece == REPORT_PIECE_FACT)
            facts->put(facts->context, report_fact_find(name), out);
        else if (piece == REPORT_PIECE_BRACE)
            buffer_append(out, name);
    }
}

void report_texts_put(struct text text, const struct report_texts_facts *facts, const char *indent,
                      struct buffer *out)
{
    struct text line;
    while (text_split(&text, '\n', &line)) {
        if (indent != NULL && line.length > 0)
            buffer_append(out, text_from(indent));
        put_line(line, facts, out);
        if (indent != NULL)
            buffer_append(out, TEXT("\r\n"));
    }
}
