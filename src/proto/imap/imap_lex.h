/* Reading a command's arguments, as they come: a literal is asked for when its place is reached, so
 * a command that is wrong before it never costs its bytes. Trouble sticks: after the first error
 * everything reads as empty, and a command checks once, with imap_lex_end. Whatever was refused,
 * imap_lex_skip leaves the session in step (RFC 7888 4: what the client did not wait to send is
 * passed over). */
#ifndef PROTO_IMAP_IMAP_LEX_H
#define PROTO_IMAP_IMAP_LEX_H

#include "proto/line/line.h"

struct imap_lex {
    struct line_session *line;
    struct text rest;  /* of the current line */
    const char *error; /* NULL: none so far */
    bool is_later;     /* the error is none of the client's: NO, not BAD */
    size_t budget;     /* bytes of literals this command may still bring into memory */
    bool ended;        /* the stream has, or it can't be kept in step */
    bool is_alone;     /* a text that was kept, not what the client sends: it has no literals */
};

/* What stands at a literal's place: "{12}", "{12+}", "~{12}". */
struct imap_literal {
    uint64_t bytes;
    bool waits;     /* the client waits for our "+" */
    bool is_binary; /* "~": it may hold NUL (RFC 3516) */
};

/* line: what the session loop read. budget: of all literals together. */
void imap_lex_begin(struct imap_lex *lex, struct line_session *line, size_t budget);
/* The same for a text that is read as arguments are; no stream stands behind it. */
void imap_lex_begin_text(struct imap_lex *lex, struct line_session *line, struct text text);
/* The tag and the verb of the command; false when there is no tag to answer to. */
bool imap_lex_command(struct imap_lex *lex, struct text *tag, struct text *verb);

/* The first error is the one that is told. */
void imap_lex_fail(struct imap_lex *lex, const char *error);
/* Everything was read, and nothing was wrong. */
bool imap_lex_end(struct imap_lex *lex);
/* Pass over what the client has sent of the command without waiting for us. YIELDS. */
void imap_lex_skip(struct imap_lex *lex);

/* The next byte, or '\0' at the end of the line. */
char imap_lex_peek(const struct imap_lex *lex);
/* Take this byte if it is next. */
bool imap_lex_take(struct imap_lex *lex, char byte);
/* It must be next. */
void imap_lex_expect(struct imap_lex *lex, char byte);
void imap_lex_space(struct imap_lex *lex);
/* A space is next and not the end: another argument follows. */
bool imap_lex_more(struct imap_lex *lex);
/* Take this word if it is next, in any case, and ends there. */
bool imap_lex_word(struct imap_lex *lex, const char *word);

/* Of these the text is borrowed from the command's arena. "" after an error. */
struct text imap_lex_atom(struct imap_lex *lex);
/* Bytes as long as `is_one` says so; at least one. */
struct text imap_lex_run(struct imap_lex *lex, bool (*is_one)(char byte), const char *what);
/* YIELD, as a literal may be read. */
struct text imap_lex_string(struct imap_lex *lex);
struct text imap_lex_astring(struct imap_lex *lex);
/* The same, or a literal8: it may hold NUL (RFC 3516). */
struct text imap_lex_nstring8(struct imap_lex *lex);
/* An astring that may hold "%" and "*" (LIST). */
struct text imap_lex_list_mailbox(struct imap_lex *lex);
uint32_t imap_lex_number(struct imap_lex *lex);
uint32_t imap_lex_nonzero(struct imap_lex *lex);
uint64_t imap_lex_number64(struct imap_lex *lex);

/* RFC 2971: what a client says of itself. Nothing is kept of it. YIELDS. */
void imap_lex_id(struct imap_lex *lex);

/* The head of a literal, which must end the line; its bytes are then the caller's to read, after
 * imap_lex_literal_go. For commands that stream. */
bool imap_lex_literal_head(struct imap_lex *lex, struct imap_literal *out);
void imap_lex_literal_go(struct imap_lex *lex, const struct imap_literal *literal);
/* Some of the `left` bytes of a literal, borrowed until the next read; "" when the stream has
 * ended. YIELDS. */
struct text imap_lex_literal_some(struct imap_lex *lex, uint64_t left);
/* Behind a literal: the line goes on. YIELDS. */
void imap_lex_literal_done(struct imap_lex *lex);

/* What the session loop found wrong before there was a command, in the words of IMAP. Where the
 * next command begins is not known behind a malformed line, so the session ends. */
void imap_say_fault(struct line_session *line, enum line_fault fault);

bool imap_is_atom_char(char byte);
/* Atom characters and "]". */
bool imap_is_astring_char(char byte);

#endif
