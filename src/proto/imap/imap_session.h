/* A session after the login: what all command families share. A family is a file; its commands are
 * rows of imap_commands.c. An action reads its arguments with session->lex, does its work, and says
 * the last word with exactly one of imap_ok, imap_no, imap_bad, imap_fail; what the client has to
 * know before (EXISTS, EXPUNGE, FETCH) imap_ok and imap_no tell by themselves. */
#ifndef PROTO_IMAP_IMAP_SESSION_H
#define PROTO_IMAP_IMAP_SESSION_H

#include "account/sharing.h"
#include "proto/imap/imap.h"
#include "proto/imap/imap_lex.h"
#include "proto/imap/imap_set.h"
#include "proto/imap/imap_showing.h"
#include "proto/imap/imap_write.h"
#include "store/view.h"

struct imap_session;
struct imap_notify;

enum imap_command_flags {
    IMAP_NEEDS_MAILBOX = 1, /* the selected state */
    IMAP_CHANGES = 2,       /* refused where the mailbox was opened read-only */
    IMAP_BY_UID = 4,        /* the UID form of a command */
    /* Numbers must not move while it runs: no EXPUNGE is told (RFC 9051 7.5.1). */
    IMAP_KEEPS_NUMBERS = 8,
    IMAP_BY_NUMBER = 16, /* messages are named by numbers: not with UIDONLY (RFC 9586) */
};

struct imap_command {
    const char *name;                             /* "UID FETCH" for a UID form */
    unsigned flags;                               /* imap_command_flags */
    void (*action)(struct imap_session *session); /* YIELDS */
};
/* What the client asked for (RFC 9051 6.3.1). */
enum imap_enabled {
    IMAP_ENABLED_UTF8 = 1, /* RFC 6855 */
    IMAP_ENABLED_REV2 = 2,
    IMAP_ENABLED_CONDSTORE = 4, /* RFC 7162: tell mod-sequences; by any command that uses them */
    IMAP_ENABLED_QRESYNC = 8,   /* and tell what goes by UID */
    IMAP_ENABLED_UIDONLY = 16,  /* RFC 9586: no message numbers at all */
    IMAP_ENABLED_METADATA = 32, /* RFC 5464: which notes others change */
};

/* RFC 4467 8: how URLs are authorised. INTERNAL tells no more about itself. */
#define IMAP_URLMECH "[URLMECH INTERNAL]"
/* RFC 9586 3 */
#define IMAP_NUMBERS_REFUSED "[UIDREQUIRED] Message numbers were given up"

/* What a FETCH response that nobody asked for tells. */
enum imap_told { IMAP_TELL_UID = 1, IMAP_TELL_FLAGS = 2, IMAP_TELL_MODSEQ = 4 };

extern const struct imap_command imap_commands[];
extern const unsigned imap_command_count;

enum { IMAP_RESPONSE_MAX = 64 << 20, IMAP_LITERALS_MAX = 1 << 20 };

struct imap_session {
    struct line_session line;
    const struct imap_options *options;
    struct store *store;
    uint8_t charset; /* what he reads text as that names none (mail/charset.h) */
    struct imap_showing showing;
    uint64_t last_id;
    struct view view;           /* box NULL: no mailbox is selected */
    bool read_only;             /* by EXAMINE */
    unsigned enabled;           /* imap_enabled */
    bool is_idle;               /* waits for news of its mailbox */
    unsigned keywords_told;     /* of the selected mailbox */
    bool key_was_reset;         /* the user's for that; it is to be told */
    struct imap_set saved;      /* "$", RFC 5182: UIDs; owned */
    struct imap_notify *notify; /* NULL: NOTIFY was not asked for */
    /* of the command being served */
    struct imap_lex lex;
    struct text tag;
    const struct imap_command *command;
    bool is_answered;
    int64_t quiet_since_ms; /* nothing was told of it */
    uint64_t *own;          /* mod-sequences of changes that it made and told itself, ascending */
    unsigned own_count;
    bool has_unknown_encoding; /* BINARY met what it can't decode */
    struct buffer out;         /* a response being composed; sent by imap_send */
};

