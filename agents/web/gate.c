#include "agents/web/gate.h"

#include "agents/tokens/tokens.h"
#include "bus/client/base64.h"
#include "bus/client/log.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>

#define TICKETS_MAX   256
#define TICKET_MS     60000
#define LOOK_MS       1000 /* between two looks at the tokens file */
#define FORGED_BURST  10   /* wrong tokens of one address at once; then one a second */
#define BURST_SECONDS 5
#define HOST_SIZE     256

struct ticket {
    char text[GATE_TICKET_SIZE]; /* "": free */
    char user[64];
    enum role role;
    int64_t until_ms;
};

struct gate {
    struct gate_options options;
    struct tokens tokens;
    struct stat seen;
    int64_t looked_ms;
    struct limits posts, forged;
    struct ticket tickets[TICKETS_MAX];
    size_t next_ticket;
};

/* -- tokens -------------------------------------------------------------------------------------------------
 */

static void read_tokens(struct gate *gate)
{
    struct bb_reason reason = {""};
    enum status status = tokens_read(gate->options.tokens, &reason, &gate->tokens);
    if (status != BB_OK) {
        gate->tokens.count = 0;
        log_error("tokens-refused", LOG_TEXT("reason", reason.text));
    } else {
        log_info("tokens", LOG_INT("count", gate->tokens.count));
    }
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A token that was taken back stops working within a second. */
static void look_for_tokens(struct gate *gate, int64_t now_ms)
{
    struct stat about;
    if (gate->looked_ms != 0 && now_ms - gate->looked_ms < LOOK_MS)
        return;
    memset(&about, 0, sizeof about);
    (void)!stat(gate->options.tokens, &about);
    if (gate->looked_ms == 0 || !same_file(&about, &gate->seen))
        read_tokens(gate);
    gate->seen = about;
    gate->looked_ms = now_ms;
}

static enum role role_of(enum token_role role)
{
    static const enum role roles[] = {
        [TOKEN_NOBODY] = ROLE_NONE, [TOKEN_VIEWER] = ROLE_VIEWER, [TOKEN_OPERATOR] = ROLE_OPERATOR};
    return roles[role];
}

/* -- hosts and origins --------------------------------------------------------------------------------------
 */

/* The host of "host:port" or "[v6]:port". False: it is none. */
static bool host_of(const char *authority, char host[HOST_SIZE])
{
    const char *end = *authority == '[' ? strchr(authority, ']') : NULL;
    const char *from = end != NULL ? authority + 1 : authority;
    size_t size = end != NULL ? (size_t)(end - from) : strcspn(authority, ":");
    if (size == 0 || size >= HOST_SIZE)
        return false;
    memcpy(host, from, size);
    host[size] = '\0';
    return true;
}

static bool is_address(const char *host)
{
    struct in6_addr room;
    return inet_pton(AF_INET, host, &room) == 1 || inet_pton(AF_INET6, host, &room) == 1;
}

bool gate_is_loopback(const char *host)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(host, "::1") == 0 || strcasecmp(host, "localhost") == 0;
}

/* A page of another name that was made to point here could read everything as if it were ours: so only names
 * that are known to be ours are served, and addresses, which cannot be made to point anywhere. */
static bool host_known(const struct gate *gate, const char *authority)
{
    char host[HOST_SIZE];
    if (authority == NULL)
        return true;
    if (!host_of(authority, host))
        return false;
    if (is_address(host) || strcasecmp(host, "localhost") == 0 || strcasecmp(host, gate->options.host) == 0)
        return true;
    for (size_t i = 0; i < gate->options.host_count; i++)
        if (strcasecmp(host, gate->options.hosts[i]) == 0)
            return true;
    return false;
}

static bool origin_ours(const char *origin, const char *host)
{
    if (origin == NULL)
        return true;
    if (strncmp(origin, "http://", 7) == 0)
        origin += 7;
    else if (strncmp(origin, "https://", 8) == 0)
        origin += 8;
    else
        return false;
    return host != NULL && strcasecmp(origin, host) == 0;
}

/* -- tickets ------------------------------------------------------------------------------------------------
 */

enum status gate_ticket(struct gate *gate, const char *user, enum role role, int64_t now_ms, char *ticket_out)
{
    uint8_t random[32];
    struct ticket *ticket = &gate->tickets[gate->next_ticket++ % TICKETS_MAX];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return BB_IO;
    base64_encode_url((struct bytes){random, sizeof random}, ticket->text);
    snprintf(ticket->user, sizeof ticket->user, "%s", user);
    ticket->role = role;
    ticket->until_ms = now_ms + TICKET_MS;
    memcpy(ticket_out, ticket->text, sizeof ticket->text);
    return BB_OK;
}

