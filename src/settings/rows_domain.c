/* The rows of domains, recipient policies, the routing group and retries. */
#include "settings/rows.h"

#include "settings/charsets.h"
#include "settings/settings.h"
#include "settings/types.h"

static const char *const on_off_choices[] = {"off", "on", NULL};
static const char *const when_full_choices[] = {"later", "refuse", NULL};
static const char *const body_choices[] = {"both", "plain", "html", NULL};
static const char *const sizes_choices[] = {"exact", "fast", NULL};
static const char *const public_choices[] = {"hidden", "listed", NULL};
static const char *const link_choices[] = {"report", "suppress", NULL};

/* clang-format off */
static const struct setting_row domain_rows[] = {
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

    {DOMAIN, "language", &setting_type_word,
     .otherwise = "that of reports", TO(setting_domain, language),
     .help = "The language of delivery reports to its users who have set none. See reports "
             "language."},
    {DOMAIN, "default-charset", &setting_type_charset,
     .standard = SETTING_CHARSET_OF_SERVER, .choices = setting_domain_charset_names,
     TO(setting_domain, default_charset),
     .help = "What its users' text without a charset is read as; server: as default-charset of the "
             "server says, where more is told of it. A user may have another: mailroot user set."},
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
             "alone, where there is one; what is signed or encrypted stays whole. A user may have it "
             "otherwise: mailroot user set."},
    {DOMAIN, "pop3 sizes", &setting_type_choice,
     .standard = "exact", .choices = sizes_choices, TO(setting_domain, pop3_fast_sizes),
     .help = "Sizes of messages that pop3 body makes smaller. exact: those of what is given, so that "
             "a new message is read once more when a session begins. fast: those of the whole "
             "message. All other sizes are always exact."},
    {DOMAIN, "imap body", &setting_type_choice,
     .standard = "both", .choices = body_choices, TO(setting_domain, imap_body),
     .help = "What IMAP shows of a text that came as plain text and as HTML. plain, html: that kind "
             "alone, as with pop3 body. Most programs show the kind their user wants by themselves: "
             "both is right for them. The next sessions of a user whose choice changed tell other "
             "UIDVALIDITYs, so that programs fetch all mailboxes anew. Searches look through all of "
             "each message, and copies are copies of all of it. A user may have it otherwise: "
             "mailroot user set."},
    {DOMAIN, "imap sizes", &setting_type_choice,
     .standard = "exact", .choices = sizes_choices, TO(setting_domain, imap_fast_sizes),
     .help = "Sizes of messages that imap body makes smaller. exact: those of what is shown, so that "
             "a new message is read once more when its size is asked for. fast: those of the whole "
             "message; a program that takes them at their word may misread. All other sizes are "
             "always exact."},
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
};
const struct setting_rows setting_domain_rows = ROWS_OF(domain_rows);

static const struct setting_row recipients_rows[] = {
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
};
const struct setting_rows setting_recipients_rows = ROWS_OF(recipients_rows);

static const struct setting_row group_rows[] = {
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
};
const struct setting_rows setting_group_rows = ROWS_OF(group_rows);

static const struct setting_row retry_rows[] = {
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
const struct setting_rows setting_retry_rows = ROWS_OF(retry_rows);
/* clang-format on */
