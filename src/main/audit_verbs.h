/* The verbs `audit ...` and `ports`: what is open to others, by the settings, by the files and by
 * asking the server that runs. They need no role. */
#ifndef MAIN_AUDIT_VERBS_H
#define MAIN_AUDIT_VERBS_H

/* words: those behind "audit relay" and so on. The exit status: 0, 1 something is at fault, 2 wrong
 * usage, or the server can't be asked. */
struct audit_call {
    const char *settings_path;
    char **words;
    int count;
};
int audit_relay(const struct audit_call *call);
int audit_security(const struct audit_call *call);
int audit_ports(const struct audit_call *call);

#endif
