/* THE ROWS. */
#include "proc/settings_table.h"

#include "proc/extensions.h"
#include "proc/mechanisms.h"
#include "proc/settings.h"
#include "proc/settings_types.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define KIND(type, member)                                                                         \
    .size = sizeof(struct type), .name_offset = offsetof(struct type, name),                       \
    .place_offset = offsetof(struct type, place),                                                  \
    .array_offset = offsetof(struct settings, member##s),                                          \
    .count_offset = offsetof(struct settings, member##_count)

const struct setting_kind setting_kinds[KIND_COUNT] = {
    [KIND_TOP] = {.word = "",
                  .names = "",
                  .size = sizeof(struct settings),
                  .most = 1,
                  .help = "Statements outside of blocks."},
    [KIND_DOMAIN] = {.word = "domain",
                     .names = "NAME ...",
                     .names_most = 100,
                     .most = 100000,
                     KIND(setting_domain, domain),
                     .help =
                         "Mail for these domains is delivered here. The block may be left out."},
    [KIND_SERVER] = {.word = "server",
                     .names = "NAME",
                     .names_most = 1,
                     .most = 100,
                     KIND(setting_server, server),
                     .needs_braces = true,
                     .help = "A virtual server: where it listens, what it asks for and allows. "
                             "Without any such block there is one server, \"default\", on the "
                             "ports 25, 587, 110, 143 and 4190, and with a certificate on "
                             "465, 995 and 993."},
    [KIND_CONNECTOR] = {.word = "connector",
                        .names = "NAME",
                        .names_most = 1,
                        .most = 10000,
                        KIND(setting_connector, connector),
                        .needs_braces = true,
                        .help = "How mail for some domains leaves. What no connector is for goes "
                                "by MX."},
    [KIND_POLICY] = {.word = "policy",
                     .names = "DOMAIN",
                     .names_most = 1,
                     .most = 10000,
                     .size = sizeof(struct setting_policy),
                     .name_offset = offsetof(struct setting_policy, name),
                     .place_offset = offsetof(struct setting_policy, place),
                     .array_offset = offsetof(struct settings, policies),
                     .count_offset = offsetof(struct settings, policy_count),
                     .needs_braces = true,
                     .help = "What holds for mail to a domain, to all below a name (*.name), or "
                             "to all others (default). The longest match is taken, alone."},
    [KIND_GROUP] = {.word = "routing-group",
                    .names = "NAME",
                    .names_most = 1,
                    .most = 1,
                    .size = sizeof(struct setting_group),
                    .name_offset = offsetof(struct setting_group, name),
                    .place_offset = offsetof(struct setting_group, place),
                    .array_offset = offsetof(struct settings, groups),
                    .count_offset = offsetof(struct settings, group_count),
                    .needs_braces = true,
                    .help = "The routing group that this server is in: servers that reach each "
                            "other directly, and know of each other's connectors and of those of "
                            "the groups that connectors lead to (to-group). Each server describes "
                            "the connectors of its own file; one of the same name at several "
                            "servers is one connector with several bridgeheads."},
    [KIND_RECIPIENTS] = {.word = "recipients",
                         .names = "NAME",
                         .names_most = 1,
                         .most = 1000,
                         .size = sizeof(struct setting_recipients),
                         .name_offset = offsetof(struct setting_recipients, name),
                         .place_offset = offsetof(struct setting_recipients, place),
                         .array_offset = offsetof(struct settings, recipients),
                         .count_offset = offsetof(struct settings, recipients_count),
                         .needs_braces = true,
                         .help = "A recipient policy: the addresses that users get besides their "
                                 "own. Of those that mean a user the one with the lowest priority "
                                 "is his, alone; who has none gets those of his domain (address). "
                                 "An address that somebody has already is given with a number "
                                 "(jo2@). What a user got once he keeps. mailroot directory check "
                                 "tells of those."},
    [KIND_RETRY] = {.word = "retry",
                    .names = "",
                    .size = sizeof(struct setting_retry),
                    .most = 1,
                    .needs_braces = true,
                    .help = "When delivery is tried again, and given up."},
};

static const char *const sandbox_choices[] = {"required", "preferred", "off", NULL};
static const char *const on_off_choices[] = {"off", "on", NULL};
static const char *const log_choices[] = {"debug", "info", "warning", NULL};
static const char *const server_tls_choices[] = {"none", "offer", "require", NULL};
static const char *const verify_choices[] = {"off", "logged-in", "on", NULL};
static const char *const bare_choices[] = {"refused", "taken", NULL};
static const char *const hello_choices[] = {"optional", "required", NULL};
static const char *const anonymous_choices[] = {"yes", "no", NULL};
static const char *const login_over_choices[] = {"verified-tls", "tls", "anything", NULL};
static const char *const exps_choices[] = {"never", "try", "require", NULL};
static const char *const tls_for_choices[] = {"all", "mail", "login", NULL};
static const char *const tls_version_choices[] = {"1.2", "1.3", NULL};
static const char *const tls_strength_choices[] = {"128", "256", NULL};
static const char *const client_certificate_choices[] = {"none", "ask", "require", NULL};
static const char *const client_hello_choices[] = {"ehlo", "helo", NULL};
static const char *const when_full_choices[] = {"later", "refuse", NULL};
static const char *const body_choices[] = {"both", "plain", "html", NULL};
static const char *const sizes_choices[] = {"exact", "fast", NULL};
static const char *const public_choices[] = {"hidden", "listed", NULL};
static const char *const urgency_choices[] = {"low", "normal", "high", NULL};
static const char *const origin_choices[] = {"any", "system", "non-system", NULL};
static const char *const scope_choices[] = {"organisation", "group", NULL};
static const char *const link_choices[] = {"report", "suppress", NULL};
static const char *const by_choices[] = {"mx", NULL};

/* For each kind: the row's kind, and where its value goes. */
#define TOP .kind = KIND_TOP
#define DOMAIN .kind = KIND_DOMAIN
#define SERVER .kind = KIND_SERVER
#define CONNECTOR .kind = KIND_CONNECTOR
#define POLICY .kind = KIND_POLICY
#define GROUP .kind = KIND_GROUP
#define RECIPIENTS .kind = KIND_RECIPIENTS
#define RETRY .kind = KIND_RETRY
#define TO(type, member)                                                                           \
    .offset = offsetof(struct type, member), .width = sizeof(((struct type *)NULL)->member)
#define TO_LIST(type, member, count)                                                               \
    .offset = offsetof(struct type, member), .count_offset = offsetof(struct type, count)

/* clang-format off */
const struct setting_row setting_rows[] = {
    {TOP, "host", &setting_type_host,
     .otherwise = "none, it must be set", TO(settings, host),
     .help = "The name by which this machine greets others. It should resolve to its address, and "
             "the address back to it."},
    {TOP, "profile", &setting_type_choice,
     .standard = "internet", .choices = setting_profile_names, TO(settings, profile),
     .help = "Whose defaults hold for what is not written: internet are those of this page; "
             "exchange2003 and iis6 are those of the servers of that name (see PROFILES). A server "
             "may have another."},
    {TOP, "data", &setting_type_path,
     .standard = "/var/lib/mailroot", TO(settings, data_directory),
     .help = "The directory of queue, mailboxes and directory."},
    {TOP, "run", &setting_type_path,
     .standard = "/run/mailroot", TO(settings, run_directory),
     .help = "The directory of control sockets."},
    {TOP, "pickup", &setting_type_path,
     .otherwise = "pickup in the data directory", TO(settings, pickup_folder),
     .help = "The folder that takes messages in as files, from all users of this machine; sendmail(8) "
             "puts them there. Another folder is taken up at the next start."},
    {TOP, "badmail folder", &setting_type_path,
     .otherwise = "BadMail in the folders of the first server that has some, else badmail in the "
                  "data directory", TO(settings, badmail_folder),
     .help = "Where bad mail is written: what was put into a pickup folder and is no message that "
             "can be sent; and, with badmail size, what could neither be delivered nor returned. "
             "Taken up at the next start."},
    {TOP, "badmail size", &setting_type_cap,
     .standard = "0", .low = 0, .high = 1024 * TIB, TO(settings, badmail_most),
     .help = "How much that folder may hold; what does not fit is written when there is room. "
             "0: mail that could neither be delivered nor returned is kept in the queue alone (see "
             "mailroot badmail). Otherwise a copy is written for each: .BAD is the message, .BDP "
             "its envelope, .BDR the reason."},
    {TOP, "certificate", &setting_type_certificates,
     .otherwise = "none: no TLS is offered", .high = 100,
     TO_LIST(settings, certificates, certificate_count),
     .help = "A certificate with its chain, and its private key, in PEM. There may be several: "
             "who names a host gets the one for that name, others the first; one of RSA and one "
             "of ECDSA for the same name stand side by side. They are read anew when the files "
             "change."},
    {TOP, "tls authorities", &setting_type_path,
     .otherwise = "those of the system", TO(settings, authorities_file),
     .help = "The certificates, in PEM, of the authorities that other servers are verified by."},
    {TOP, "postmaster", &setting_type_address,
     .otherwise = "postmaster at the first domain, else at the host", TO(settings, postmaster),
     .help = "Who gets mail for postmaster without a domain, and notices."},
    {TOP, "processes front", &setting_type_count,
     .standard = "0", .low = 0, .high = SETTINGS_FRONTS_MAX, TO(settings, front_processes),
     .help = "Processes that speak to clients. 0: one per core."},
    {TOP, "sandbox", &setting_type_sandbox,
     .standard = "preferred", .choices = sandbox_choices,
     .help = "Whether the processes confine themselves. With required they do not start where the "
             "kernel cannot; with preferred they say so and start."},
    {TOP, "forward srs", &setting_type_choice,
     .standard = "on", .choices = on_off_choices, TO(settings, forward_srs),
     .help = "What aliases, groups and filters send on to other domains leaves with a rewritten "
             "sender (SRS), for the sender's domain does not name this host as one that may send "
             "for it. What bounces comes back here and is sent on to the sender."},
    {TOP, "forward domain", &setting_type_host,
     .otherwise = "that of the address which forwards", TO(settings, forward_domain),
     .help = "The domain of rewritten senders. It must be one of ours."},
    {TOP, "log", &setting_type_choice,
     .standard = "info", .choices = log_choices, TO(settings, log_level),
     .help = "The least important events that are logged."},
    {TOP, "trace keep", &setting_type_time,
     .standard = "30d", .low = HOUR, .high = 3650 * DAY, TO(settings, trace_keep_ms),
     .help = "How long the story of each message can be looked up."},
    {TOP, "sent keep", &setting_type_time,
     .standard = "0", .low = 0, .high = 3650 * DAY, TO(settings, sent_keep_ms),
     .help = "How long messages that other hosts have taken are kept, to be sent again by mailroot "
             "queue resend. 0: not at all. They need the space of the disk and nothing else."},
    {TOP, "limit free-space", &setting_type_size,
     .standard = "64MB", .low = 0, .high = 1024 * TIB, TO(settings, min_free_bytes),
     .help = "With less free space on the data disk, new mail is asked to come later (452)."},
    {TOP, "limit queue", &setting_type_count,
     .standard = "1000000", .low = 1, .high = 100000000, TO(settings, max_queue_messages),
     .help = "With more messages waiting, new mail is asked to come later (452)."},
    {TOP, "limit send-size", &setting_type_size,
     .standard = "0", .low = 0, .high = 2 * GIB, TO(settings, max_sent_bytes),
     .help = "The largest message that a user of ours may send, unless he has a limit of his own "
             "(mailroot directory set ADDRESS send-limit). 0: no limit but that of the server."},
    {TOP, "limit receive-size", &setting_type_size,
     .standard = "0", .low = 0, .high = 2 * GIB, TO(settings, max_received_bytes),
     .help = "The largest message that is delivered to a mailbox, unless the user has a limit of "
             "his own (receive-limit). 0: none."},
    {TOP, "limit addressed", &setting_type_count,
     .standard = "5000", .low = 0, .high = 10000, TO(settings, max_addressed),
     .help = "Recipients of one message by who is logged in, the members of groups each counted, "
             "unless he has a limit of his own (recipient-limit). What has more is refused. 0: "
             "none."},
    {TOP, "limit outbound-connections", &setting_type_count,
     .standard = "1000", .low = 1, .high = 100000, TO(settings, max_outbound),
     .help = "Connections to other hosts at a time, all together. limit connections of a "
             "connector is of one of its hops."},
    {TOP, "copy", &setting_type_copy,
     .otherwise = "none", TO(settings, report_copy),
     .help = "Who gets a copy of each report of a failure that is sent."},
    {TOP, "login lockout", &setting_type_count,
     .standard = "20", .low = 0, .high = 1000000, TO(settings, lockout_wrong),
     .help = "After so many wrong passwords no more are tried for a time: for that account, or, "
             "when they came from one network, from there. Networks from which a user has logged "
             "in before stay open to him. Guessing is slowed down from the fifth on anyway. "
             "0: nobody is locked out."},
    {TOP, "login in", &setting_type_time,
     .standard = "15m", .low = SECOND, .high = 7 * DAY, TO(settings, lockout_within_ms),
     .help = "Within what time they are counted."},
    {TOP, "login for", &setting_type_time,
     .standard = "15m", .low = SECOND, .high = 7 * DAY, TO(settings, lockout_ms),
     .help = "How long the lockout lasts. mailroot user unlock ends it at once."},
    {TOP, "dns server", &setting_type_resolvers,
     .otherwise = "those of /etc/resolv.conf", .high = 8,
     TO_LIST(settings, dns_servers, dns_server_count),
     .help = "The resolvers to ask, as addresses."},
    {TOP, "dns trust-anchor", &setting_type_path,
     .otherwise = "that of the root, as the system has it", TO(settings, trust_anchor_file),
     .help = "The keys that DNSSEC answers are validated by: DNSKEY or DS records, one a line. "
             "With it answers of a resolver on this machine are validated too."},
    {TOP, "http proxy", &setting_type_proxy,
     .otherwise = "none", TO(settings, http_proxy),
     .help = "The HTTP proxy, as address and port, through which web pages (policies of MTA-STS) "
             "are fetched. It resolves their names."},

    {TOP, "oauth jwks", &setting_type_path,
     .otherwise = "none: no logins by token", TO(settings, oauth_keys_file),
     .help = "The keys (a JSON Web Key Set) by which the tokens are signed that users log in with "
             "(login oauth). Something else fetches them from the issuer and keeps them fresh; a "
             "new file is taken up at the next login. The user that the auth process runs as must "
             "be able to read it."},
    {TOP, "oauth introspect", &setting_type_url,
     .otherwise = "none: tokens are not asked about", TO(settings, introspection),
     .help = "Where to ask whether a token is good (RFC 7662), for those that no key of jwks is "
             "for: every such login is a question there, by the send process."},
    {TOP, "oauth client", &setting_type_word,
     .otherwise = "none", TO(settings, oauth_client),
     .help = "Who we are when we ask."},
    {TOP, "oauth secret", &setting_type_secret,
     .otherwise = "none", TO(settings, oauth_secret),
     .help = "The file in the secrets directory that holds the client's password."},
    {TOP, "oauth issuer", &setting_type_word,
     .otherwise = "none, with jwks it is needed", TO(settings, oauth_issuer),
     .help = "Who must have issued a token: its iss. An authority that is asked may leave it out."},
    {TOP, "oauth audience", &setting_type_word,
     .otherwise = "none, with jwks it is needed", TO(settings, oauth_audience),
     .help = "For whom it must be: one of its aud. Without that a token for another service of the "
             "issuer would open mailboxes here."},
    {TOP, "oauth claim", &setting_type_word,
     .standard = "email", TO(settings, oauth_claim),
     .help = "What in it names the user."},

    {TOP, "kerberos keytab", &setting_type_path,
     .otherwise = "none: no logins by Kerberos", TO(settings, keytab_file),
     .help = "The keys by which users log in with Kerberos (login gssapi): of the principals "
             "smtp/HOST, SMTPSVC/HOST (for X-EXPS), imap/HOST and pop/HOST, whichever are used. The "
             "user that the auth process runs as must be able to read it. That there is one, its "
             "directory and krb5.conf are taken up at the start; keys may change at any time."},
    {TOP, "kerberos realm", &setting_type_realms,
     .otherwise = "each domain is the realm of its name", .high = 1000,
     TO_LIST(settings, realms, realm_count),
     .help = "Which domain's users the principals of a realm are: user@REALM is the user of that "
             "name in the domain. With any such statement no other realm's are users."},
    {TOP, "ntlm name", &setting_type_realms,
     .otherwise = "the first label of each domain, in capitals", .high = 1000,
     TO_LIST(settings, ntlm_names, ntlm_name_count),
     .help = "What Windows calls a domain: there a user logs in as NAME, a backslash and his own "
             "name. We call ourselves by the first. Taken up at the start."},

    {DOMAIN, "user", &setting_type_users,
     .otherwise = "those of the directory alone", .high = 100000,
     TO_LIST(setting_domain, users, user_count),
     .help = "Who has a mailbox in the domain, besides those in the directory."},
    {DOMAIN, "drop", &setting_type_drop,
     .otherwise = "to mailboxes",
     .help = "Mail for the domain's users is written into a folder, a file for each message, for "
             "another program to take: lines x-sender and x-receiver, then the message. Without a "
             "directory that is Drop in the folders of the first server that has some, else drop "
             "in the data directory. Another folder is taken up at the next start."},
    {DOMAIN, "unresolved", &setting_type_unresolved,
     .otherwise = "refused", TO(setting_domain, unresolved),
     .help = "The host that knows who is unknown here, when two systems share the domain."},

    {DOMAIN, "address", &setting_type_templates,
     .otherwise = "none", .high = 20,
     TO_LIST(setting_domain, templates, template_count),
     .help = "Templates of further addresses of its users who have no policy of recipients; as "
             "address there."},
    {DOMAIN, "quota", &setting_type_size,
     .standard = "0", .low = 0, .high = 1024 * TIB, TO(setting_domain, quota_bytes),
     .help = "The bytes of all messages that a user may keep. 0: no limit. A user may have another "
             "limit: mailroot user quota."},
    {DOMAIN, "quota messages", &setting_type_count,
     .standard = "0", .low = 0, .high = 1000000000, TO(setting_domain, quota_messages),
     .help = "The number of messages that a user may keep. 0: no limit."},
    {DOMAIN, "quota when-full", &setting_type_choice,
     .standard = "later", .choices = when_full_choices, TO(setting_domain, quota_refuses),
     .help = "What a sender hears of a mailbox that is full. later: 452, and mail is tried again "
             "until there is room or it is too old. refuse: 552, and mail comes back at once. "
             "What turns out only after the message was taken, as with an alias, is reported to "
             "the sender."},
    {DOMAIN, "pop3 expire", &setting_type_time,
     .standard = "0", .low = 0, .high = 3650 * DAY, TO(setting_domain, pop3_expire_ms),
     .help = "Messages of INBOX that are so old are removed when a POP3 session ends. 0: never."},
    {DOMAIN, "pop3 login-delay", &setting_type_time,
     .standard = "0", .low = 0, .high = HOUR, TO(setting_domain, pop3_delay_ms),
     .help = "How long a user waits between two POP3 logins."},
    {DOMAIN, "pop3 body", &setting_type_choice,
     .standard = "both", .choices = body_choices, TO(setting_domain, pop3_body),
     .help = "What POP3 gives of a text that came as plain text and as HTML. plain, html: that kind "
             "alone, where there is one; what is signed or encrypted stays whole. IMAP programs ask "
             "for the part they show, and get all parts. A user may have it otherwise: mailroot user "
             "set."},
    {DOMAIN, "pop3 sizes", &setting_type_choice,
     .standard = "exact", .choices = sizes_choices, TO(setting_domain, pop3_fast_sizes),
     .help = "Sizes of messages that pop3 body makes smaller. exact: those of what is given, so that "
             "a new message is read once more when a session begins. fast: those of the whole "
             "message. All other sizes, and those in IMAP, are always exact."},
    {DOMAIN, "keep-deleted", &setting_type_time,
     .standard = "14d", .low = 0, .high = 3650 * DAY, TO(setting_domain, keep_deleted_ms),
     .help = "How long messages can be put back that were removed from mailboxes (mailroot mailbox "
             "undelete). They count towards no quota. 0: not at all. A user may have another time: "
             "mailroot user set."},
    {DOMAIN, "keep-deleted most", &setting_type_size,
     .standard = "1GB", .low = 0, .high = 1024 * TIB, TO(setting_domain, keep_deleted_bytes),
     .help = "The bytes that are kept so of each user; the oldest go first. 0: no limit."},
    {DOMAIN, "public-folders", &setting_type_choice,
     .standard = "listed", .choices = public_choices, TO(setting_domain, lists_public),
     .help = "Whether IMAP lists the public folders. hidden: only to who subscribes to them."},
    {DOMAIN, "search-index", &setting_type_choice,
     .standard = "on", .choices = on_off_choices, TO(setting_domain, indexes_words),
     .help = "Whether the text of new messages is indexed for searching. off: searches find the "
             "same, but read every message. A user may have another: mailroot user set."},

    {SERVER, "listen", &setting_type_listens,
     .otherwise = "none, one is needed", .high = 64,
     TO_LIST(setting_server, listens, listen_count),
     .help = "Where to listen, * being all addresses of the machine. The service is smtp, "
             "submission, smtps, lmtp, pop3, pop3s, imap, imaps, odmr or managesieve; left out, "
             "it follows from the port (25 and 2525, 587, 465, 24, 110, 995, 143, 993, 366, 4190)."},
    {SERVER, "profile", &setting_type_choice,
     .otherwise = "as profile outside of blocks", .choices = setting_profile_names,
     TO(setting_server, profile),
     .help = "Whose defaults hold for what is not written in this block."},
    {SERVER, "fully-qualified", &setting_type_host,
     .otherwise = "the host", TO(setting_server, host),
     .help = "The name by which this server greets."},
    {SERVER, "greeting", &setting_type_phrase,
     .standard = "mailroot", TO(setting_server, greeting),
     .help = "What follows the name and the protocol in the first line of SMTP."},
    {SERVER, "certificate", &setting_type_certificates,
     .otherwise = "those outside of blocks", .high = 100,
     TO_LIST(setting_server, certificates, certificate_count),
     .help = "Certificates of this server alone, in place of those outside of blocks."},
    {SERVER, "tls", &setting_type_choice,
     .otherwise = "offer with a certificate, none without", .choices = server_tls_choices,
     TO(setting_server, tls),
     .help = "Whether STARTTLS is offered, or required."},
    {SERVER, "tls for", &setting_type_choice,
     .standard = "all", .choices = tls_for_choices, TO(setting_server, tls_for),
     .help = "What TLS is required for: everything, mail (and logging in to a mailbox), or "
             "logging in."},
    {SERVER, "tls minimum", &setting_type_choice,
     .standard = "1.2", .choices = tls_version_choices, TO(setting_server, tls_only_1_3),
     .help = "The oldest version of TLS that is spoken."},
    {SERVER, "tls strength", &setting_type_choice,
     .standard = "128", .choices = tls_strength_choices, TO(setting_server, tls_strength_256),
     .help = "Bits of the weakest cipher that is taken."},
    {SERVER, "tls client-certificate", &setting_type_choice,
     .standard = "none", .choices = client_certificate_choices,
     TO(setting_server, client_certificate),
     .help = "Whether clients are asked for a certificate. require: those without one, or with "
             "one that does not verify, get no TLS."},
    {SERVER, "tls authorities", &setting_type_path,
     .otherwise = "none: no client's certificate verifies",
     TO(setting_server, client_authorities_file),
     .help = "The certificates, in PEM, of the authorities that clients are verified by."},
    {SERVER, "login", &setting_type_words,
     .standard = "tls", .choices = login_words, TO(setting_server, login_words),
     .help = "How users log in. tls: under TLS alone. cleartext: passwords are taken in clear text "
             "too. With neither, mechanisms that do not send the password are offered without TLS "
             "as well. none: nobody logs in. The other words name mechanisms, and then no others "
             "are offered: scram (SCRAM-SHA-256, SCRAM-SHA-1 and their -PLUS forms), plain, login, "
             "external (to clients that show a certificate), oauth (OAUTHBEARER and XOAUTH2, where "
             "oauth says how tokens are checked); and those that are never offered "
             "unless they are named: cram-md5, which needs a key that mailroot user passwd "
             "--allow-cram makes; gssapi (Kerberos, also behind SPNEGO), which needs a keytab; and ntlm "
             "(its second version), which needs gss-ntlmssp installed and a password that mailroot "
             "user passwd --ntlm keeps."},
    {SERVER, "folders", &setting_type_path,
     .otherwise = "none", TO(setting_server, folders),
     .help = "A directory for folders of this server, which are made in it: Pickup, whose files come "
             "in under the limits of this server; Drop (see drop of a domain); BadMail (see badmail "
             "folder). Taken up at the next start."},
    {SERVER, "relay", &setting_type_relay,
     .standard = "logged-in",
     .help = "Who may send to domains that are not ours: who is logged in, these networks too "
             "(only: without those logged in), or nobody. No network is trusted by itself, "
             "loopback neither. all-except: everyone but these networks; that is an open relay to "
             "all others, so it belongs on a server that only one's own network reaches."},
    {SERVER, "relay-users", &setting_type_senders,
     .otherwise = "from everyone", TO(setting_server, relayers),
     .help = "Which of those who are logged in may send to domains that are not ours, where relay "
             "lets them: users (user@example.org), domains (*@example.org) and members of groups "
             "(@group). The others are refused (5.7.1)."},
    {SERVER, "submit", &setting_type_senders,
     .otherwise = "from everyone", TO(setting_server, submitters),
     .help = "Which users may send mail when they are logged in at this server, to whomever. The "
             "others are refused (5.7.1). Who may send without a login, anonymous says."},
    {SERVER, "refuse", &setting_type_peers,
     .otherwise = "none", .high = 10000,
     TO_LIST(setting_server, refused, refused_count),
     .help = "Who is not talked to: networks, and hosts by the name that DNS has for their address "
             "(name, that one; *.name, all below it; *name, both). Whether that name leads back to "
             "the address does not matter here; whom DNS has no name for passes."},
    {SERVER, "admit", &setting_type_peers,
     .otherwise = "everyone", .high = 10000,
     TO_LIST(setting_server, admitted, admitted_count),
     .help = "Who alone is talked to, written as with refuse, which overrules it. A host's name "
             "counts only when it leads back to the host's address; where DNS gives no answer the "
             "host is asked to come again (421)."},
    {SERVER, "reverse-lookup", &setting_type_choice,
     .standard = "off", .choices = on_off_choices, TO(setting_server, names_peers),
     .help = "Whether DNS is asked how it calls each peer of SMTP, and the answer written into "
             "Received: a name that leads back to the address, \"unverified\" and a name that does "
             "not, or \"RDNS failed\". Nobody is refused for it, and it holds up a session for 3 "
             "seconds at most."},
    {SERVER, "proxy", &setting_type_networks,
     .otherwise = "none", .high = 1000,
     TO_LIST(setting_server, proxy_networks, proxy_network_count),
     .help = "Front proxies that begin each connection with the PROXY protocol, version 1 or 2, as "
             "HAProxy does. They have to, and whom they name is the client from then on."},
    {SERVER, "xclient", &setting_type_networks,
     .otherwise = "none", .high = 1000,
     TO_LIST(setting_server, xclient_networks, xclient_network_count),
     .help = "Front proxies that may name their client with XCLIENT, and the user whom they logged "
             "in, as nginx does. SMTP alone."},
    {SERVER, "peer", &setting_type_accounts,
     .otherwise = "none", .high = 1000, TO_LIST(setting_server, peers, peer_count),
     .help = "The accounts of our organisation's other mail servers. Who is logged in as one may use "
             "XEXCH50 and X-LINK2STATE, by which Exchange servers hand each other the properties of "
             "messages and the state of their links. With a routing-group it may also relay: mail "
             "of other groups passes through."},
    {SERVER, "anonymous", &setting_type_choice,
     .standard = "yes", .choices = anonymous_choices, TO(setting_server, needs_login),
     .help = "Whether smtp takes mail from who is not logged in. submission and smtps never do, "
             "lmtp always."},
    {SERVER, "hello-name", &setting_type_choice,
     .standard = "required", .choices = hello_choices, TO(setting_server, needs_hello_name),
     .help = "Whether HELO and EHLO must give a name."},
    {SERVER, "bare-addresses", &setting_type_choice,
     .standard = "refused", .choices = bare_choices, TO(setting_server, takes_bare_addresses),
     .help = "Whether MAIL and RCPT take an address that does not stand in < and >, as some devices "
             "and people at a terminal write it. It is otherwise read as strictly."},
    {SERVER, "verify", &setting_type_choice,
     .standard = "off", .choices = verify_choices, TO(setting_server, verify),
     .help = "Who is told by VRFY whether an address exists. The others always hear 252."},
    {SERVER, "expand", &setting_type_choice,
     .standard = "off", .choices = verify_choices, TO(setting_server, expand),
     .help = "Who is told by EXPN the members of an alias or group."},
    {SERVER, "tarpit", &setting_type_time,
     .standard = "0", .low = 0, .high = MINUTE, TO(setting_server, tarpit_ms),
     .help = "How long a peer that is not logged in waits for each refusal (5xx)."},
    {SERVER, "etrn", &setting_type_etrn,
     .standard = "any",
     .help = "Who may start the delivery of mail that waits for a domain, by ETRN. It goes to the "
             "host that is set for it, never to who asks. any: everyone, but strangers not often "
             "and without being told how much waits. logged-in, which holds when there are "
             "networks alone, and nobody: but for these networks."},
    {SERVER, "limit message", &setting_type_size,
     .standard = "35MB", .low = 0, .high = 2 * GIB, TO(setting_server, max_message_bytes),
     .help = "The largest message taken, 64KB at least. 0: no limit but that of the store, 2GB."},
    {SERVER, "limit append", &setting_type_size,
     .standard = "1GB", .low = 64 * KIB, .high = 16 * GIB, TO(setting_server, max_append_bytes),
     .help = "The largest message that users may put into their mailboxes by IMAP."},
    {SERVER, "limit messages", &setting_type_count,
     .standard = "0", .low = 0, .high = 1000000, TO(setting_server, max_messages),
     .help = "Messages in one session; one more gets 421. 0: no limit."},
    {SERVER, "limit session-size", &setting_type_size,
     .standard = "0", .low = 0, .high = 1024 * TIB, TO(setting_server, max_session_bytes),
     .help = "Bytes of messages in one session; the message that passes it gets 552 and the session "
             "ends. 0: no limit."},
    {SERVER, "limit recipients", &setting_type_count,
     .standard = "1000", .low = 100, .high = 64000, TO(setting_server, max_recipients),
     .help = "Recipients of one message. RFC 5321 asks for 100 at least. What all of them take "
             "together is limited too, so that some 10,000 may be the most: the sender is asked to "
             "send the rest apart (452)."},
    {SERVER, "limit connections", &setting_type_count,
     .standard = "5000", .low = 1, .high = 1000000, TO(setting_server, max_connections),
     .help = "Connections at a time, over all processes."},
    {SERVER, "limit connections-per-address", &setting_type_count,
     .standard = "200", .low = 1, .high = 1000000,
     TO(setting_server, max_connections_per_address),
     .help = "Connections at a time from one address, over all processes."},
    {SERVER, "limit unknown-recipients", &setting_type_count,
     .standard = "20", .low = 0, .high = 1000000, TO(setting_server, free_guesses),
     .help = "Addresses that are none (550) which a network may name before each further answer of "
             "that kind waits, 1, 2, 4 .. 30 s, so that nobody finds out by trying who is here. It "
             "is forgotten 15 minutes after the last. Who is logged in or may relay by his network "
             "is not slowed. 0: nobody is."},
    {SERVER, "limit errors", &setting_type_count,
     .standard = "10", .low = 1, .high = 1000, TO(setting_server, max_errors),
     .help = "Bad commands before the session is ended (421)."},
    {SERVER, "limit hops", &setting_type_count,
     .standard = "30", .low = 5, .high = 100, TO(setting_server, max_hops),
     .help = "Received fields in a message before it is taken to run in a loop."},
    {SERVER, "limit idle", &setting_type_time,
     .standard = "5m", .low = SECOND, .high = DAY, TO(setting_server, idle_ms),
     .help = "Silence before the connection is closed."},
    {SERVER, "limit session", &setting_type_time,
     .standard = "2h", .low = 0, .high = 30 * DAY, TO(setting_server, session_ms),
     .help = "The longest session. 0: no limit."},
    {SERVER, "limit deliver-by", &setting_type_time,
     .standard = "0", .low = 0, .high = DAY, TO(setting_server, least_by_ms),
     .help = "The shortest time that a message may be given before it is to be returned "
             "(DELIVERBY). 0: any."},
    {SERVER, "limit hold", &setting_type_time,
     .standard = "30d", .low = 0, .high = 366 * DAY, TO(setting_server, max_hold_ms),
     .help = "How long a user may have a message held before it is sent (FUTURERELEASE). 0: not "
             "offered."},
    {SERVER, "without", &setting_type_words,
     .otherwise = "nothing", .choices = extension_keywords, TO(setting_server, without),
     .help = "SMTP extensions that are switched off: EHLO does not list them, their verbs are not "
             "known and their parameters refused. They are written as EHLO lists them; VRFY, "
             "EXPN, HELP and TURN are among them. ENHANCEDSTATUSCODES also takes the x.y.z out of "
             "replies."},

    {CONNECTOR, "to", &setting_type_spaces,
     .otherwise = "none, one is needed", .high = 10000,
     TO_LIST(setting_connector, spaces, space_count),
     .help = "The domains it is for: name, that one; *.name, all below it; *name, both; *, all. The "
             "closest pattern wins, whatever it costs. cost N (1 to 100, else 1) is of the domains "
             "written before it: between equally close ones the least is taken, and of equally "
             "dear ones each gets its share. A connector whose hosts are down keeps its mail; one "
             "that does not admit a message (from, accept, reject, only) is for it as if it were "
             "not there. When there are connectors for the domain and none admits it, the message "
             "is returned (5.7.1). relay lets anybody relay to the domains before it, whatever the "
             "servers say."},
    {CONNECTOR, "to-group", &setting_type_arrows,
     .otherwise = "none", .high = 100,
     TO_LIST(setting_connector, arrows, arrow_count),
     .help = "The routing groups that its smart-host belongs to, with the cost of the way (1 to "
             "100, else 1). Mail for what connectors of these groups are for, and of groups behind "
             "them, goes by the cheapest way that is not down, and the servers tell each other of "
             "their links over it; for that the smart-host must know our login as a peer's."},
    {CONNECTOR, "bridgehead", &setting_type_hosts,
     .otherwise = "this server", .high = 100,
     TO_LIST(setting_connector, bridgeheads, bridgehead_count),
     .help = "The members of the routing group that serve it, when the same file is for several. "
             "Mail goes by them; another member does not use it itself."},
    {CONNECTOR, "scope", &setting_type_choice,
     .standard = "organisation", .choices = scope_choices, TO(setting_connector, is_for_group),
     .help = "Who may send by it: the servers of all routing groups, or of ours alone."},
    {CONNECTOR, "from", &setting_type_names,
     .otherwise = "all servers", .high = 100,
     TO_LIST(setting_connector, servers, server_count),
     .help = "The servers whose mail may use it."},
    {CONNECTOR, "accept", &setting_type_senders,
     .otherwise = "from everyone", TO(setting_connector, accepted),
     .help = "Whose mail may use it: users (user@example.org), domains (*@example.org) and members "
             "of groups (@group, of the first domain, or @group@example.org). The sender counts, "
             "and who logged in. Reports, which have no sender, are always admitted."},
    {CONNECTOR, "reject", &setting_type_senders,
     .otherwise = "from nobody", TO(setting_connector, rejected),
     .help = "Whose mail may not. It overrules accept."},
    {CONNECTOR, "only priority", &setting_type_words,
     .otherwise = "any", .choices = urgency_choices, TO(setting_connector, only.urgencies),
     .help = "Messages of these priorities alone: as the sender's MT-PRIORITY is below, at or "
             "above 0."},
    {CONNECTOR, "only size", &setting_type_below,
     .otherwise = "any", TO(setting_connector, only.less_bytes),
     .help = "Smaller messages alone."},
    {CONNECTOR, "only messages", &setting_type_choice,
     .standard = "any", .choices = origin_choices, TO(setting_connector, only.origin),
     .help = "Messages of the system alone (reports and others without a sender), or all but "
             "these."},
    {CONNECTOR, "schedule", &setting_type_schedule,
     .standard = "always", TO(setting_connector, schedule),
     .help = "When its mail is sent, in local time. mon-fri 07:00-20:00: while that lasts. With "
             "every 15m only at its beginning and then so often, and then all that has come until "
             "then. sat at 23:00: once. Several can follow each other. never: only by ETRN or "
             "mailroot queue retry. Meanwhile the times of retry go on."},
    {CONNECTOR, "oversize", &setting_type_oversize,
     .otherwise = "as schedule says",
     .help = "When larger messages are sent, for example: oversize > 10MB send 01:00-05:00."},
    {CONNECTOR, "note", &setting_type_phrase,
     .otherwise = "none", TO(setting_connector, note),
     .help = "For people; mailroot route prints it."},
    {CONNECTOR, "masquerade", &setting_type_host,
     .otherwise = "none", TO(setting_connector, masquerade),
     .help = "The domain that senders of our domains appear to be of (in MAIL FROM). What is "
             "returned goes there, so it should lead to us."},
    {CONNECTOR, "smart-host", &setting_type_smart_hosts,
     .otherwise = "none: by mx", .high = 100,
     TO_LIST(setting_connector, smart_hosts, smart_host_count),
     .help = "The hosts that take the mail: names (looked up without MX) or addresses; port 25 "
             "unless written."},
    {CONNECTOR, "smart-host direct-first", &setting_type_flag,
     .otherwise = "no", TO(setting_connector, is_direct_first),
     .help = "Try the hosts of the domain's MX records first, without a login, and the smart-host "
             "when none of them can be reached."},
    {CONNECTOR, "smart-host tls", &setting_type_means,
     .same_as = "tls", TO(setting_connector, tls),
     .help = "As tls below."},
    {CONNECTOR, "smart-host login", &setting_type_login,
     .same_as = "login", TO(setting_connector, login.user), .help = "As login below."},
    {CONNECTOR, "smart-host secret", &setting_type_secret,
     .same_as = "login secret", TO(setting_connector, login.secret),
     .help = "As login below."},
    {CONNECTOR, "smart-host domain", &setting_type_login,
     .same_as = "login domain", TO(setting_connector, login.domain),
     .help = "As login below."},
    {CONNECTOR, "smart-host keytab", &setting_type_path,
     .same_as = "login keytab", TO(setting_connector, login.keytab_file),
     .help = "As login below."},
    {CONNECTOR, "smart-host tickets", &setting_type_path,
     .same_as = "login tickets", TO(setting_connector, login.tickets_file),
     .help = "As login below."},
    {CONNECTOR, "smart-host token", &setting_type_path,
     .same_as = "login token", TO(setting_connector, login.token_file),
     .help = "As login below."},
    {CONNECTOR, "smart-host mechanism", &setting_type_words,
     .same_as = "login mechanism", .choices = sasl_mechanism_names, TO(setting_connector, login.mechanisms),
     .help = "As login below."},
    {CONNECTOR, "smart-host over", &setting_type_choice,
     .same_as = "login over", .choices = login_over_choices, TO(setting_connector, login.secrecy),
     .help = "As login below."},
    {CONNECTOR, "by", &setting_type_by,
     .otherwise = "mx, without a smart-host", .choices = by_choices,
     .help = "Deliver to the hosts that the domain's MX records name."},
    {CONNECTOR, "by port", &setting_type_port,
     .standard = "25", .low = 1, .high = UINT16_MAX, TO(setting_connector, port),
     .help = "The port to connect to."},
    {CONNECTOR, "tls", &setting_type_means,
     .otherwise = "verify with a login, else offer", TO(setting_connector, tls),
     .help = "none: never. offer: when the other side has it; and where the domain publishes keys "
             "(DANE) or a policy (MTA-STS), no delivery without what they ask for. require: no "
             "delivery without TLS. verify: nor when the certificate is not for the host, by an "
             "authority we know. dane, mta-sts: nor without such keys or such a policy. These "
             "three can be joined by or."},
    {CONNECTOR, "login", &setting_type_login,
     .otherwise = "none", TO(setting_connector, login.user),
     .help = "The user to log in as at the smart-host; for Kerberos a principal. Of the mechanisms "
             "that the host offers and that the rest suffices for the strongest is taken: "
             "SCRAM-SHA-256 and SCRAM-SHA-1 (bound to TLS where possible), GSSAPI, NTLM, "
             "OAUTHBEARER, XOAUTH2, CRAM-MD5, EXTERNAL, PLAIN, LOGIN. A login that fails leaves the "
             "mail waiting, with the host's words in the queue."},
    {CONNECTOR, "login secret", &setting_type_secret,
     .otherwise = "none", TO(setting_connector, login.secret),
     .help = "The file in the secrets directory that holds the password; or a bearer token, when "
             "mechanism allows OAUTHBEARER or XOAUTH2 alone."},
    {CONNECTOR, "login domain", &setting_type_login,
     .otherwise = "none", TO(setting_connector, login.domain),
     .help = "The user's domain, for NTLM."},
    {CONNECTOR, "login keytab", &setting_type_path,
     .otherwise = "none", TO(setting_connector, login.keytab_file),
     .help = "The keytab with the user's Kerberos key, for GSSAPI. The user that the sender runs as "
             "must be able to read it."},
    {CONNECTOR, "login tickets", &setting_type_path,
     .otherwise = "none", TO(setting_connector, login.tickets_file),
     .help = "Instead of a keytab, the credential cache that something else keeps filled."},
    {CONNECTOR, "login token", &setting_type_path,
     .otherwise = "none", TO(setting_connector, login.token_file),
     .help = "The file with a bearer token, for OAUTHBEARER and XOAUTH2. It is read anew for each "
             "login, so that something else may keep it fresh."},
    {CONNECTOR, "login mechanism", &setting_type_words,
     .otherwise = "any", .choices = sasl_mechanism_names, TO(setting_connector, login.mechanisms),
     .help = "The mechanisms that may be used."},
    {CONNECTOR, "login over", &setting_type_choice,
     .standard = "verified-tls", .choices = login_over_choices,
     TO(setting_connector, login.secrecy),
     .help = "What a password or token that is shown to the host (PLAIN, LOGIN, OAUTHBEARER, "
             "XOAUTH2) may go over: TLS with a certificate that was verified (see tls), any TLS, "
             "or anything. A host at a loopback address always gets it."},
    {CONNECTOR, "certificate", &setting_type_certificates,
     .otherwise = "none", .high = 1,
     TO_LIST(setting_connector, certificates, certificate_count),
     .help = "The certificate with its chain, and the key, in PEM, that are shown to the hosts in "
             "TLS. To log in by it too, write login mechanism EXTERNAL, or login USER when the host "
             "wants to be told."},
    {CONNECTOR, "x-exps", &setting_type_choice,
     .standard = "never", .choices = exps_choices, TO(setting_connector, exps),
     .help = "Whether to log in by X-EXPS, which makes us a server of the host's organisation. try: "
             "where the host offers it, going on anonymously (with a line in the log) when that "
             "does not lead to a login. require: or not at all."},
    {CONNECTOR, "hold", &setting_type_hold,
     .otherwise = "sent as soon as can be",
     .help = "Its mail waits until it is asked for: by ETRN, and with accounts also by TURN or "
             "ATRN over a connection on which one of them is logged in. Each account gets all of "
             "the connector's domains. Meanwhile the times of retry go on: the sender is told of "
             "the delay, and at last that it is given up."},
    {CONNECTOR, "hello", &setting_type_choice,
     .standard = "ehlo", .choices = client_hello_choices, TO(setting_connector, says_helo),
     .help = "With which word to greet. Where EHLO is refused HELO is tried anyway; helo is for "
             "what stumbles over the attempt. It does without every extension, TLS too."},
    {CONNECTOR, "hello as", &setting_type_host,
     .otherwise = "as the host", TO(setting_connector, our_host),
     .help = "The name to greet with, for example that of the server whose mail this connector is "
             "for (see from)."},
    {CONNECTOR, "dns", &setting_type_resolvers,
     .otherwise = "those of dns outside of blocks", .high = 8,
     TO_LIST(setting_connector, dns_servers, dns_server_count),
     .help = "The resolvers to ask for its hosts, for example those outside where internal ones do "
             "not know the Internet. What they say is validated by the same keys: answers of a "
             "resolver on another machine, or with dns trust-anchor of any, are; those of one on this "
             "machine are believed, and prove nothing (no DANE)."},
    {CONNECTOR, "request etrn", &setting_type_nodes,
     .otherwise = "nothing", .high = 100,
     TO_LIST(setting_connector, request.nodes, request.node_count),
     .help = "Ask the smart-host by ETRN to send us what it holds for these domains (@domain: with "
             "all below it, \"#name\": a queue of its own), whenever mail is sent to it."},
    {CONNECTOR, "request atrn", &setting_type_atrn,
     .otherwise = "nothing",
     .help = "Log in at the smart-host and fetch by ATRN, or TURN where it knows but that, what it "
             "holds for us, or for these domains alone. It comes in as mail from that host does."},
    {CONNECTOR, "request at", &setting_type_smart_host,
     .otherwise = "the smart-host", TO(setting_connector, request.at),
     .help = "Ask another host than the one that mail is sent to."},
    {CONNECTOR, "request every", &setting_type_time,
     .standard = "0", .low = 0, .high = 7 * DAY, TO(setting_connector, request.every_ms),
     .help = "Ask at the start and then so often, whether there is mail to send or not. 0: only "
             "when mail is sent."},
    {CONNECTOR, "limit connections", &setting_type_count,
     .standard = "20", .low = 1, .high = 10000, TO(setting_connector, max_connections),
     .help = "Connections to one host at a time."},
    {CONNECTOR, "limit messages", &setting_type_count,
     .standard = "100", .low = 1, .high = 1000000, TO(setting_connector, max_messages),
     .help = "Messages sent over one connection; the next goes over a new one."},
    {CONNECTOR, "limit recipients", &setting_type_count,
     .standard = "100", .low = 1, .high = 100000, TO(setting_connector, max_recipients),
     .help = "Recipients named at once; the message is sent again for the rest. Every host must "
             "take 100 (RFC 5321 4.5.3.1.8), and is believed when it takes fewer."},
    {CONNECTOR, "timeout connect", &setting_type_time,
     .standard = "30s", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.connect_ms),
     .help = "How long a connection may take to come about. The other times are those of RFC 5321 "
             "4.5.3.2, and each ends the attempt, which is repeated later."},
    {CONNECTOR, "timeout greeting", &setting_type_time,
     .standard = "5m", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.greeting_ms),
     .help = "For the greeting of the host."},
    {CONNECTOR, "timeout hello", &setting_type_time,
     .standard = "5m", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.hello_ms),
     .help = "For the answer to EHLO or HELO."},
    {CONNECTOR, "timeout starttls", &setting_type_time,
     .standard = "2m", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.starttls_ms),
     .help = "For the answer to STARTTLS, and for the handshake."},
    {CONNECTOR, "timeout login", &setting_type_time,
     .standard = "2m", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.login_ms),
     .help = "For each answer of a login."},
    {CONNECTOR, "timeout mail", &setting_type_time,
     .standard = "5m", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.mail_ms),
     .help = "For the answer to MAIL."},
    {CONNECTOR, "timeout rcpt", &setting_type_time,
     .standard = "5m", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.rcpt_ms),
     .help = "For the answer to each RCPT."},
    {CONNECTOR, "timeout data", &setting_type_time,
     .standard = "2m", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.data_ms),
     .help = "For the answers to DATA and XEXCH50."},
    {CONNECTOR, "timeout block", &setting_type_time,
     .standard = "3m", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.block_ms),
     .help = "For each 32 KiB of a message to be taken."},
    {CONNECTOR, "timeout end", &setting_type_time,
     .standard = "10m", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.end_ms),
     .help = "For the answer to a whole message. A short time makes for mail delivered twice."},
    {CONNECTOR, "timeout reset", &setting_type_time,
     .standard = "2m", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.reset_ms),
     .help = "For the answer to RSET."},
    {CONNECTOR, "timeout quit", &setting_type_time,
     .standard = "5s", .low = SECOND, .high = HOUR, TO(setting_connector, timeouts.quit_ms),
     .help = "For the answer to QUIT, which nothing depends on."},
    {CONNECTOR, "without", &setting_type_words,
     .otherwise = "nothing", .choices = extension_keywords, TO(setting_connector, without),
     .help = "SMTP extensions that are not used even when the other side offers them: for hosts "
             "and firewalls that offer what they cannot do."},

    {POLICY, "tls", &setting_type_means,
     .otherwise = "as the connector says", TO(setting_policy, tls),
     .help = "As tls of a connector. Where both are set the stricter one holds."},

    {GROUP, "organisation", &setting_type_name,
     .standard = "first-organisation", TO(setting_group, organisation),
     .help = "What servers of another one tell is not heeded."},
    {GROUP, "server", &setting_type_host,
     .otherwise = "the host", TO(setting_group, self),
     .help = "Which of the members this server is."},
    {GROUP, "member", &setting_type_members,
     .otherwise = "this server alone", .high = 256,
     TO_LIST(setting_group, members, member_count),
     .help = "A server of the group. at: where it takes link states (listen link-state), else port "
             "691 of that name. mail: where it takes mail, else port 25 of that name. All members "
             "should have the same list."},
    {GROUP, "master", &setting_type_host,
     .otherwise = "the first member", TO(setting_group, master),
     .help = "The member that counts up the group's version and tells the others. When it fails "
             "they go on with what they know; to move it, write another name at that server."},
    {GROUP, "login", &setting_type_login,
     .otherwise = "none", TO(setting_group, login_user),
     .help = "The account to log in with at the other members, by SCRAM alone, because it proves "
             "both sides to each other. There it must be a peer of the server that listens."},
    {GROUP, "login secret", &setting_type_secret,
     .otherwise = "none", TO(setting_group, login_secret),
     .help = "The file in the secrets directory that holds its password."},
    {GROUP, "tls", &setting_type_means,
     .otherwise = "verify, but offer to loopback addresses", TO(setting_group, tls),
     .help = "As tls of a connector, towards the other members."},
    {GROUP, "link-state", &setting_type_choice,
     .standard = "report", .choices = link_choices, TO(setting_group, suppresses),
     .help = "suppress: tell nobody that connectors go down or come up, and take all as up; what "
             "is added, changed or removed is still told. For all servers of the organisation."},
    {GROUP, "link-state check", &setting_type_time,
     .standard = "5m", .low = SECOND, .high = HOUR, TO(setting_group, check_ms),
     .help = "How often a server compares what it knows with the others, without news."},
    {GROUP, "link-state retry", &setting_type_time,
     .standard = "60s", .low = SECOND, .high = HOUR, TO(setting_group, retry_ms),
     .help = "How often a connector that is down, or a server that does not answer, is tried "
             "again, with mail or without."},
    {RECIPIENTS, "priority", &setting_type_count,
     .standard = "100", .low = 1, .high = 10000, TO(setting_recipients, priority),
     .help = "Which of several counts: the lowest."},
    {RECIPIENTS, "for", &setting_type_filter,
     .otherwise = "all users", TO(setting_recipients, filter),
     .help = "The users it means, by a search filter (RFC 4515) about what mailroot directory set "
             "says of them, for example \"(&(department=sales)(!(city=Oslo)))\"."},
    {RECIPIENTS, "address", &setting_type_templates,
     .otherwise = "none", .high = 20,
     TO_LIST(setting_recipients, templates, template_count),
     .help = "Templates of addresses in domains of ours, the first for the primary one. %m is the "
             "user's own local part, %g the given name, %i initials, %s the surname, %d the display "
             "name; %1g its first letter, %3s the first three; %rxy makes y of each x behind it, "
             "%rxx leaves x out; %% is a per cent sign. @example.org alone is short for "
             "%m@example.org. What a local part cannot hold is left out, accents are dropped, and "
             "with a name that is not known no address is made."},

    {RETRY, "glitch", &setting_type_time,
     .standard = "1m", .low = SECOND, .high = HOUR, TO(setting_retry, glitch_ms),
     .help = "The wait after each of the first failures to connect."},
    {RETRY, "glitch times", &setting_type_repeat,
     .standard = "x3", .low = 0, .high = 100, TO(setting_retry, glitch_count),
     .help = "How many failures are taken for a glitch."},
    {RETRY, "after", &setting_type_times,
     .standard = "10m 10m 10m then 15m", .low = SECOND, .high = 7 * DAY,
     TO_LIST(setting_retry, after_ms, after_count),
     .help = "The waits after that, one by one; the last is repeated."},
    {RETRY, "delay-notice", &setting_type_time,
     .standard = "12h", .low = 0, .high = 30 * DAY, TO(setting_retry, delay_notice_ms),
     .help = "When the sender is told that the message is late. 0: never."},
    {RETRY, "expire", &setting_type_time,
     .standard = "2d", .low = SECOND, .high = 60 * DAY, TO(setting_retry, expire_ms),
     .help = "When the message is given up and returned."},
    {RETRY, "local delay-notice", &setting_type_time,
     .standard = "12h", .low = 0, .high = 30 * DAY, TO(setting_retry, local_notice_ms),
     .help = "The same for mail of our own domains that waits because it can't be written into its "
             "folder (see drop of a domain); that is tried again each minute. Mail for a mailbox "
             "never waits: it is there when it is accepted, or else its sender keeps it (4xx). "
             "0: never."},
    {RETRY, "local expire", &setting_type_time,
     .standard = "2d", .low = SECOND, .high = 60 * DAY, TO(setting_retry, local_expire_ms),
     .help = "When such a message is given up and returned."},
};
const unsigned setting_row_count = sizeof(setting_rows) / sizeof(*setting_rows);

