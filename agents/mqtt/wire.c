#include "agents/mqtt/wire.h"

#include "bus/client/log.h"

#include <busbar/check.h>
#include <errno.h>
#include <mqtt_protocol.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* CONNACK's and SUBACK's codes from here on are refusals (MQTT 5); MQTT 3.1.1 has 0x80 alone in SUBACK. */
#define REFUSED_FROM 0x80

/* An encrypted private key would ask at the terminal. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return 0;
}

/* libmosquitto tells why TLS failed here only; the first words of an attempt say most. */
static void on_log(struct mosquitto *client, void *context, int level, const char *text)
{
    struct link *link = context;
    SSL *tls = mosquitto_ssl_get(client);
    if (level != MOSQ_LOG_ERR || link->reason.text[0] != '\0')
        return;
    long verdict = tls == NULL ? X509_V_OK : SSL_get_verify_result(tls);
    if (strstr(text, "verification failed") != NULL)
        bb_reason_say(&link->reason, "the MQTT broker's certificate is not for the host %.200s",
                      link->settings.host);
    else if (verdict != X509_V_OK)
        bb_reason_say(&link->reason, "the MQTT broker's certificate is not trusted: %s (see ca_file)",
                      X509_verify_cert_error_string(verdict));
    else
        bb_reason_say(&link->reason, "TLS with the MQTT broker fails: %.300s", text);
}

const char *wire_fault(const struct link *link, int code)
{
    if (code == 0 || (code == MOSQ_ERR_ERRNO && errno == 0))
        return "the MQTT broker closed the connection";
    if (code >= REFUSED_FROM)
        return mosquitto_reason_string(code);
    /* libmosquitto's way to say that TLS ended without a word. */
    if (code == MOSQ_ERR_ERRNO && errno == EPROTO && link->settings.tls)
        return "TLS with the MQTT broker fails: it broke off (does it want a certificate of this agent?)";
    return code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code);
}

static void subscribe(struct link *link)
{
    const struct link_settings *s = &link->settings;
    char filter[MAP_PREFIX_MAX + 2];
    uint8_t qos;
    for (size_t i = 0; i < s->map_count; i++) {
        link->subscriptions[i] = 0;
        if (!map_subscribes(s->maps, s->map_count, i, &qos))
            continue;
        map_filter(&s->maps[i], filter);
        int code = mosquitto_subscribe_v5(link->client, &link->subscriptions[i], filter, qos,
                                          s->v5 ? MQTT_SUB_OPT_NO_LOCAL : 0, NULL);
        if (code != MOSQ_ERR_SUCCESS)
            log_warning("mqtt-subscription-refused", LOG_TEXT("filter", filter),
                        LOG_TEXT("reason", mosquitto_strerror(code)));
    }
}

static void on_connect(struct mosquitto *client, void *context, int code, int flags,
                       const mosquitto_property *properties)
{
    (void)properties;
    struct link *link = context;
    link->client = client;
    if (code != 0) {
        bb_reason_say(&link->reason, "the MQTT broker refuses the connection: %s",
                      link->settings.v5 ? mosquitto_reason_string(code) : mosquitto_connack_string(code));
        link->broken = true;
        return;
    }
    link->phase = LINK_UP;
    link->attempts = 0;
    link->connections++;
    link->reason.text[0] = link->told.text[0] = '\0';
    log_info("mqtt-connected", LOG_TEXT("host", link->settings.host), LOG_INT("port", link->settings.port),
             LOG_TEXT("session", (flags & 1) != 0 ? "resumed" : "new"));
    subscribe(link);
    link->events.on_up(link->events.context);
}

static void on_disconnect(struct mosquitto *client, void *context, int code,
                          const mosquitto_property *properties)
{
    (void)client, (void)properties;
    struct link *link = context;
    if (link->reason.text[0] == '\0')
        bb_reason_say(&link->reason, "%s", wire_fault(link, code));
    link->broken = true;
}

static void on_subscribe(struct mosquitto *client, void *context, int mid, int count, const int *granted,
                         const mosquitto_property *properties)
{
    (void)client, (void)properties;
    struct link *link = context;
    char filter[MAP_PREFIX_MAX + 2];
    for (size_t i = 0; i < link->settings.map_count && count > 0; i++) {
        if (link->subscriptions[i] != mid || granted[0] < REFUSED_FROM)
            continue;
        map_filter(&link->settings.maps[i], filter);
        log_warning("mqtt-subscription-refused", LOG_TEXT("filter", filter),
                    LOG_TEXT("reason", mosquitto_reason_string(granted[0])));
    }
}

