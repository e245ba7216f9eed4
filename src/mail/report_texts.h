/* What delivery reports say to people, language by language. The texts of some languages are
 * shipped with the program; an administrator's file for a language replaces those of its sections
 * that it has. What a language lacks is said in English, which lacks nothing.
 *
 * A file is UTF-8 and consists of sections. "[name]" on a line of its own begins one; the lines up
 * to the next are its text, without the empty ones at both ends. A line that begins with "#" is a
 * comment. {name} stands for a fact; "{{" and "}}" are braces. */
#ifndef MAIL_REPORT_TEXTS_H
#define MAIL_REPORT_TEXTS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"

enum {
    REPORT_TEXTS_FILE_MAX = 64 << 10,
    REPORT_TEXTS_LINE_MAX = 400,
    REPORT_TEXTS_ERRORS_MAX = 20, /* told of one file */
    REPORT_LANGUAGES_MAX = 100
};

enum report_section {
    REPORT_SAYS_FROM,
    REPORT_SAYS_SUBJECT, /* and the four behind it: by enum report_action */
    REPORT_SAYS_OPENING = REPORT_SAYS_SUBJECT + 5,
    REPORT_SAYS_ACTION, /* and the four behind it: by enum report_action */
    REPORT_SAYS_ANSWERED = REPORT_SAYS_ACTION + 5,
    REPORT_SAYS_REASON,
    REPORT_SAYS_UNTIL,
    REPORT_SAYS_LOST,
    REPORT_SAYS_CLOSING,
    REPORT_SAYS_COUNT
};

/* What placeholders stand for. */
enum report_fact {
    REPORT_FACT_HOST,
    REPORT_FACT_TO,
    REPORT_FACT_SUBJECT,
    REPORT_FACT_ID,
    REPORT_FACT_ARRIVED,
    REPORT_FACT_RECIPIENT,
    REPORT_FACT_STATUS,
    REPORT_FACT_REMOTE,
    REPORT_FACT_UNTIL,
    REPORT_FACT_COUNT
};

/* The texts of one language. Lives as long as its catalog. */
struct report_texts;
/* All languages. */
struct report_catalog;

/* With what is shipped. */
struct report_catalog *report_catalog_new(void);
void report_catalog_free(struct report_catalog **catalog);
/* Take up a file; `name` is its path, and "de.txt" at its end says the language. REFUSED: nothing
 * of it was taken up, and `errors` has all that is wrong with it, as "file:line: what (remedy)". */
enum status report_catalog_add(struct report_catalog *catalog, struct text name, struct text bytes,
                               struct buffer *errors);
/* Files of other names are not for us. */
bool report_catalog_is_file(struct text name);

/* The best one for a range (RFC 4647 3.4), or NULL. */
const struct report_texts *report_catalog_find(const struct report_catalog *catalog,
                                               struct text range);
/* The best for the ranges of a field (RFC 3282), or NULL. */
const struct report_texts *report_catalog_find_listed(const struct report_catalog *catalog,
                                                      struct text body);
const struct report_texts *report_catalog_english(const struct report_catalog *catalog);
/* By number, from 0; NULL behind the last. */
const struct report_texts *report_catalog_each(const struct report_catalog *catalog,
                                               unsigned number);

/* The file that is shipped for exactly this language, or "". */
struct text report_texts_shipped(struct text language);

struct text report_texts_language(const struct report_texts *texts);
/* With its placeholders in it, lines ended by LF but for the last; report_texts_put writes it. */
struct text report_texts_get(const struct report_texts *texts, enum report_section section);
/* What is to be done about a status (RFC 3463): by "5.1.1", else "x.1.1", "x.1.x", "x.x.x". */
struct text report_texts_explain(const struct report_texts *texts, struct text status);

/* Write a text with its facts in place, each line behind indent and ended by CRLF; without indent
 * (NULL) all of it as one line that has no end. Facts are written by `put`. */
struct report_texts_facts {
    void (*put)(const void *context, enum report_fact fact, struct buffer *out);
    const void *context;
};
void report_texts_put(struct text text, const struct report_texts_facts *facts, const char *indent,
                      struct buffer *out);

#endif
