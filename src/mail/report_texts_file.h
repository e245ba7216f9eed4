/* Reading a file of report texts, and what stands behind struct report_texts. Included only by the
 * files of report texts. */
#ifndef MAIL_REPORT_TEXTS_FILE_H
#define MAIL_REPORT_TEXTS_FILE_H

#include "mail/report_texts.h"

enum { REPORT_EXPLANATIONS_MAX = 200 };

struct report_explanation {
    struct text code, text;
};

/* A text whose data is NULL is not there; an empty one says nothing on purpose. */
struct report_texts {
    struct text language;
    struct text says[REPORT_SAYS_COUNT];
    struct report_explanation *explanations; /* room for REPORT_EXPLANATIONS_MAX */
    unsigned explanation_count;
    const struct report_texts *english; /* NULL: it is that */
};

/* Where the text of a code stands, or NULL. */
struct text *report_explanation_find(const struct report_texts *texts, struct text code);
/* One more, of which there are not REPORT_EXPLANATIONS_MAX yet. */
struct text *report_explanation_add(struct report_texts *texts, struct text code,
                                    struct arena *arena);

/* What stands at the next brace of a text. */
enum report_piece { REPORT_PIECE_END, REPORT_PIECE_BRACE, REPORT_PIECE_FACT, REPORT_PIECE_WRONG };
/* Take what is before it into *plain, and it off *rest; the brace, or a fact's name, into *name. */
enum report_piece report_piece_next(struct text *rest, struct text *plain, struct text *name);
/* REPORT_FACT_COUNT when there is none of this name. */
enum report_fact report_fact_find(struct text name);

/* The sections of a file, into out, whose explanations get memory of the arena too. As
 * report_catalog_add. */
enum status report_texts_parse(struct text name, struct text bytes, struct arena *arena,
                               struct buffer *errors, struct report_texts *out);

#endif
