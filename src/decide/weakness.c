/* What is weaker in the settings than it could be. */
#include "decide/exposure.h"
#include "settings/mechanisms.h"

static bool takes_logins(enum service service)
{
    return service != SERVICE_LMTP && service != SERVICE_FETCHED;
}

static bool is_open_to_others(const struct setting_server *server)
{
    for (unsigned i = 0; i < server->listen_count; i++)
        if (takes_logins(server->listens[i].service) &&
            !net_address_is_loopback(&server->listens[i].address))
            return true;
    return false;
}

static void look_at_logins(const struct setting_server *server, struct findings *findings)
{
    struct text place = decide_place_text(findings->arena, &server->place);
    if (server->login_plain_without_tls)
        findings_add(findings, is_open_to_others(server) ? FINDING_FAULT : FINDING_WARNING,
                     "passwords", TEXT("take `cleartext` out of `login`"),
                     "server %.*s takes passwords that anybody on the way can read%.*s",
                     TEXT_ARG(server->name), TEXT_ARG(place));
    else if (server->mechanisms != 0 && !server->login_needs_tls)
        findings_add(findings, FINDING_WARNING, "passwords", TEXT("write: login tls"),
                     "server %.*s lets users log in before TLS, by mechanisms that hide the "
                     "password and not the mail%.*s",
                     TEXT_ARG(server->name), TEXT_ARG(place));
    else
        findings_add(findings, FINDING_OK, "passwords", TEXT(""),
                     "server %.*s takes no password before TLS", TEXT_ARG(server->name));
    uint32_t reversible = MECHANISM_BIT(MECHANISM_CRAM_MD5) | MECHANISM_BIT(MECHANISM_NTLM);
    if ((server->mechanisms & reversible) != 0)
        findings_add(findings, FINDING_WARNING, "mechanisms",
                     TEXT("take cram-md5 and ntlm out of `login` when nobody needs them"),
                     "server %.*s offers logins for which passwords are kept in a form that can be "
                     "stolen and used%.*s",
                     TEXT_ARG(server->name), TEXT_ARG(place));
}

static void look_at_tls(const struct settings *settings, const struct setting_server *server,
                        struct findings *findings)
{
    struct text place = decide_place_text(findings->arena, &server->place);
    bool has_certificate = server->certificate_count > 0 || settings->certificate_count > 0;
    if (server->tls == TLS_NONE || !has_certificate) {
        findings_add(findings, is_open_to_others(server) ? FINDING_FAULT : FINDING_WARNING, "tls",
                     TEXT("mailroot cert self-sign, or cert request; then: certificate FILE key "
                          "FILE"),
                     "server %.*s has no TLS%.*s", TEXT_ARG(server->name), TEXT_ARG(place));
        return;
    }
    findings_add(findings, FINDING_OK, "tls", TEXT(""),
                 "server %.*s speaks TLS %s, with ciphers of %d bits at least",
                 TEXT_ARG(server->name), server->tls_only_1_3 ? "1.3" : "1.2 and 1.3",
                 server->tls_strength_256 ? 256 : 128);
}

/* Port 25 is for strangers; the ports of submission never are. */
static void look_at_strangers(const struct setting_server *server, struct findings *findings)
{
    struct text place = decide_place_text(findings->arena, &server->place);
    if (server->verify == VERIFY_ON || server->expand == VERIFY_ON)
        findings_add(findings, FINDING_WARNING, "verify",
                     TEXT("write: verify off, expand off (or logged-in)"),
                     "server %.*s tells everybody who is there by VRFY or EXPN%.*s",
                     TEXT_ARG(server->name), TEXT_ARG(place));
    for (unsigned i = 0; i < server->listen_count; i++) {
        char text[NET_ADDRESS_TEXT_BYTES];
        if (server->listens[i].service == SERVICE_SMTP && !server->needs_login)
            findings_add(findings, FINDING_OK, "anonymous", TEXT(""),
                         "%s takes mail for our own domains without a login, as other servers need",
                         net_address_text(&server->listens[i].address, text));
    }
}

static void look_at_connector(const struct setting_connector *connector, struct findings *findings)
{
    struct text place = decide_place_text(findings->arena, &connector->place);
    bool logs_in = setting_client_logs_in(&connector->login);
    if (logs_in && connector->login.secrecy == SASL_OVER_ANYTHING)
        findings_add(findings, FINDING_FAULT, "connector", TEXT("write: login over verified-tls"),
                     "connector %.*s shows its password to whoever answers%.*s",
                     TEXT_ARG(connector->name), TEXT_ARG(place));
    else if (connector->tls == TLS_MEANS_NONE)
        findings_add(findings, FINDING_WARNING, "connector", TEXT("write: tls offer, or more"),
                     "connector %.*s sends in plain text%.*s", TEXT_ARG(connector->name),
                     TEXT_ARG(place));
}

static void look_at_site(const struct settings *settings, struct findings *findings)
{
    if (settings->lockout_wrong == 0)
        findings_add(findings, FINDING_FAULT, "guessing", TEXT("write: login lockout 20"),
                     "passwords can be guessed for ever: nobody is locked out");
    else
        findings_add(findings, FINDING_OK, "guessing", TEXT(""),
                     "%u wrong passwords lock an account out for who guesses",
                     settings->lockout_wrong);
    if (settings->sandbox_off)
        findings_add(findings, FINDING_WARNING, "sandbox", TEXT("write: sandbox preferred"),
                     "the processes are not confined");
    else
        findings_add(findings, FINDING_OK, "sandbox", TEXT(""),
                     "the processes are confined to what they need");
}

void decide_weaknesses(const struct settings *settings, struct findings *findings)
{
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        look_at_logins(server, findings);
        look_at_tls(settings, server, findings);
        look_at_strangers(server, findings);
    }
    for (unsigned i = 0; i < settings->connector_count; i++)
        look_at_connector(&settings->connectors[i], findings);
    look_at_site(settings, findings);
}
