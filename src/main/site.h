/* An installation as the parent and the command line see it: the settings file, what it names, and
 * the sockets it listens on. */
#ifndef MAIN_SITE_H
#define MAIN_SITE_H

#include "base/map.h"
#include "main/site_files.h"
#include "proc/instance.h"
#include "settings/settings.h"

enum { SITE_PATH_BYTES = 1024, SITE_CONFIGURATION_MAX = RPC_FRAME_MAX - 4096 };

/* A socket of the settings' servers. */
struct site_listener {
    int fd;             /* -1: taken over by a newer site */
    struct text server; /* borrowed from the site's settings */
    enum service service;
    struct net_address address;
    bool is_new; /* opened by the last site_open or site_reload */
};

/* What was read and opened for one version of the settings. */
struct site {
    struct settings *settings;
    struct site_files files; /* certificates and the like, which the settings name */
    struct buffer source;    /* settings_source_encode */
    struct buffer secrets;   /* wire texts: name, value, ... */
    struct buffer reports;   /* report_files_read */
    struct site_listener *listeners;
    unsigned listener_count;
    struct map *ordered; /* name of a server to what was ordered; NULL: nothing was */
};

/* What an administrator ordered of a server. Only one that runs has sockets. */
enum site_server_state { SITE_RUNS, SITE_PAUSED, SITE_STOPPED };

/* Read the settings file, the files it names, the secrets directory ("secrets" beside the
 * file). REFUSED with every error in `messages`, which also gets warnings. Blocks. */
enum status site_load(const char *path, uint64_t version, struct buffer *messages,
                      struct site *out);
/* Each secret that the settings name is there, and not empty; REFUSED names the first that is not.
 * Without it the server runs, and that login fails. */
enum status site_check_secrets(const struct site *site);
/* Open the sockets of a loaded site. REFUSED with all failures joined. YIELDS. */
enum status site_listen(struct site *site);
/* Load the file anew and swap it in, all or nothing. OK: *old is the site before, with those
 * sockets that are no longer wanted; free it when the roles know. REFUSED: nothing changed,
 * messages say why. YIELDS. */
enum status site_reload(const char *path, struct site *site, struct site *old,
                        struct buffer *messages);
enum site_server_state site_server_state(const struct site *site, struct text server);
/* Let the server's sockets go, or open them. OK: *old has those that go, as after site_reload.
 * REFUSED: some can't be opened, and nothing changed. YIELDS. */
enum status site_set_server(struct site *site, struct text server, enum site_server_state state,
                            struct site *old);
/* What a role is sent (role_configuration_encode), no more than it needs: keys go to front alone,
 * secrets to send alone. Appended to out, which the caller forgets. */
void site_configuration(const struct site *site, enum role_kind kind, struct buffer *out);
/* Closes its sockets too. */
void site_free(struct site *site);
/* Make the data and run directories and those of the roles, owned by the roles' users; but not the
 * store's, see queue_place.h. */
enum status site_make_directories(const struct site *site);
/* One with all above it, unless it is there. */
enum status site_make_directory(const char *path, unsigned mode);
enum status site_make_role_directory(const struct role *role, const char *path);
/* Say so when root starts us without the users the roles should become. */
void site_warn_of_root(void);
/* Claim the data directory (made before) for a process that serves it, or works on it without a
 * server; the claim ends with the process or with fd. REFUSED: another has it. YIELDS. */
enum status site_lock(const struct site *site, int *fd);
/* <run>/<role>.sock; parent's too. In out, NUL-ended. */
bool site_socket_path(const struct settings *settings, enum role_kind role, char out[108]);
/* Listen on a control socket for the owner alone. */
enum status site_listen_admin(const struct settings *settings, enum role_kind role, int *fd);

/* <directory of this program>/../libexec/<name>, or the installed one. */
bool site_program_path(const char *name, char out[SITE_PATH_BYTES]);

#endif
