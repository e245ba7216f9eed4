/* The rows of connectors, and of policies towards other domains. */
#include "settings/rows.h"

#include "settings/extensions.h"
#include "settings/mechanisms.h"
#include "settings/settings.h"
#include "settings/types.h"

static const char *const login_over_choices[] = {"verified-tls", "tls", "anything", NULL};
static const char *const exps_choices[] = {"never", "try", "require", NULL};
static const char *const client_hello_choices[] = {"ehlo", "helo", NULL};
static const char *const urgency_choices[] = {"low", "normal", "high", NULL};
static const char *const origin_choices[] = {"any", "system", "non-system", NULL};
static const char *const scope_choices[] = {"organisation", "group", NULL};
static const char *const by_choices[] = {"mx", NULL};

static const char *const policy_choices[] = {[POLICY_DELIVERY_REPORTS] = "delivery-reports",
                                             [POLICY_NON_DELIVERY_REPORTS] = "non-delivery-reports",
                                             [POLICY_OUT_OF_OFFICE] = "out-of-office",
                                             [POLICY_AUTOMATIC_REPLY] = "automatic-reply",
                                             NULL};

/* clang-format off */
static const struct setting_row connector_rows[] = {
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
};
const struct setting_rows setting_connector_rows = ROWS_OF(connector_rows);

static const struct setting_row policy_rows[] = {
    {POLICY, "tls", &setting_type_means,
     .otherwise = "as the connector says", TO(setting_policy, tls),
     .help = "As tls of a connector. Where both are set the stricter one holds."},
    {POLICY, "deny", &setting_type_words,
     .otherwise = "nothing", .choices = policy_choices, TO(setting_policy, deny),
     .help = "What is not sent to the domain: reports that mail was delivered or passed on, reports "
             "that it was not or is late, the answers of who is out of office, and those of users' "
             "scripts. What is not sent is told in the story of the message. Our own domains get "
             "all of it."},
    {POLICY, "allow", &setting_type_words,
     .otherwise = "all that is not denied", .choices = policy_choices, TO(setting_policy, allow),
     .help = "What is sent all the same, though deny names it here or in the profile."},
};
const struct setting_rows setting_policy_rows = ROWS_OF(policy_rows);
/* clang-format on */
