/* One table of verbs, shared by the command line and (later) the HTTP API and the pages. A verb
 * runs in the role that holds what it needs; the command line reaches it over that role's control
 * socket, or, when no server runs, opens the same state itself and runs the same function. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "base/byte_pipe.h"
#include "net/stream.h"
#include "proc/role.h"

enum { ADMIN_WORDS_MAX = 64, ADMIN_OUTPUT_MAX = 16 << 20 };

/* A call being served. Words are those after the verb's own: arguments and --options. */
struct admin_call {
    struct text words[ADMIN_WORDS_MAX];
    unsigned count;
    struct text input;  /* what the verb's INPUT asked the caller for, or "" */
    bool json;          /* --json was given (and taken out of words): one object a line */
    struct buffer *out; /* what the caller sees on standard output */
    /* To the caller, who asked with a transfer; else NULL. */
    const struct byte_pipe *pipe;
};

enum admin_input {
    ADMIN_NO_INPUT,
    ADMIN_PASSWORD,
    ADMIN_FILE, /* what the file has that the last word names; read by who calls */
};
enum { ADMIN_INPUT_MAX = 512 << 10 };

struct admin_verb {
    const char *name;  /* "queue list" */
    const char *usage; /* "[--to ADDRESS]" */
    const char *help;  /* one line */
    enum role_kind role;
    enum admin_input input;
};
extern const struct admin_verb admin_verbs[];
extern const unsigned admin_verb_count;

/* What a verb does. */
struct admin_action {
    const char *name; /* of the verb; NULL ends a table */
    /* OK: exit 0. REFUSED: exit 1 (nothing matched, or not allowed) and TRY_LATER: exit 2, with
     * fail_reason() on standard error. state is the role's. May YIELD. */
    enum status (*run)(void *state, struct admin_call *call);
};
/* By role; state is struct admin_parent *, struct directory * and struct queue *. */
extern const struct admin_action admin_parent_actions[];
extern const struct admin_action admin_directory_actions[];
extern const struct admin_action admin_queue_actions[];

/* The verb these words begin with, the longest name; *used is how many words it took. */
const struct admin_verb *admin_verb_find(const struct text *words, unsigned count, unsigned *used);
/* How many words the verb name ("queue list") has, when the words begin with it; 0: they do not. */
unsigned admin_words_match(const char *name, const struct text *words, unsigned count);
/* Run the verb of these words on its state, here. YIELDS if the verb does. */
enum status admin_run(const struct admin_action *actions, void *state, const struct text *words,
                      unsigned count, struct text input, struct buffer *out);

/* Serve verbs on the role's control socket until the calling task is cancelled; returns when the
 * last call has ended. YIELDS. */
void admin_serve(int listening_fd, const struct admin_action *actions, void *state);
/* Ask a running role (Unix socket path). TRY_LATER "not running" when nothing listens there.
 * out receives the output whatever the status. YIELDS. */
enum status admin_ask(const char *socket_path, const struct text *words, unsigned count,
                      struct text input, struct buffer *out);

/* The same in two steps, for a verb with much to hand over. transfer runs while the verb does, with
 * the other end of its pipe; when it fails, that is the outcome, and the verb is left to find
 * nobody there. transfer may be NULL. YIELD. */
typedef enum status admin_transfer(void *context, const struct byte_pipe *verb);
struct admin_question {
    const struct text *words;
    unsigned count;
    struct text input;
    admin_transfer *transfer;
    void *context; /* of transfer */
};
enum status admin_dial(const char *socket_path, struct stream **out);
enum status admin_ask_on(struct stream *stream, const struct admin_question *question,
                         struct buffer *out);
/* Serve one such question that comes on a stream. YIELDS. */
void admin_serve_on(struct stream *stream, const struct admin_action *actions, void *state);

/* One JSON string with quotes, escaped, appended. */
void admin_json_text(struct buffer *out, struct text text);

#endif
