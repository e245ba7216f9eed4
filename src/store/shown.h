/* A message as its mailbox shows it: "Return-Path: <sender>" (RFC 5321 4.4) before what was
 * delivered, then the body as it came. What an owner put there himself is shown as it is. */
#ifndef STORE_SHOWN_H
#define STORE_SHOWN_H

#include "store/derived.h"

/* Length of that first line; 0 when there is none. */
uint64_t mailbox_prefix_bytes(const struct message *message);
/* Append the bytes [offset, offset + length), cut at the end. YIELDS. */
enum status mailbox_read(struct store *store, uint64_t message, uint64_t offset, uint32_t length,
                         struct buffer *out);

/* A message being read in pieces. It stays readable though it is expunged meanwhile, until the
 * space it stood in is given back. */
struct shown;
/* NULL: there is no such message. run: it is one of many of that store (derived.h), or NULL. */
struct shown *shown_open(struct store *store, struct derived_run *run, uint64_t message);
uint64_t shown_size(const struct shown *shown);
/* As mailbox_read. REFUSED: it is gone by now. YIELDS. */
enum status shown_read(struct shown *shown, uint64_t offset, uint32_t length, struct buffer *out);
/* Accepts NULL. */
void shown_close(struct shown **shown);

#endif
