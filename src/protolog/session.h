/* A session of a server as its protocol log sees it: for each command a row, with the status of the
 * answer read off what is written to the client. Where the server has no log there is none of it.
 */
#ifndef PROTOLOG_SESSION_H
#define PROTOLOG_SESSION_H

#include "net/stream.h"
#include "protolog/gather.h"
#include "settings/settings.h"

struct protolog_session;

/* Of a connection to this server, which must outlive it. NULL when the server has no log. */
struct protolog_session *protolog_session_new(struct protolog_gather *gather,
                                              const struct setting_server *server,
                                              enum service service, struct stream *stream);
/* Accepts NULL. */
void protolog_session_free(struct protolog_session **session);
/* Who the client is, the first of these that is not "" at the time of a row; they stay the caller's
 * and must outlive the session. NULL: not known. session may be NULL. */
void protolog_session_name(struct protolog_session *session, const char *login,
                           const char *greeted);

/* A command being served; in caller's memory, which is the session's stack: idle sessions carry
 * nothing. */
struct protolog_command {
    struct stream_tap tap;
    struct protolog_session *session;
    int64_t began_us;
    uint64_t sent;
    uint64_t heard_before; /* see protolog_command_begin */
    struct text about;     /* see protolog_command_about */
    char word[PROTOLOG_STATUS_MAX], status[PROTOLOG_STATUS_MAX];
    uint8_t word_length, status_length;
    uint8_t words; /* of the line that is written, before this one */
    bool in_line;  /* behind the words that matter */
};

/* heard: bytes of the client that had been served before this command. */
void protolog_command_begin(struct protolog_command *command, struct protolog_session *session,
                            uint64_t heard);
/* Its row, once: what comes after the first end is not in it. heard: as above, now. session: as of
 * the begin. */
void protolog_command_end(struct protolog_session *session, struct text verb, struct text arguments,
                          uint64_t heard);
/* What the row of the command being served has for arguments, where the command has none; borrowed
 * until its end. */
void protolog_command_about(struct protolog_session *session, struct text about);
/* The status of the command being served, unless an answer with one was written. */
void protolog_command_say(struct protolog_session *session, struct text status);

#endif
