/* The rows outside of blocks. */
#include "settings/rows.h"

#include "settings/charsets.h"
#include "settings/settings.h"
#include "settings/types.h"

static const char *const sandbox_choices[] = {"required", "preferred", "off", NULL};
static const char *const on_off_choices[] = {"off", "on", NULL};
static const char *const log_choices[] = {"debug", "info", "warning", NULL};

/* clang-format off */
static const struct setting_row top_rows[] = {
    {TOP, "host", &setting_type_host,
     .otherwise = "none, it must be set", TO(settings, host),
     .help = "The name by which this machine greets others. It should resolve to its address, and "
             "the address back to it."},
    {TOP, "profile", &setting_type_choice,
     .standard = "internet", .choices = setting_profile_names, TO(settings, profile),
     .help = "Whose defaults hold for what is not written: internet are those of this page; "
             "exchange2003 and iis6 are those of the servers of that name (see PROFILES). A server "
             "may have another."},
    {TOP, "role", &setting_type_choice,
     .standard = "all", .choices = setting_role_names, TO(settings, role),
     .help = "Which part of the work this server does, when there are several: front-end takes mail "
             "in, bridgehead moves it between groups and to the outside, mailbox has the mailboxes. "
             "Each has its own defaults (see ROLES)."},
    {TOP, "data", &setting_type_path,
     .standard = "/var/lib/mailroot", TO(settings, data_directory),
     .help = "The directory of queue, mailboxes and directory."},
    {TOP, "queue", &setting_type_path,
     .otherwise = "the data directory", TO(settings, queue_directory),
     .help = "The directory in which the queue is, with the mailboxes, which are one with it (in "
             "store). To move it write another one here and start mailroot anew: what was there is "
             "moved, also to another file system, and a move that is cut short goes on at the next "
             "start. It needs twice the room only on another file system, and until it is done."},
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
    {TOP, "memory", &setting_type_size,
     .standard = "0", .low = 0, .high = 1024 * TIB, TO(settings, memory),
     .help = "What all processes of the server together may hold in memory of their own, 96MB at "
             "least: of sixteen parts the store has seven, those that speak to clients four, the "
             "directory three and the sender two. Near the limit new sessions are asked to come later, "
             "then new mail (452), then what needs much, as opening or sorting a large mailbox; "
             "what was begun goes on. mailroot status shows what is held. The caches of the "
             "indexes get their size from it at the next start. 0: three quarters of what the "
             "machine has, or the control group that the server is in."},
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
    {TOP, "log session", &setting_type_log,
     .standard = "off", .low = 64 * KIB, .high = TIB, TO(settings, protolog.form),
     .help = "The protocol log: files in which each command of a client is a line, with its answer "
             "and what it took, and so are the commands and replies of our sessions to other hosts. "
             "This is what holds for servers that do not say log themselves. w3c, iis and ncsa are "
             "the formats of Microsoft's servers; behind it stands when a new file begins. Of mailbox "
             "protocols it has what was said until the login. Passwords, and what else is said "
             "to log in, are never in it. Rows that a slow or full disk does not take are "
             "left out and counted; mail does not wait for them."},
    {TOP, "log keep", &setting_type_time,
     .standard = "30d", .low = 0, .high = 3650 * DAY, TO(settings, protolog.keep_ms),
     .help = "Files that were last written so long ago are removed when the next begins. 0: never."},
    {TOP, "log directory", &setting_type_path,
     .otherwise = "log in the data directory", TO(settings, protolog.directory),
     .help = "Each server has a directory of its own in it, for each protocol: SMTPSVC, POP3SVC, "
             "IMAP4SVC or SIEVESVC and the name of the server. Another one is taken up at the next "
             "start."},
    {TOP, "log zone", &setting_type_choice,
     .otherwise = "utc for w3c, else local", .choices = protolog_zones,
     TO(settings, protolog.is_local),
     .help = "By which time files are named and rows dated."},
    {TOP, "log fields", &setting_type_words,
     .standard = "time c-ip cs-method cs-uri-stem sc-status", .choices = protolog_field_names,
     TO(settings, protolog.fields),
     .help = "What a line of w3c has: date, time, c-ip (the client, or the other host), cs-username "
             "(who logged in, else how he greeted; OutboundConnectionCommand or -Response in our own "
             "sessions), s-sitename, s-computername, s-ip, s-port, cs-method (the verb), cs-uri-stem, "
             "cs-uri-query (what stood behind it), sc-status (of the reply), sc-win32-status, sc-bytes, "
             "cs-bytes, time-taken (milliseconds), cs-version, cs-host, cs(User-Agent), cs(Cookie), "
             "cs(Referer), or all. They stand in this order."},
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
    {TOP, "default-charset", &setting_type_charset,
     .standard = "windows-1252", .choices = setting_charset_names, TO(settings, default_charset),
     .help = "What text and header fields are read as that name no charset, or one that is not "
             "known, and are not UTF-8: to be searched, sorted, shown as a preview or told in a "
             "report, and by Sieve. Messages themselves are given as they came. A domain and a user "
             "may have another (mailroot user set): a session begins with that of who logged in, Sieve "
             "has the recipient's, a report its own recipient's. After a change searches find at once what "
             "they should; messages in the index of words to which it matters are looked through "
             "anew meanwhile: mailroot search status tells how many are left."},
    {TOP, "copy", &setting_type_copy,
     .otherwise = "none", TO(settings, report_copy),
     .help = "Who gets a copy of each report of a failure that is sent."},
    {TOP, "reports texts", &setting_type_path,
     .otherwise = "those that are shipped", TO(settings, report_texts_folder),
     .help = "A directory of files that say in which words delivery reports are written, one for "
             "each language: de.txt, pt-BR.txt (see REPORT TEXTS). They are read anew by mailroot "
             "reload."},
    {TOP, "reports language", &setting_type_word,
     .standard = "en", TO(settings, report_language),
     .help = "The language of reports to those of whom no other is known. It is the sender's own if "
             "he is a user who has set one (mailroot user set ADDRESS language), else that of the "
             "fields Accept-Language and Content-Language of his message, else that of his domain "
             "(language). en, de, fr, es and ja are shipped."},
    {TOP, "reports bilingual", &setting_type_choice,
     .standard = "off", .choices = on_off_choices, TO(settings, reports_are_bilingual),
     .help = "on: what a report says in another language it says once more in English."},
    {TOP, "reports original", &setting_type_size,
     .standard = "256KB", .low = 0, .high = 512 * KIB, TO(settings, report_original_bytes),
     .help = "Of a larger message a report returns the header alone, as it does when nothing failed "
             "or the sender asked for that (RET=HDRS). 0: of every message."},
    {TOP, "reports limit", &setting_type_count,
     .standard = "200", .low = 0, .high = 1000000, TO(settings, report_limit),
     .help = "How many reports one address outside of our domains is sent in the time of within. "
             "Further ones are not written: their messages came with a forged sender as a rule, and "
             "he would be flooded. The story of each message tells of it. Our own users get all. 0: "
             "no limit."},
    {TOP, "reports within", &setting_type_time,
     .standard = "1h", .low = SECOND, .high = 30 * DAY, TO(settings, report_limit_ms),
     .help = "The time that limit is of. It begins with the first report to the address, and anew "
             "when the server is started."},
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
};
const struct setting_rows setting_top_rows = ROWS_OF(top_rows);
/* clang-format on */