static bool same_text(const char *a, const char b[GATE_TICKET_SIZE])
{
    uint8_t differs = 0;
    for (size_t i = 0; i < GATE_TICKET_SIZE; i++)
        differs |= (uint8_t)(a[i] ^ b[i]);
    return differs == 0;
}

/* A ticket is good for once: who finds it in a log comes too late. */
static bool use_ticket(struct gate *gate, const char *text, int64_t now_ms, struct gate_answer *answer)
{
    char padded[GATE_TICKET_SIZE] = "";
    if (text == NULL || strlen(text) != GATE_TICKET_SIZE - 1)
        return false;
    memcpy(padded, text, GATE_TICKET_SIZE);
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        struct ticket *t = &gate->tickets[i];
        if (t->text[0] == '\0' || !same_text(padded, t->text))
            continue;
        bool good = now_ms < t->until_ms;
        if (good) {
            answer->role = t->role;
            memcpy(answer->user, t->user, sizeof answer->user);
        }
        *t = (struct ticket){.until_ms = 0};
        return good;
    }
    return false;
}

/* -- the question -------------------------------------------------------------------------------------------
 */

static struct gate_answer no(unsigned http_status, const char *code, const char *text)
{
    return (struct gate_answer){.http_status = http_status, .code = code, .text = text};
}

static struct gate_answer too_often(const char *text)
{
    struct gate_answer answer = no(429, "too-often", text);
    answer.retry_s = 1;
    return answer;
}

/* A token has 256 bits, so that guessing leads nowhere; who tries all the same is slowed down. */
static struct gate_answer forged(struct gate *gate, const char *address, int64_t now_ms)
{
    if (!limits_take(&gate->forged, address, 1, now_ms))
        return too_often("too many wrong tokens from this address");
    log_warning("token-refused", LOG_TEXT("address", address));
    return no(401, "token", "there is no such token");
}

static struct gate_answer ask_token(struct gate *gate, const struct gate_question *q, int64_t now_ms)
{
    static const char scheme[] = "Bearer ";
    const char *secret = q->authorization;
    struct gate_answer answer = {.http_status = 0};
    look_for_tokens(gate, now_ms);
    if (strncasecmp(secret, scheme, sizeof scheme - 1) != 0)
        return no(401, "token", "a token is given as: Authorization: Bearer TOKEN");
    const struct token *token = tokens_find(&gate->tokens, secret + sizeof scheme - 1);
    if (token == NULL)
        return forged(gate, q->address, now_ms);
    answer.role = role_of(token->role);
    snprintf(answer.user, sizeof answer.user, "%s", token->name);
    return answer;
}

static struct gate_answer ask_role(struct gate *gate, const struct gate_question *q, int64_t now_ms)
{
    struct gate_answer answer = {.http_status = 0, .role = ROLE_NONE};
    bool ticket = false;
    if (q->authorization != NULL)
        answer = ask_token(gate, q, now_ms);
    else
        ticket = use_ticket(gate, q->ticket, now_ms, &answer);
    if (answer.http_status != 0)
        return answer;
    if (gate->options.viewer_open && answer.role < ROLE_VIEWER)
        answer.role = ROLE_VIEWER;
    if (answer.role >= q->role)
        return answer;
    if (q->authorization != NULL || ticket)
        return no(403, "role", "this token may look, and not act: it takes one of the role operator");
    return no(401, "token",
              q->role == ROLE_OPERATOR ? "this takes a token: busbar web token add NAME --role operator"
                                       : "this takes a token: busbar web token add NAME --role viewer");
}

struct gate_answer gate_ask(struct gate *gate, const struct gate_question *q, int64_t now_ms)
{
    if (!host_known(gate, q->host))
        return no(421, "host", "the server is not known under this name; add it to the setting \"hosts\"");
    if (q->post && !origin_ours(q->origin, q->host))
        return no(403, "origin", "a page of another origin may not act here");
    if (q->post && !limits_take(&gate->posts, q->address, 1, now_ms))
        return too_often("too many requests from this address");
    return ask_role(gate, q, now_ms);
}

enum status gate_open(const struct gate_options *options, struct gate **out)
{
    struct gate *gate = calloc(1, sizeof *gate);
    if (gate == NULL)
        return BB_FULL;
    gate->options = *options;
    gate->posts.rate_per_s = options->posts_per_s;
    gate->posts.burst = (int64_t)options->posts_per_s * BURST_SECONDS;
    gate->forged.rate_per_s = 1;
    gate->forged.burst = FORGED_BURST;
    *out = gate;
    return BB_OK;
}

void gate_close(struct gate *gate)
{
    free(gate);
}