/* The last word on a command, and what was to be told before it. code: "" or "[ALERT]" and the
 * like. YIELD. */
void imap_ok(struct imap_session *session, const char *code, const char *text);
void imap_no(struct imap_session *session, const char *code, const char *text);
/* Not even understood, or not possible in this state. */
void imap_bad(struct imap_session *session, const char *text);
/* After a status that is not OK: NO with the reason and a case id under which it is told. */
void imap_fail(struct imap_session *session, enum status status);
/* The same with this code: "[OVERQUOTA]". */
void imap_fail_as(struct imap_session *session, const char *code);
/* All arguments were read. False: it was answered BAD. */
bool imap_arguments_end(struct imap_session *session);

/* Read a mailbox's name. What can't be one is a name that no mailbox has, and none can get. ""
 * after an error. YIELDS. */
struct text imap_lex_mailbox(struct imap_session *session);
bool imap_is_utf8(const struct imap_session *session);
/* The mailbox of this name, if the user may read it, or NULL when answered NO. code:
 * "[NONEXISTENT]", "[TRYCREATE]". */
struct mailbox *imap_find_mailbox(struct imap_session *session, struct text name, const char *code);
/* The same for whoever has all of these rights. Who may not look a mailbox up hears that there is
 * none. */
struct mailbox *imap_find_mailbox_for(struct imap_session *session, struct text name,
                                      unsigned rights, const char *code);
/* What the user may do with a mailbox. */
unsigned imap_rights(const struct imap_session *session, const struct mailbox *box);
/* The user has this right on the selected mailbox. */
bool imap_may(const struct imap_session *session, enum right right);
/* Bits of flags that these rights allow to change. */
uint64_t imap_flags_allowed(unsigned rights);
/* The same of the selected mailbox. */
uint64_t imap_selected_flags(const struct imap_session *session);

/* Send what is composed in session->out, and empty it. YIELDS. */
void imap_send(struct imap_session *session);
/* Tell the client what others did to the selected mailbox; expunges only when `gone`. YIELDS. */
void imap_tell_changes(struct imap_session *session, bool gone);
/* Append the FLAGS response and the PERMANENTFLAGS code of the selected mailbox to session->out. */
void imap_put_mailbox_flags(struct imap_session *session);
/* Append "* 7 FETCH (...)" to session->out; told: imap_told, with the mod-sequence added for
 * clients that want to know it. */
void imap_put_changed(struct imap_session *session, const struct mailbox_entry *entry,
                      unsigned told);
/* Say what vanished since that mod-sequence, of these UIDs; NULL: of all (RFC 7162 3.2.10.1).
 * YIELDS. */
void imap_say_vanished(struct imap_session *session, uint64_t modseq, const struct imap_set *of);
/* Append "* 7 FETCH (", or with UIDONLY "* 25 UIDFETCH (", to session->out. */
void imap_put_fetch(struct imap_session *session, uint32_t uid);
/* Of a command that takes long, now and then: so much of it is done (RFC 9585). YIELDS. */
void imap_tell_progress(struct imap_session *session, uint32_t done, uint32_t all);
/* Leave the selected mailbox. */
void imap_deselect(struct imap_session *session);
/* The session whose selected mailbox this is the view of; NULL: it is not of IMAP. */
struct imap_session *imap_session_of_view(const struct view *view);
/* An id for a message, a story. */
uint64_t imap_new_id(struct imap_session *session);
bool imap_is_by_uid(const struct imap_session *session);
/* Keep a set of UIDs for "$". */
void imap_save_set(struct imap_session *session, const struct imap_set *set);
/* The UIDs that the command's set names. Read before with imap_lex_set; false when answered BAD. */
bool imap_set_as_uids(struct imap_session *session, struct imap_set *set);

#endif
