/* Lists of senders, as the attributes accept-from and reject-from have them: words "a@example.org",
 * "*@example.org" (all of the domain) and "@group@example.org" (all members of the group), parted
 * by spaces. The settings' lists are of the same words. */
#ifndef DIRECTORY_SENDERS_H
#define DIRECTORY_SENDERS_H

#include "directory/directory.h"

/* In the form that is kept: keys; "@group" is of the first domain. REFUSED with the remedy. */
enum status senders_normalise(const struct directory *directory, struct text written,
                              struct arena *arena, struct text *out);

/* One who sends, and which groups are known to have him; kept while a message is looked at. */
struct senders;
/* The key of the sender ("": the null path) and of who is logged in (""): in arena, as all. */
struct senders *senders_new(struct directory *directory, struct text sender, struct text login,
                            struct arena *arena);
void senders_free(struct senders **senders);

/* Which of the two is looked for: who is logged in, else the sender, for whom anybody can say that
 * he is; or, so that nobody escapes by it, either. */
enum senders_who { SENDERS_PROVEN, SENDERS_EITHER };
/* The word that names him, or "". Does not yield. */
struct text senders_match(struct senders *senders, struct text list, enum senders_who who);
/* The same of words that stand apart. */
struct text senders_match_names(struct senders *senders, const struct text *names, unsigned count,
                                enum senders_who who);
/* The user whom limits of senders are about: who is logged in, or the sender when he is one of
 * ours; "" when neither. */
struct text senders_user(const struct senders *senders);

#endif
