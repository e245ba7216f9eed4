/* The actions of all command families, for the table. */
#ifndef PROTO_IMAP_IMAP_COMMANDS_H
#define PROTO_IMAP_IMAP_COMMANDS_H

#include "proto/imap/imap_session.h"

/* imap_any.c: valid in any state */
void imap_capability(struct imap_session *session);
void imap_noop(struct imap_session *session);
void imap_logout(struct imap_session *session);
void imap_compress(struct imap_session *session);
void imap_enable(struct imap_session *session);
void imap_id(struct imap_session *session);
void imap_unauthenticate(struct imap_session *session);
void imap_refused_now(struct imap_session *session);
/* imap_select.c */
void imap_select(struct imap_session *session);
void imap_examine(struct imap_session *session);
void imap_unselect(struct imap_session *session);
void imap_check(struct imap_session *session);
/* imap_mailbox.c */
void imap_create(struct imap_session *session);
void imap_delete(struct imap_session *session);
void imap_rename(struct imap_session *session);
void imap_subscribe(struct imap_session *session);
void imap_unsubscribe(struct imap_session *session);
/* imap_list.c */
void imap_list(struct imap_session *session);
void imap_lsub(struct imap_session *session);
void imap_namespace(struct imap_session *session);
/* imap_status.c */
void imap_status(struct imap_session *session);
/* imap_metadata.c */
void imap_getmetadata(struct imap_session *session);
void imap_setmetadata(struct imap_session *session);
/* imap_acl.c */
void imap_getacl(struct imap_session *session);
void imap_setacl(struct imap_session *session);
void imap_deleteacl(struct imap_session *session);
void imap_listrights(struct imap_session *session);
void imap_myrights(struct imap_session *session);
/* imap_quota.c */
void imap_getquota(struct imap_session *session);
void imap_getquotaroot(struct imap_session *session);
void imap_setquota(struct imap_session *session);
/* imap_append.c, imap_idle.c */
void imap_append(struct imap_session *session);
void imap_idle(struct imap_session *session);
/* imap_expunge.c */
void imap_close(struct imap_session *session);
void imap_expunge(struct imap_session *session);
/* imap_fetch.c, imap_search.c, imap_store.c, imap_copy.c: also their UID forms */
void imap_fetch(struct imap_session *session);
void imap_search(struct imap_session *session);
void imap_store(struct imap_session *session);
void imap_copy(struct imap_session *session);
void imap_move(struct imap_session *session);
/* imap_sort.c, imap_thread.c: also their UID forms; imap_language.c */
void imap_sort(struct imap_session *session);
void imap_thread(struct imap_session *session);
void imap_language(struct imap_session *session);
/* imap_replace.c: also its UID form; imap_multisearch.c */
void imap_replace(struct imap_session *session);
void imap_multisearch(struct imap_session *session);
/* imap_genurlauth.c, imap_urlfetch.c */
void imap_genurlauth(struct imap_session *session);
void imap_resetkey(struct imap_session *session);
void imap_urlfetch(struct imap_session *session);
/* imap_notify.c */
void imap_notify(struct imap_session *session);

#endif
