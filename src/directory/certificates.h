/* Certificates by which users log in (EXTERNAL), known by their SHA-256: the administrator says
 * whose each is. A certificate has one owner. */
#ifndef DIRECTORY_CERTIFICATES_H
#define DIRECTORY_CERTIFICATES_H

#include "directory/directory.h"

/* REFUSED when there is no such user, or it is another's. On stable storage when OK. YIELDS. */
enum status certificate_add(struct directory *directory, struct text user, struct text digest);
/* REFUSED when it is not this user's. YIELDS. */
enum status certificate_remove(struct directory *directory, struct text user, struct text digest);
/* The owner's key, in arena; "" when nobody's. Does not yield. */
struct text certificate_owner(struct directory *directory, struct text digest, struct arena *arena);
/* Those of a user. visit must not yield. */
typedef void certificate_visit(void *context, struct text digest);
void certificate_list(struct directory *directory, struct text user, certificate_visit *visit,
                      void *context);

/* 32 bytes from "AB:CD:..", or without the colons, any case. REFUSED with the remedy. */
enum status certificate_digest(struct text written, unsigned char out[DIRECTORY_DIGEST_BYTES]);

#endif
