/* Every reply of the SMTP server, in one table. Codes and enhanced codes (RFC 3463) are the
 * contract; the words are for people. */
#ifndef PROTO_SMTP_ANSWERS_H
#define PROTO_SMTP_ANSWERS_H

#include <stdbool.h>

enum smtp_answer {
    SMTP_OK,
    SMTP_STATUS,
    SMTP_CLOSING,
    SMTP_READY_FOR_TLS,
    SMTP_LOGGED_IN,
    SMTP_HELP,
    SMTP_SENDER_OK,
    SMTP_PRIORITY_CHANGED,
    SMTP_RECIPIENT_OK,
    SMTP_VERIFIED,
    SMTP_WILL_FORWARD,
    SMTP_CANNOT_VERIFY,
    SMTP_GO_AHEAD,
    SMTP_CHUNK_OK,
    SMTP_MESSAGE_ACCEPTED,
    SMTP_SILENT,
    SMTP_TOO_OLD,
    SMTP_SHUTDOWN,
    SMTP_MANY_ERRORS,
    SMTP_MANY_MESSAGES,
    SMTP_MANY_CONNECTIONS,
    SMTP_MANY_LOGINS,
    SMTP_NOT_NOW,
    SMTP_NO_SPACE,
    SMTP_MANY_RECIPIENTS,
    SMTP_NO_TLS_NOW,
    SMTP_LOGIN_LATER,
    SMTP_LINE_TOO_LONG,
    SMTP_BAD_LINE,
    SMTP_UNKNOWN_COMMAND,
    SMTP_NOT_IMPLEMENTED,
    SMTP_BAD_ARGUMENTS,
    SMTP_BAD_NAME,
    SMTP_BAD_SENDER,
    SMTP_BAD_RECIPIENT,
    SMTP_BAD_BASE64,
    SMTP_LOGIN_CANCELLED,
    SMTP_HELD_TOO_LONG,
    SMTP_HELLO_FIRST,
    SMTP_MAIL_FIRST,
    SMTP_RCPT_FIRST,
    SMTP_NESTED_MAIL,
    SMTP_BDAT_BEGUN,
    SMTP_IN_TRANSACTION,
    SMTP_ALREADY_LOGGED_IN,
    SMTP_ALREADY_TLS,
    SMTP_BINARY_BY_BDAT,
    SMTP_NOT_NOW_COMMAND,
    SMTP_UNKNOWN_MECHANISM,
    SMTP_NO_SUCH_VERB,
    SMTP_TLS_FIRST,
    SMTP_LOGIN_FIRST,
    SMTP_LOGIN_FAILED,
    SMTP_MECHANISM_NEEDS_TLS,
    SMTP_NO_SUCH_USER,
    SMTP_NO_RELAY,
    SMTP_NOT_SHOWN,
    SMTP_TRY_ELSEWHERE,
    SMTP_BARE_LINE_END,
    SMTP_TOO_LARGE,
    SMTP_SESSION_TOO_LARGE,
    SMTP_AMBIGUOUS,
    SMTP_NEEDS_SMTPUTF8,
    SMTP_LOOP,
    SMTP_REFUSED_MESSAGE,
    SMTP_REFUSED_PEER,
    SMTP_UNKNOWN_PARAMETER,
    SMTP_BY_TOO_SHORT,
    SMTP_ANSWERS
};

struct smtp_answer_row {
    unsigned code;
    const char *enhanced; /* "" where there is none */
    const char *text;
    bool is_error; /* a mistake of the peer: counts towards the limit of errors */
};
const struct smtp_answer_row *smtp_answer_row(enum smtp_answer answer);

#endif
