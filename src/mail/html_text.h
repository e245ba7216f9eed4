/* What a reader sees of HTML: its text without markup, for looking for words and for a first
 * glimpse. A stream in bounded memory; nothing is drawn, loaded or run. It follows the ways of the
 * HTML standard's tokenizer as far as text can tell: what is hidden by style sheets is text here.
 */
#ifndef MAIL_HTML_TEXT_H
#define MAIL_HTML_TEXT_H

#include "base/buffer.h"

enum { HTML_NAME_BYTES = 12 };

struct html_text {
    /* private */
    unsigned state;
    char quote;                 /* of the attribute's value */
    char name[HTML_NAME_BYTES]; /* of a tag or a character reference, as far as it was read */
    unsigned name_length;
    bool is_end;     /* "</" */
    unsigned dashes; /* at the end of a comment so far */
    unsigned hidden; /* what hides all up to its end tag: 1 and the row; 0: nothing */
};

void html_text_init(struct html_text *html);
/* Append the text of bytes, UTF-8 cut anywhere. What parts words or lines is a line end; white
 * space stays as it is. The result may be longer than the bytes, never by more than a few. */
void html_text_feed(struct html_text *html, struct text bytes, struct buffer *out);
/* What was held back. */
void html_text_end(struct html_text *html, struct buffer *out);

#endif
