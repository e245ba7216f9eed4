/* THE ROWS of mail that is not wanted. */
#include "settings/rows.h"
#include "settings/settings.h"
#include "settings/types.h"

#define FILTER .kind = KIND_FILTER
#define BLOCK_LIST .kind = KIND_BLOCK_LIST

static const char *const sender_choices[] = {"refuse", "drop", "discard", NULL};
static const char *const check_choices[] = {"accept", "discard", "refuse", NULL};
static const char *const error_choices[] = {"accept", "later", NULL};

/* clang-format off */
static const struct setting_row filter_rows[] = {
    {FILTER, "accept", &setting_type_networks,
     .otherwise = "none", .high = 10000, TO_LIST(setting_filter, accepted, accepted_count),
     .help = "The networks from which everything is taken, whatever else the filters say. What "
             "relay, anonymous and the limits of a server say holds all the same."},
    {FILTER, "deny", &setting_type_networks,
     .otherwise = "none", .high = 10000, TO_LIST(setting_filter, denied, denied_count),
     .help = "The networks that are turned away when they connect (554 5.7.1), unless accept has "
             "them too."},
    {FILTER, "relays", &setting_type_networks,
     .otherwise = "none", .high = 1000, TO_LIST(setting_filter, relays, relay_count),
     .help = "Relays of our own that mail from others comes through. Who gave it to them, by the "
             "Received fields that they wrote, is looked for in accept, deny and the block lists in "
             "their place; that is known when the whole message is there, so it is refused then."},
    {FILTER, "block-lists except", &setting_type_patterns,
     .otherwise = "nobody", .high = 10000, TO_LIST(setting_filter, excepted, excepted_count),
     .help = "Recipients who get mail from hosts in block lists too: postmaster@example.org, so "
             "that who is listed by mistake can tell; or *@example.org."},
    {FILTER, "block-lists wait", &setting_type_time,
     .standard = "5s", .low = 100, .high = MINUTE, TO(setting_filter, list_wait_ms),
     .help = "How long the first recipient of a connection waits for what the lists say, all asked "
             "at once. A list that has not answered by then counts as if it had nothing to say."},
    {FILTER, "sender", &setting_type_patterns,
     .otherwise = "nobody", .high = 10000, TO_LIST(setting_filter, senders, sender_count),
     .help = "The senders (MAIL FROM) whose mail is not taken: user@example.net, a whole domain "
             "(*@example.net), all below it (*@*.example.net), both (*@*example.net), or a name in "
             "every domain (user@*)."},
    {FILTER, "sender blank", &setting_type_flag,
     .otherwise = "taken", TO(setting_filter, blank_senders),
     .help = "Mail without a sender is not taken either. Delivery reports have none, so that users "
             "do not hear what became of their mail."},
    {FILTER, "sender then", &setting_type_choice,
     .standard = "refuse", .choices = sender_choices, TO(setting_filter, sender_action),
     .help = "What becomes of it. refuse: 554 5.1.0. drop: 421, and the connection is closed; who "
             "keeps to the rules tries again. discard: it is taken as others are and thrown away, "
             "and nobody is told but the log and mailroot trace."},
    {FILTER, "sender archive", &setting_type_flag,
     .otherwise = "not kept", TO(setting_filter, archives),
     .help = "Keep it as a file in the archive. It is then refused not before all of it is there."},
    {FILTER, "archive", &setting_type_path,
     .otherwise = "Filter in the folders of the first server that has some, else filter in the data "
                  "directory", TO(setting_filter, archive_folder),
     .help = "Where filtered mail is kept: a file .eml for each message, with its envelope in lines "
             "(x-sender, x-receiver) before it, as a pickup folder takes it. Nobody but the "
             "administrator clears it. Taken up at the next start."},
    {FILTER, "recipient", &setting_type_patterns,
     .otherwise = "nobody", .high = 10000, TO_LIST(setting_filter, recipients, recipient_count),
     .help = "The recipients who get no mail from outside (550 5.7.1), written as with sender. Who "
             "is logged in may write to them. That unknown users of our domains get none (550 "
             "5.1.1) needs no filter."},
    {FILTER, "spf fail", &setting_type_choice,
     .standard = "refuse", .choices = check_choices, TO(setting_filter, spf_fail),
     .help = "What becomes of mail when the sender's domain, or that of HELO, says by SPF (RFC 7208) "
             "that the host may not send for it. refuse: 550 5.7.23 at RCPT. discard: it is taken "
             "as others are and thrown away. accept: the outcome stands in the header "
             "(Authentication-Results, Received-SPF). Neither SPF nor Sender ID is for who is "
             "logged in, may relay, or is in accept, and SPF not for relays."},
    {FILTER, "spf softfail", &setting_type_choice,
     .standard = "accept", .choices = check_choices, TO(setting_filter, spf_softfail),
     .help = "The same when it says that the host probably may not."},
    {FILTER, "spf permerror", &setting_type_choice,
     .standard = "accept", .choices = check_choices, TO(setting_filter, spf_permerror),
     .help = "The same when what it says cannot be used (550 5.7.24)."},
    {FILTER, "spf temperror", &setting_type_choice,
     .standard = "accept", .choices = error_choices, TO(setting_filter, spf_waits),
     .help = "What becomes of it when DNS gives no answer. later: 451, so that it comes again."},
    {FILTER, "sender-id fail", &setting_type_choice,
     .standard = "accept", .choices = check_choices, TO(setting_filter, sender_id_fail),
     .help = "What becomes of mail when the domain of who sent it by its header (RFC 4407: "
             "Resent-Sender, Resent-From, Sender, From) says by Sender ID (RFC 4406) that the host "
             "may not send for it. refuse: 550 5.7.1 when all of the message is there; the other "
             "words as with spf. What relays pass on is checked by who gave it to them."},
    {FILTER, "sender-id softfail", &setting_type_choice,
     .standard = "accept", .choices = check_choices, TO(setting_filter, sender_id_softfail),
     .help = "The same when it says that the host probably may not."},
    {FILTER, "sender-id missing", &setting_type_choice,
     .standard = "accept", .choices = check_choices, TO(setting_filter, sender_id_missing),
     .help = "The same when the header does not say who sent it."},
    {FILTER, "sender-id temperror", &setting_type_choice,
     .standard = "accept", .choices = error_choices, TO(setting_filter, sender_id_waits),
     .help = "What becomes of it when DNS gives no answer. later: 450, so that it comes again."},
};
const struct setting_rows setting_filter_rows = ROWS_OF(filter_rows);

