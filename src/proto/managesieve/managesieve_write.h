/* What both halves of ManageSieve write. Included only from proto/managesieve. */
#ifndef PROTO_MANAGESIEVE_MANAGESIEVE_WRITE_H
#define PROTO_MANAGESIEVE_MANAGESIEVE_WRITE_H

#include "proto/line/line.h"

/* A string: quoted where it can be, else a literal. */
void managesieve_put_string(struct stream *stream, struct text text);
/* OK, NO or BYE; code "" or "(QUOTA)" and the like. */
void managesieve_answer(struct stream *stream, const char *condition, const char *code,
                        struct text text);
/* RFC 5804 2.13: what came with NOOP goes back. */
void managesieve_answer_noop(struct stream *stream, bool has_tag, struct text tag);
/* The capabilities up to and without the OK (RFC 5804 1.7). mechanisms: MECHANISM_BITs; owner: ""
 * before the login. */
void managesieve_put_capabilities(struct stream *stream, uint32_t mechanisms, bool offers_tls,
                                  struct text owner);
/* The session loop's faults in the words of this protocol: it ends. */
void managesieve_say_fault(struct line_session *line, enum line_fault fault,
                           const struct line_command *command);

#endif
