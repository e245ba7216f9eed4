/* The roles of the server, on one screen: who may touch what, and who talks to whom. role.c holds
 * the table; it is the security design, and `mailroot roles` prints it. */
#ifndef PROC_ROLE_H
#define PROC_ROLE_H

#include "base/buffer.h"
#include "net/tls.h"
#include "proc/rpc.h"
#include "proc/seats.h"
#include "settings/settings.h"

struct log_files;

/* For the simulation: files other than the kernel's, and how large the log's are. */
struct role_disk {
    const struct log_files *files;
    uint32_t segment_bytes;
};

enum role_kind { ROLE_FRONT, ROLE_STORE, ROLE_AUTH, ROLE_SEND, ROLE_PARENT, ROLE_KINDS };

enum role_may {
    MAY_USE_DATA = 1,     /* the data directory of this role, read and write */
    MAY_CONNECT = 2,      /* outgoing connections */
    MAY_READ_SYSTEM = 4,  /* /etc, /usr/share, /usr/lib read-only (resolver, certificates) */
    MAY_READ_LOGINS = 8,  /* what the settings name for logins: see login_files.h */
    MAY_USE_FOLDERS = 16, /* pickup, drop and bad mail: see folders.h */
};

struct role {
    enum role_kind kind;
    const char *name; /* "front": also the program under libexec */
    unsigned may;     /* role_may */
    const char *data; /* sub-directory of the data (the store's: the queue) directory, or NULL */
    unsigned peers;   /* bit per role_kind it has a channel to */
    const char *user; /* system user when started by root */
    unsigned memory;  /* sixteenths of `memory`, all its processes together */
};
const struct role *role_find(enum role_kind kind);
/* The directory of a role that has data; with a NUL behind it, in arena. */
struct text role_directory(const struct role *role, const struct settings *settings,
                           struct arena *arena);
/* How many fronts there are by these settings. */
unsigned role_front_count(const struct settings *settings);
/* What one process of the role may hold in memory. machine: see memory_of_machine. */
size_t role_memory(const struct role *role, const struct settings *settings, size_t machine);
/* The table as `mailroot roles` prints it. */
void role_describe(struct buffer *out);

enum { ROLE_FRONTS_MAX = SETTINGS_FRONTS_MAX, ROLE_LISTENERS_MAX = 256 };

/* A listening socket given to front. */
struct role_listener {
    int fd;             /* -1: an unused place in the table */
    struct text server; /* virtual server's name; find it anew in the current settings. Owned */
    enum service service;
    bool closing; /* no longer in the settings: front ends accepting and closes it */
};

/* What a running role is given. One per role, in one process or many. */
struct role_context {
    const struct role *role;
    unsigned number;            /* of this instance: 0.. */
    struct settings *settings;  /* current; replaced at reload: hold it over a session */
    struct task_group *group;   /* the role's tasks */
    struct task_event reloaded; /* told after settings, tls or listeners changed */
    /* Channels to the other roles, made before start; NULL when the table has none. */
    struct rpc_channel *store, *auth, *send;
    struct rpc_channel *fronts[ROLE_FRONTS_MAX];
    struct role_listener listeners[ROLE_LISTENERS_MAX];
    unsigned listener_count;
    struct seats *seats;          /* front: connections counted over all fronts; set before start */
    int admin_fd;                 /* listening control socket of this role, or -1 */
    const struct role_disk *disk; /* NULL: the kernel's files */
    struct buffer secrets;        /* send: wire texts name, value, name, value ... */
    struct buffer files; /* those the role needs of what the settings name: path, bytes ... */
    /* front: by server of the settings, NULL where it has no certificate */
    struct tls_context **server_tls;
    struct tls_tickets *tickets;
};

/* What each role implements. start prepares and returns OK when it serves (its tasks run in
 * context->group); stop ends in order: stop accepting, finish commits, close. Both YIELD. */
struct role_program {
    enum role_kind kind;
    /* What peers may ask of this role, by the peer's kind; the state is the handlers' context. */
    const struct rpc_method *methods[ROLE_KINDS];
    unsigned method_count[ROLE_KINDS];
    void *(*new_state)(struct role_context *context); /* before channels exist; no I/O */
    /* Once, with the first settings: what has to be done before the sandbox closes and the first
     * thread exists. NULL: nothing. May block. */
    void (*prepare)(const struct settings *settings);
    enum status (*start)(void *state);
    /* front: end the sessions of this server, and be ready for more. YIELDS. */
    void (*end_server)(void *state, struct text server);
    void (*stop)(void *state); /* ends what start began; then frees state */
};

/* A secret of context->secrets by name; "" when there is none. */
struct text role_secret(const struct role_context *context, struct text name);
/* The bytes of a file that the settings name, by its path there; "" when there is none. */
struct text role_file(const struct role_context *context, struct text path);
/* front: what a server, maybe of older settings, starts TLS with; NULL when it can't. Hold it. */
struct tls_context *role_server_tls(const struct role_context *context,
                                    const struct setting_server *server);

#endif
