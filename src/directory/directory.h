/* The directory: users, aliases and groups in our domains. Its log is the truth, an index derived
 * from it answers. Used by the auth role, and by the command line when no server runs.
 *
 * What mail for an address means, first match wins:
 *   1. the address itself: an alias or group made here, else a user (made here, or named in the
 *      settings file);
 *   2. user+tag@domain: the same for user@domain;
 *   3. a sender that we rewrote when we forwarded his mail (mail/srs.h): he himself;
 *   4. postmaster@ and abuse@ in each of our domains (RFC 5321 4.5.1, RFC 2142): the address the
 *      settings name as postmaster; when nobody has that, the first user, domains in the order of
 *      the file, those named in the file before those made here. */
#ifndef DIRECTORY_DIRECTORY_H
#define DIRECTORY_DIRECTORY_H

#include "directory/client.h"
#include "directory/record.h"
#include "directory/throttle.h"
#include "log/file.h"

struct directory;

enum { DIRECTORY_MEMBERS_MAX = 10000, DIRECTORY_DEPTH_MAX = 10 };

struct directory_options {
    const char *path;             /* an existing directory */
    struct settings *settings;    /* held */
    struct task_group *group;     /* the log's commit task lives there; outlives the directory */
    uint32_t segment_bytes;       /* of the log; 0: as usual */
    const struct log_files *disk; /* the log's; NULL: the kernel's files */
};
/* Open or create. An index that is missing, damaged or behind is brought up from the log.
 * TRY_LATER: in use by another process, or the medium fails. YIELDS. */
enum status directory_open(const struct directory_options *options, struct directory **out);
/* Ends waiting logins (TRY_LATER), waits for what is in progress. Accepts NULL. YIELDS. */
void directory_close(struct directory **directory);
/* Told after each change, of settings too; must not YIELD. For those who keep answers. */
void directory_on_change(struct directory *directory, void (*changed)(void *), void *context);
/* Asks an authority about a token, as introspection_ask does; YIELDS. For logins by token. */
typedef enum status directory_introspect(void *context, struct text token, struct buffer *answer);
void directory_use_introspection(struct directory *directory, directory_introspect *ask,
                                 void *context);
/* From now on these; held. */
void directory_use_settings(struct directory *directory, struct settings *settings);
/* OK when what was found, or not found, can be trusted; else TRY_LATER, and the index is being
 * rebuilt. To be asked after looking things up, where it is not said that the function does so
 * itself, for an index that fails answers "absent". Does not yield. */
enum status directory_ready(struct directory *directory);

/* An address as a person writes it ("alice" means in the first domain), to its key and its
 * canonical form. REFUSED with the reason. */
enum status directory_address(const struct directory *directory, struct text written,
                              struct arena *arena, struct text *key, struct text *canonical);
/* Is the address in one of our domains? REFUSED with the remedy when not. */
enum status directory_is_ours(const struct directory *directory, struct text key);

struct directory_user {
    struct text key, name, hash;       /* hash "": no password, cannot log in */
    bool enabled;                      /* may log in; mail is taken for him either way */
    bool is_recorded;                  /* made here */
    const struct setting_domain *file; /* named in the settings file, or NULL */
    int64_t created_ms;                /* 0 when not recorded */
};

/* Changes are on stable storage when they return OK. All YIELD and may return TRY_LATER. */
/* REFUSED when the address is taken or not ours. hash "": without a password for now. */
enum status directory_user_add(struct directory *directory, struct text key, struct text hash,
                               struct text name);
enum status directory_user_set_password(struct directory *directory, struct text key,
                                        struct text hash);
enum status directory_user_enable(struct directory *directory, struct text key, bool enabled);
/* What is recorded of a user named in the settings file goes; the user stays. */
enum status directory_user_remove(struct directory *directory, struct text key);

/* Does not yield. False when there is no such user. Text in arena. */
bool directory_user_find(struct directory *directory, struct text key, struct arena *arena,
                         struct directory_user *out);
/* Each user of the domain ("": of all, in our domains or not), those of the settings file included.
 * Text is borrowed for the visit, which must not yield. */
typedef void directory_user_visit(void *context, const struct directory_user *user);
void directory_user_list(struct directory *directory, struct text domain,
                         directory_user_visit *visit, void *context);

struct directory_member {
    struct text key, address;
};
/* Add members to an alias or group, made when it is not there. REFUSED when the address is taken by
 * something else, not ours, or would have more than DIRECTORY_MEMBERS_MAX. YIELDS. */
enum status directory_list_add(struct directory *directory, enum directory_list_kind kind,
                               struct text key, const struct directory_member *members,
                               unsigned count);
/* Make it, or find it, a group of those for whom a search filter holds, besides those who are
 * listed. REFUSED as above, or when the filter is malformed. YIELDS. */
enum status directory_group_set_filter(struct directory *directory, struct text key,
                                       struct text filter);
/* Remove these members, or with count 0 the whole of it. Without members left, and without
 * a filter, it is removed, for it would swallow mail; *removed says so. REFUSED when it or a member
 * is not there. YIELDS. */
enum status directory_list_remove(struct directory *directory, enum directory_list_kind kind,
                                  struct text key, const struct text *member_keys, unsigned count,
                                  bool *removed);
/* 0 when there is neither alias nor group of that address. */
enum directory_list_kind directory_list_kind(struct directory *directory, struct text key);
/* Each alias or group. visit may read the directory; must not yield. */
typedef void directory_list_visit(void *context, struct text key, int64_t created_ms);
void directory_lists(struct directory *directory, enum directory_list_kind kind,
                     directory_list_visit *visit, void *context);
/* Its members, in arena, ordered by key. Does not yield. */
unsigned directory_list_members(struct directory *directory, struct text key, struct arena *arena,
                                struct directory_member **members);

/* Is there somebody of this key? OK, REFUSED, TRY_LATER. Looks one step far. Does not yield. */
enum status directory_accepts(struct directory *directory, struct text key);
/* As directory_expand in client.h. A recipient whose targets do not fit in DIRECTORY_TARGETS_MAX
 * comes back as one TARGET_REFUSED. Does not yield. */
enum status directory_resolve(struct directory *directory,
                              const struct directory_question *question, struct arena *arena,
                              struct directory_answer *out);
/* The same, telling of each step: what an address is, `depth` deep in what was asked about. */
typedef void directory_step_visit(void *context, unsigned depth, struct text address,
                                  struct text words);
enum status directory_resolve_told(struct directory *directory,
                                   const struct directory_question *question, struct arena *arena,
                                   struct directory_answer *out, directory_step_visit *visit,
                                   void *context);
/* As in client.h. Does not yield. */
enum status directory_user_rights(struct directory *directory, struct text user, struct text server,
                                  struct directory_rights *out);

/* As directory_forward in client.h. Does not yield. */
enum status directory_rewrite(const struct directory *directory, struct text sender,
                              struct text domain, struct arena *arena, struct text *out);

/* As directory_login in client.h. An empty peer: the administrator tries; neither throttled nor
 * answered from memory. YIELDS. */
enum status directory_authenticate(struct directory *directory, const struct directory_login *login,
                                   char user_out[DIRECTORY_USER_MAX]);

/* What is counted of wrong passwords now (see throttle.h). visit must not yield. */
void directory_attempts(struct directory *directory, throttle_visit *visit, void *context);
/* Forget them for an account, or for a network as text. False when there was nothing to forget. */
bool directory_unlock_account(struct directory *directory, struct text key);
bool directory_unlock_network(struct directory *directory, struct text network);

#endif