const struct setting_later setting_laters[] = {
    {KIND_TOP, "acme"}, {KIND_TOP, "journal"}, {KIND_TOP, "metrics"},
    {KIND_TOP, "log session"}, {KIND_TOP, "sink"},
    {KIND_DOMAIN, "users"}, {KIND_DOMAIN, "authoritative"},
    {KIND_SERVER, "filter"}, {KIND_SERVER, "sender"},
    {KIND_POLICY, "format"}, {KIND_POLICY, "allow"}, {KIND_POLICY, "deny"}, {KIND_POLICY, "use"},
    {KIND_RETRY, "hops"},
};
const unsigned setting_later_count = sizeof(setting_laters) / sizeof(*setting_laters);
/* clang-format on */

struct text setting_row_statement(const struct setting_row *row)
{
    return text_before(text_from(row->name), ' ');
}

struct text setting_row_clause(const struct setting_row *row)
{
    return text_after(text_from(row->name), ' ');
}

const struct setting_row *setting_kind_rows(enum setting_kind_id kind, unsigned *count)
{
    const struct setting_row *first = NULL;
    *count = 0;
    for (unsigned i = 0; i < setting_row_count; i++) {
        if (setting_rows[i].kind != kind)
            continue;
        if (first == NULL)
            first = &setting_rows[i];
        (*count)++;
    }
    return first;
}

