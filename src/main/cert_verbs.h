/* The verbs `cert ...`: requesting, making, installing and showing certificates. They work on files
 * and need no server; a running one takes up what they install by itself. */
#ifndef MAIN_CERT_VERBS_H
#define MAIN_CERT_VERBS_H

/* words: those behind "cert request" and so on. The exit status: 0, 1 refused, 2 wrong usage. */
struct cert_call {
    const char *settings_path;
    char **words;
    int count;
};
int cert_request(const struct cert_call *call);
int cert_self_sign(const struct cert_call *call);
int cert_import(const struct cert_call *call);
int cert_show(const struct cert_call *call);

#endif