static void on_publish(struct mosquitto *client, void *context, int mid, int code,
                       const mosquitto_property *properties)
{
    (void)client, (void)properties;
    struct link *link = context;
    link->events.on_published(link->events.context, mid,
                              code >= REFUSED_FROM ? mosquitto_reason_string(code) : NULL);
}

/* The value of the user property LINK_ORIGIN, malloc'd; NULL: none. */
static char *origin_of(const mosquitto_property *properties)
{
    const mosquitto_property *at = properties;
    bool again = false;
    char *name, *value;
    while ((at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &name, &value, again)) !=
           NULL) {
        bool found = strcmp(name, LINK_ORIGIN) == 0;
        free(name);
        if (found)
            return value;
        free(value);
        again = true;
    }
    return NULL;
}

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *from,
                       const mosquitto_property *properties)
{
    (void)client;
    struct link *link = context;
    size_t size = from->payloadlen > 0 ? (size_t)from->payloadlen : 0;
    char *origin = origin_of(properties);
    struct link_message message = {.topic = from->topic,
                                   .payload = {size > 0 ? from->payload : NULL, size},
                                   .retained = from->retain,
                                   .origin = origin};
    link->events.on_message(link->events.context, &message);
    free(origin);
}

static int secure(struct mosquitto *client, const struct link_settings *s)
{
    bool own = s->certificate[0] != '\0';
    if (!s->tls)
        return MOSQ_ERR_SUCCESS;
    return mosquitto_tls_set(client, s->ca_file[0] != '\0' ? s->ca_file : NULL,
                             s->ca_file[0] != '\0' ? NULL : "/etc/ssl/certs", own ? s->certificate : NULL,
                             own ? s->private_key : NULL, no_password);
}

static int prepare(struct mosquitto *client, const struct link_settings *s)
{
    mosquitto_log_callback_set(client, on_log);
    mosquitto_connect_v5_callback_set(client, on_connect);
    mosquitto_disconnect_v5_callback_set(client, on_disconnect);
    mosquitto_subscribe_v5_callback_set(client, on_subscribe);
    mosquitto_publish_v5_callback_set(client, on_publish);
    mosquitto_message_v5_callback_set(client, on_message);
    int code = mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION,
                                    s->v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, LINK_WINDOW);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    if (code == MOSQ_ERR_SUCCESS && s->username[0] != '\0')
        code = mosquitto_username_pw_set(client, s->username, s->password[0] != '\0' ? s->password : NULL);
    return code == MOSQ_ERR_SUCCESS ? secure(client, s) : code;
}

static int connect_now(struct mosquitto *client, const struct link_settings *s)
{
    mosquitto_property *properties = NULL;
    int code = MOSQ_ERR_SUCCESS;
    if (s->v5)
        code = mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, s->session_s);
    if (s->v5 && code == MOSQ_ERR_SUCCESS)
        code = mosquitto_property_add_int16(&properties, MQTT_PROP_RECEIVE_MAXIMUM, LINK_WINDOW);
    if (s->v5 && code == MOSQ_ERR_SUCCESS)
        code = mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, s->packet_max);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_connect_bind_v5(client, s->host, s->port, s->keepalive_s, NULL, properties);
    mosquitto_property_free_all(&properties);
    return code;
}

struct mosquitto *wire_connect(struct link *link)
{
    const struct link_settings *s = &link->settings;
    struct mosquitto *client = mosquitto_new(s->client_id, s->session_s == 0, link);
    CHECK(client != NULL);
    int code = prepare(client, s);
    if (code == MOSQ_ERR_SUCCESS)
        code = connect_now(client, s);
    if (code == MOSQ_ERR_SUCCESS)
        return client;
    if (link->reason.text[0] == '\0')
        bb_reason_say(&link->reason, "%s", wire_fault(link, code));
    mosquitto_destroy(client);
    link->broken = false;
    return NULL;
}

int wire_publish(struct link *link, const struct link_outgoing *m, int *mid_out)
{
    mosquitto_property *properties = NULL;
    int code = MOSQ_ERR_SUCCESS;
    if (link->settings.v5) {
        code =
            mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, LINK_ORIGIN, m->origin);
        if (code == MOSQ_ERR_SUCCESS)
            code = mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, LINK_SENDER,
                                                      m->sender);
    }
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_publish_v5(link->client, mid_out, m->topic, (int)m->payload.size, m->payload.data,
                                    m->qos, m->retain, properties);
    mosquitto_property_free_all(&properties);
    return code;
}