const struct setting_row *setting_row_find(enum setting_kind_id kind, struct text statement,
                                           struct text clause)
{
    for (unsigned i = 0; i < setting_row_count; i++) {
        const struct setting_row *row = &setting_rows[i];
        if (row->kind == kind && text_equals(setting_row_statement(row), statement) &&
            text_equals(setting_row_clause(row), clause))
            return row;
    }
    return NULL;
}

const struct setting_row *setting_row_kept(const struct setting_row *row)
{
    if (row->same_as == NULL)
        return row;
    struct text name = text_from(row->same_as);
    return setting_row_find(row->kind, text_before(name, ' '), text_after(name, ' '));
}

bool setting_statement_exists(enum setting_kind_id kind, struct text statement)
{
    for (unsigned i = 0; i < setting_row_count; i++) {
        if (setting_rows[i].kind == kind &&
            text_equals(setting_row_statement(&setting_rows[i]), statement))
            return true;
    }
    return false;
}

bool setting_is_later(enum setting_kind_id kind, struct text statement, struct text word)
{
    for (unsigned i = 0; i < setting_later_count; i++) {
        struct text name = text_from(setting_laters[i].name);
        if (setting_laters[i].kind == kind && text_equals(text_before(name, ' '), statement) &&
            text_equals(text_after(name, ' '), word))
            return true;
    }
    return false;
}
