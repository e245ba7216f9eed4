/* The one session loop of all line protocols. A protocol is a table of commands and a dialect; the
 * loop reads a line, finds its row, checks what the row says and runs the action. Replies are sent
 * when the input runs dry, so a pipelined group is answered in one write (RFC 2920 3.2). */
#ifndef PROTO_LINE_LINE_H
#define PROTO_LINE_LINE_H

#include "base/arena.h"
#include "net/stream.h"
#include "protolog/session.h"
#include "task/task.h"

struct line_session;

enum line_flags {
    LINE_TLS_FIRST = 1, /* refused before TLS when the session requires TLS for everything */
    LINE_SECRET = 2,    /* a login, or what is as good as one: the arguments must not be logged */
    LINE_MAIL = 4,      /* mail follows, in one direction or the other */
};

struct line_command {
    const char *verb;
    unsigned states; /* bits of the protocol: where it is allowed */
    unsigned flags;  /* line_flags */
    /* arguments: what follows the verb and one space. It lives until the next command. May YIELD.
     */
    void (*action)(struct line_session *session, struct text arguments);
    /* Bits of the protocol: what the verb belongs to. It is not known while one is switched off. */
    unsigned features;
    const char *help; /* one line for people, or NULL */
};

/* What the peer (or the world) did wrong; the dialect finds the words. */
enum line_fault {
    LINE_TOO_LONG,
    LINE_BAD_BYTES,    /* a bare CR or LF, or a control byte */
    LINE_UNKNOWN,      /* no such verb */
    LINE_WRONG_STATE,  /* not now */
    LINE_NEEDS_TLS,    /* not before TLS */
    LINE_MANY_ERRORS,  /* the session ends */
    LINE_SILENT,       /* idle for too long; the session ends */
    LINE_TOO_OLD,      /* the session took too long; it ends */
    LINE_SHUTTING_DOWN /* the server stops; the session ends */
};

struct line_dialect {
    const struct line_command *commands;
    unsigned command_count;
    size_t max_line; /* bytes, CRLF included */
    /* The state now: one bit. */
    unsigned (*state)(const struct line_session *session);
    /* The features that are switched off in this session; NULL: none ever is. */
    unsigned (*without)(const struct line_session *session);
    /* Say what is wrong. command is NULL where none was recognised. Must not YIELD. */
    void (*fault)(struct line_session *session, enum line_fault fault,
                  const struct line_command *command);
    /* Where a command does not begin with its verb (IMAP): serve session->line itself, the rows
     * above being none. May YIELD. NULL: by the rows. */
    void (*serve)(struct line_session *session);
    /* Then: the command being served, for logs. */
    struct text (*loggable)(const struct line_session *session);
};

struct line_session {
    struct stream *stream;
    const struct line_dialect *dialect;
    void *context;                      /* the protocol's own session */
    struct arena arena;                 /* of the command being served */
    struct text line;                   /* being served, without CRLF; in arena */
    const struct line_command *command; /* being served, or NULL */
    struct protolog_session *log;       /* the protocol log's, owned; or NULL */
    int64_t idle_ms;
    int64_t ends_ms;  /* monotonic; NO_DEADLINE: none */
    int64_t delay_ms; /* what is answered now goes out so much later: a tarpit */
    unsigned errors, max_errors;
    unsigned tls_first;   /* line_flags: commands with one of these are refused before TLS */
    bool ended;           /* the action was the last */
    bool resynchronising; /* behind a bare LF, until a CRLF */
    bool met_secret;      /* a login was tried, well or ill */
};

/* context, idle_ms ... are set by the caller between init and run. */
void line_init(struct line_session *session, struct stream *stream,
               const struct line_dialect *dialect, void *context);
void line_finish(struct line_session *session);

/* Serve commands until the session ends, then line_part. YIELDS. */
void line_run(struct line_session *session);
/* Send what is buffered, say that no more comes, and swallow for a moment what the peer may still
 * be sending: closing over unread input resets the connection, and a reset overtakes our last
 * words. YIELDS. */
void line_part(struct line_session *session);

/* For actions that read on: one more line without its CRLF, in the command's arena. REFUSED: too
 * long or malformed, in step; TRY_LATER: the session is over. YIELDS. */
enum status line_read(struct line_session *session, struct text *line);
/* The same, and REFUSED says which it was. */
enum status line_read_why(struct line_session *session, struct text *line, enum line_fault *fault);
/* For actions that take raw bytes: wait until some are buffered. TRY_LATER: it is over. YIELDS. */
enum status line_fill(struct line_session *session);
/* The same for so many of them, within this time, appended to out. YIELDS. */
enum status line_take(struct line_session *session, size_t count, int64_t within_ms,
                      struct buffer *out);
/* The row of a verb (any case) that is not switched off, or NULL. */
const struct line_command *line_command_find(const struct line_session *session, struct text verb);
/* The peer did something wrong: one more, and the end when there were too many. */
void line_count_error(struct line_session *session);
/* What the protocol log tells of the command being served, where it has no arguments. */
void line_log_about(struct line_session *session, struct text about);
/* The row of the command in the protocol log is made now, with this status unless an answer was
 * written: what follows is the next commands'. */
void line_log_now(struct line_session *session, struct text status);
/* The command for logs: verb and arguments; the verb alone where they are secret or it is unknown;
 * "?" where even that could be part of a login gone wrong. */
struct text line_loggable(const struct line_session *session);

#endif