static const struct setting_row block_list_rows[] = {
    {BLOCK_LIST, "zone", &setting_type_host,
     .otherwise = "none, it must be set", TO(setting_block_list, zone),
     .help = "The domain it is asked under (RFC 5782): for 192.0.2.1 the name 1.2.0.192.ZONE, for "
             "IPv6 the 32 digits. Answers are kept as long as they say."},
    {BLOCK_LIST, "codes", &setting_type_codes,
     .otherwise = "any", .high = 100, TO_LIST(setting_block_list, codes, code_count),
     .help = "The answers by which an address counts as listed. Any is one in 127.0.0.0/8 but those "
             "of 127.255.255.0/24, by which lists say that they do not answer us."},
    {BLOCK_LIST, "codes mask", &setting_type_mask,
     .otherwise = "none", TO(setting_block_list, mask),
     .help = "For lists whose answers are sums: those with one of these bits count too."},
    {BLOCK_LIST, "reply", &setting_type_phrase,
     .standard = "\"%0 has been blocked by %1\"", TO(setting_block_list, reply),
     .help = "What the client is told behind 550 5.7.1. %0 is its address, %1 the name of the list, "
             "%2 its zone."},
};
const struct setting_rows setting_block_list_rows = ROWS_OF(block_list_rows);
/* clang-format on */
