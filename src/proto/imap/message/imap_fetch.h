/* FETCH inside: what was asked for, and how each item is answered. A new item is a row of the table
 * in imap_fetch.c and a function. */
#ifndef PROTO_IMAP_MESSAGE_IMAP_FETCH_H
#define PROTO_IMAP_MESSAGE_IMAP_FETCH_H

#include "proto/imap/imap_session.h"
#include "proto/imap/message/imap_message.h"

enum imap_section_kind {
    IMAP_SECTION_ALL,    /* of the message, or of the part */
    IMAP_SECTION_HEADER, /* of the message, or of the message that the part holds */
    IMAP_SECTION_FIELDS,
    IMAP_SECTION_FIELDS_NOT,
    IMAP_SECTION_TEXT,
    IMAP_SECTION_MIME, /* the part's own header */
};

enum {
    IMAP_SECTION_DEPTH_MAX = 110, /* whatever BODYSTRUCTURE shows can be fetched */
    IMAP_FIELDS_MAX = 200,
    IMAP_FETCH_ITEMS_MAX = 200
};

/* RFC 9051 9, section-spec. */
struct imap_section {
    uint32_t *part; /* "1.2": 1, 2 */
    unsigned part_depth;
    enum imap_section_kind kind;
    struct text *fields;
    unsigned field_count;
};

struct imap_fetch_item {
    const struct imap_fetch_row *row;
    struct imap_section section;
    struct text label; /* what the answer begins with: "BODY[1]<0>" */
    bool is_partial;
    uint64_t offset;
    uint32_t length;
    bool is_lazy; /* RFC 8970 3.2 */
};

/* A message while it is answered. */
struct imap_fetch_message {
    struct imap_session *session;
    struct imap_message message;
    bool is_begun; /* a part of the answer was sent: there is no way back */
};

enum imap_fetch_form {
    IMAP_FORM_PLAIN,
    IMAP_FORM_SECTION, /* "[...]" follows, and perhaps "<0.1000>" */
    IMAP_FORM_PART,    /* "[1.2]", and perhaps "<0.1000>" */
};

struct imap_fetch_row {
    const char *name;
    enum imap_fetch_form form;
    bool sets_seen; /* RFC 9051 6.4.5 */
    /* Append the item to session->out, which may be sent meanwhile. REFUSED: the message is gone.
     * YIELDS. */
    enum status (*answer)(struct imap_fetch_message *fetched, const struct imap_fetch_item *item);
};

/* imap_section.c: reading "[...]" after its bracket, and the bytes it means. */
void imap_lex_section(struct imap_lex *lex, struct imap_section *out);
/* The same of a text without brackets; in the arena of `line`. False: it is none. */
bool imap_section_read(struct text section, struct line_session *line, struct imap_section *out);
enum status imap_fetch_body(struct imap_fetch_message *fetched, const struct imap_fetch_item *item);

/* What an item with a section means: a run of the message's bytes, bytes made for it (in the
 * message's arena), or nothing. */
struct imap_piece {
    bool is_absent, is_made;
    struct text made;
    uint64_t offset, length;
};
/* As far as "<offset.length>" goes. YIELDS. */
enum status imap_find_piece(struct imap_message *message, const struct imap_fetch_item *item,
                            struct imap_piece *piece);

/* imap_binary.c */
enum status imap_fetch_binary(struct imap_fetch_message *fetched,
                              const struct imap_fetch_item *item);
enum status imap_fetch_binary_size(struct imap_fetch_message *fetched,
                                   const struct imap_fetch_item *item);

/* Items as NOTIFY has them: "(UID ENVELOPE)", without literals. */
bool imap_fetch_items_are_valid(struct text items);
/* Tell them of the messages from this UID on. YIELDS. */
void imap_fetch_new(struct imap_session *session, struct text items, uint32_t first);

/* imap_preview.c */
enum status imap_fetch_preview(struct imap_fetch_message *fetched,
                               const struct imap_fetch_item *item);

#endif
