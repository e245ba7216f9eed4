/* One mail server: each role a process of the simulation, which can be killed by itself, and some
 * fronts, as the settings of the real one have it; its queue and mailboxes, and its directory of
 * users, on disks of the simulation. */
#ifndef TESTS_SIM_SITE_H
#define TESTS_SIM_SITE_H

#include "keeper.h"
#include "log/memory_disk.h"
#include "proc/instance.h"

/* Where it listens. */
enum door { DOOR_SMTP, DOOR_IMAP, DOOR_POP3, DOORS };

/* There is one keeper of each kind, in the order of enum role_kind; then those of more fronts. */
enum { FRONTS_MOST = 3, KEEPERS_MOST = ROLE_PARENT - 1 + FRONTS_MOST };

/* Whose disks there are. */
enum { SITE_STORE, SITE_DIRECTORY, SITE_DISKS };

struct site {
    char name[2]; /* "a" */
    char directory[64];
    struct site_disk {
        struct memory_disk *disk;
        struct log_files files; /* the disk's, counted */
        struct role_disk role;
    } disks[SITE_DISKS];
    struct keeper keepers[KEEPERS_MOST];
    unsigned fronts, keeper_count; /* of these */
    struct task_group keeping, starting;
    struct task_event changed; /* a role died, was configured, or started */
    /* the incarnations that have a connection to each other */
    unsigned joined[KEEPERS_MOST][KEEPERS_MOST][2];
    struct seats *seats;
    int control_fds[ROLE_PARENT]; /* of store and auth */
    int fds[DOORS];
    uint16_t ports[DOORS];
    uint16_t other_port, outside_port; /* mail for the other site and for all the world */
    uint64_t version;                  /* of its settings */
    unsigned variant;                  /* of them */
};
/* Settings that differ in what may change while it runs: limits, retry intervals, ways. */
enum { SITE_VARIANTS = 4 };
/* How long it tries to deliver something. */
enum { SITE_EXPIRE_HOURS = 6 };

/* Its ports are opened, nothing runs. The disk is what was saved below the directory, or empty. */
void site_open(struct site *site, const char *directory, unsigned number, unsigned fronts);
/* Its ports for what leaves are set. False: it does not start, which the medium may be the cause
 * of. YIELDS. */
bool site_start(struct site *site);
/* It runs: all its roles get the settings of this variant. */
void site_reload(struct site *site, unsigned variant);
/* A role gets the settings as they are now. */
void site_configure(struct keeper *keeper);
/* A role is killed and will be started anew. Nothing when it is dead already. The caller does not
 * go on when that is part of it. */
void site_kill(struct keeper *keeper);
/* The process of one of these roles is gone. */
void site_lost(struct keeper *keeper);
/* In order, as for SIGTERM, once all roles are there. YIELDS. */
void site_stop(struct site *site);
/* The power fails; else the process ends and the kernel writes what it has. Nothing of it runs
 * again in this process. */
void site_save(struct site *site, bool power_fails);
/* As the command line does, ask the store or auth. words end with NULL. In out, when it is not
 * NULL, what it said. YIELDS. */
enum status site_ask(const struct site *site, enum role_kind role, const char *const *words,
                     const char *input, struct buffer *out);
/* Of the store. */
void site_store_path(const struct site *site, char *out, size_t room);
/* The settings it runs with; the caller releases them. */
struct settings *site_settings(const struct site *site);

#endif
