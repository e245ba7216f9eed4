/* `setup internet-mail`: from a few answers to a server that can be started. */
#ifndef MAIN_SETUP_H
#define MAIN_SETUP_H

#include "base/arena.h"
#include "base/status.h"

enum { SETUP_DOMAINS_MAX = 16, SETUP_USERS_MAX = 64, SETUP_LISTENS_MAX = 16 };

struct setup_answers {
    struct text host;
    struct text domains[SETUP_DOMAINS_MAX];
    unsigned domain_count;
    struct text users[SETUP_USERS_MAX]; /* of the first domain */
    unsigned user_count;
    struct text smart_host, login;          /* "" none */
    struct text password;                   /* of login */
    struct text listens[SETUP_LISTENS_MAX]; /* "ADDRESS:PORT SERVICE"; none: the usual ports */
    unsigned listen_count;
    struct text data, run; /* directories; "" the usual ones */
    bool force;            /* replace settings that are there */
};

/* From the words of the command, and for what they leave open from the terminal, if there is one.
 * All is in the arena. REFUSED: usage, or an answer that cannot be. Blocks. */
struct setup_call;
enum status setup_answers_take(const struct setup_call *call, struct arena *arena,
                               struct setup_answers *out);

/* words: those behind "setup internet-mail". The exit status: 0, 1 refused, 2 wrong usage. */
struct setup_call {
    const char *settings_path;
    char **words;
    int count;
    bool password_stdin; /* of the login at the smart host, on standard input */
};
int setup_internet_mail(const struct setup_call *call);

#endif
