/* Messages as conversations: the two ways of RFC 5256 3. It knows no session and no store. */
#ifndef PROTO_IMAP_SEARCH_IMAP_THREADS_H
#define PROTO_IMAP_SEARCH_IMAP_THREADS_H

#include "base/buffer.h"
#include "proto/imap/search/imap_facts.h"

struct imap_threads;

enum imap_threading { THREAD_ORDEREDSUBJECT, THREAD_REFERENCES };
/* Messages, and ids that are known from references alone, together: bounds the memory. */
enum { IMAP_THREADS_MAX = 2 << 20 };
/* What one of them takes, about. */
enum { IMAP_THREADS_ID_BYTES = 200 };

struct imap_threads *imap_threads_new(enum imap_threading threading);
/* Accepts NULL. */
void imap_threads_free(struct imap_threads **threads);
/* Ascending by UID; the facts are copied as far as they are needed. False: there are too many. */
bool imap_threads_add(struct imap_threads *threads, uint32_t uid, const struct imap_facts *facts);
/* What imap_threads_end takes at most, and what imap_threads_put appends. */
size_t imap_threads_bytes_wanted(const struct imap_threads *threads);
/* Once, after the last. Linear but for the sorting. */
void imap_threads_end(struct imap_threads *threads);
/* Append "(2)(3 6 (4 23)(44 7 96))". number: what stands for a UID. */
void imap_threads_put(const struct imap_threads *threads, struct buffer *out,
                      uint32_t (*number)(void *context, uint32_t uid), void *context);

#endif
