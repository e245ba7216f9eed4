/* The rows of virtual servers. */
#include "settings/rows.h"

#include "settings/extensions.h"
#include "settings/mechanisms.h"
#include "settings/settings.h"
#include "settings/types.h"

static const char *const on_off_choices[] = {"off", "on", NULL};
static const char *const server_tls_choices[] = {"none", "offer", "require", NULL};
static const char *const verify_choices[] = {"off", "logged-in", "on", NULL};
static const char *const bare_choices[] = {"refused", "taken", NULL};
static const char *const resolve_choices[] = {"nobody", "logged-in", "everyone", NULL};
static const char *const unknown_choices[] = {"refuse", "report", NULL};
static const char *const hello_choices[] = {"optional", "required", NULL};
static const char *const anonymous_choices[] = {"yes", "no", NULL};
static const char *const tls_for_choices[] = {"all", "mail", "login", NULL};
static const char *const tls_version_choices[] = {"1.2", "1.3", NULL};
static const char *const tls_strength_choices[] = {"128", "256", NULL};
static const char *const client_certificate_choices[] = {"none", "ask", "require", NULL};

#define OF_RETRY "as the retry block says"

/* clang-format off */
static const struct setting_row server_rows[] = {
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
    {SERVER, "log", &setting_type_log,
     .otherwise = "as log session outside of blocks", .low = 64 * KIB, .high = TIB,
     TO(setting_server, log.form),
     .help = "The protocol log of this server: its format, and when a new file begins. Sessions to "
             "other hosts are in the log of the first server that their connector names (from), or "
             "else of the first that takes smtp and has one."},
    {SERVER, "log keep", &setting_type_time,
     .otherwise = "as log keep outside of blocks", .low = 0, .high = 3650 * DAY,
     TO(setting_server, log.keep_ms),
     .help = "As log keep outside of blocks, which also explains what follows."},
    {SERVER, "log directory", &setting_type_path,
     .otherwise = "as log directory outside of blocks", TO(setting_server, log.directory),
     .help = "Where this server's directories are made. Taken up at the next start."},
    {SERVER, "log zone", &setting_type_choice,
     .otherwise = "as log zone outside of blocks", .choices = protolog_zones,
     TO(setting_server, log.is_local),
     .help = "By which time files are named and rows dated."},
    {SERVER, "log fields", &setting_type_words,
     .otherwise = "as log fields outside of blocks", .choices = protolog_field_names,
     TO(setting_server, log.fields),
     .help = "What a line of w3c has."},
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
    {SERVER, "resolve-senders", &setting_type_choice,
     .standard = "nobody", .choices = resolve_choices, TO(setting_server, resolves),
     .help = "Whose mail gets, when its From is a user of ours or a contact (mailroot directory set), "
             "the display name that the directory has for him: that of those who are logged in, or also everyone else's. With everyone a "
             "stranger who writes under a user's address looks like him, and signatures over From "
             "break where the name changes."},
    {SERVER, "unknown-recipients", &setting_type_choice,
     .standard = "refuse", .choices = unknown_choices, TO(setting_server, reports_unknown),
     .help = "What who is logged in is told of recipients of our domains whom nobody knows. refuse: "
             "at once (550 5.1.1), as strangers always are. report: nothing then; the message is taken "
             "for the others, and a report comes back."},
    {SERVER, "filter", &setting_type_filter_uses,
     .otherwise = "none", .high = 100, TO_LIST(setting_server, filters, filter_count),
     .help = "Which filters (see the block filter) are applied to what strangers send by smtp: "
             "connection, sender, recipient, spf, sender-id; at some of its listeners, written as listen has them, "
             "or at all. For example: filter sender recipient connection at 192.0.2.10:25."},
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
    {SERVER, "retry glitch", &setting_type_time, .otherwise = OF_RETRY,
     .low = SECOND, .high = HOUR, TO(setting_server, retry.glitch_ms),
     .help = "These are of the mail that came in by this server, and mean what those of the retry "
             "block do: retry glitch 30s x5 after 5m then 1h. What is not written here is as that "
             "block has it, or, when the server has a profile of its own, as that profile has it. "
             "A message keeps the intervals of its server while there is one of that name; then "
             "it has those of the block. Mail of several servers for one host waits apart when "
             "their intervals differ, and goes together once the host answers."},
    {SERVER, "retry times", &setting_type_repeat, .otherwise = OF_RETRY,
     .low = 0, .high = 100, TO(setting_server, retry.glitch_count),
     .help = "How many failures are taken for a glitch."},
    {SERVER, "retry after", &setting_type_times, .otherwise = OF_RETRY,
     .low = SECOND, .high = 7 * DAY, TO_LIST(setting_server, retry.after_ms, retry.after_count),
     .help = "The waits after that, one by one; the last is repeated."},
    {SERVER, "retry delay-notice", &setting_type_time, .otherwise = OF_RETRY,
     .low = 0, .high = 30 * DAY, TO(setting_server, retry.delay_notice_ms),
     .help = "When the sender is told that the message is late. 0: never."},
    {SERVER, "retry expire", &setting_type_time, .otherwise = OF_RETRY,
     .low = SECOND, .high = 60 * DAY, TO(setting_server, retry.expire_ms),
     .help = "When the message is given up and returned."},
    {SERVER, "retry local-delay-notice", &setting_type_time, .otherwise = OF_RETRY,
     .low = 0, .high = 30 * DAY, TO(setting_server, retry.local_notice_ms),
     .help = "As local delay-notice of the retry block."},
    {SERVER, "retry local-expire", &setting_type_time, .otherwise = OF_RETRY,
     .low = SECOND, .high = 60 * DAY, TO(setting_server, retry.local_expire_ms),
     .help = "As local expire of the retry block."},
    {SERVER, "without", &setting_type_words,
     .otherwise = "nothing", .choices = extension_keywords, TO(setting_server, without),
     .help = "SMTP extensions that are switched off: EHLO does not list them, their verbs are not "
             "known and their parameters refused. They are written as EHLO lists them; VRFY, "
             "EXPN, HELP and TURN are among them. ENHANCEDSTATUSCODES also takes the x.y.z out of "
             "replies."},
};
const struct setting_rows setting_server_rows = ROWS_OF(server_rows);
/* clang-format on */
