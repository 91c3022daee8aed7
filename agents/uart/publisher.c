#include "agents/uart/publisher.h"

#include "bus/client/base64.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAIN_EVERY_MS 10000

static const char *const modes[] = {"automatic", "hold", "override", "stopped", "link-lost"};

struct link_status publisher_status(const struct board *board)
{
    struct link_status s = board->status;
    if (!board->core_runs)
        return s;
    struct dispatch_view v = dispatch_view(board->core);
    /* The certificate says that the answer is in force: not before the board has taken its set-point. */
    bool certified = v.certified && board->status.setpoint == v.setpoint_mw;
    s.lambda = v.lambda;
    s.setpoint = (uint32_t)v.setpoint_mw;
    s.residual = v.residual_mw;
    s.mismatch = v.mismatch_mw;
    s.digest = v.digest;
    s.depth = v.depth;
    s.certified_depth = certified ? v.certified_depth : 0;
    s.exchange = v.exchange;
    s.incarnation = v.incarnation;
    s.live = v.live;
    s.neighbours_live = v.neighbours_live;
    s.flags = (uint8_t)((s.flags & LINK_FLAG_RAMPING) | (certified ? LINK_FLAG_CERTIFIED : 0) |
                        (v.duplicate_suspected ? LINK_FLAG_DUPLICATE : 0));
    return s;
}

/* Milliwatts or micro-$ as kW or $: six decimals at most, exact. */
static json_t *millionths(int64_t value)
{
    return value % 1000000 == 0 ? json_integer(value / 1000000) : json_real((double)value / 1e6);
}

static const char *kind_word(const struct board *board)
{
    return board->site->kind == SITE_CONSUMER ? "consumer" : "generator";
}

static void set_digest(json_t *object, uint64_t digest)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, digest);
    json_object_set_new(object, "digest", json_string(text));
}

static void set_frame(json_t *object, struct bytes frame)
{
    char text[BASE64_SIZE(BB_LINK_PAYLOAD_MAX)];
    if (frame.size == 0 || frame.size > BB_LINK_PAYLOAD_MAX)
        return;
    base64_encode(frame, text);
    json_object_set_new(object, "frame", json_string(text));
}

json_t *publisher_board_object(const struct agent *agent, const struct board *board, struct bytes frame)
{
    struct link_status s = publisher_status(board);
    bool certified = board->online && (s.flags & LINK_FLAG_CERTIFIED) != 0;
    const char *mode = board->online && s.mode < sizeof modes / sizeof *modes ? modes[s.mode] : "link-lost";
    json_t *o = json_pack("{s:i,s:s,s:s,s:s,s:b,s:s}", "board", board->site->id, "name", board->site->name,
                          "kind", kind_word(board), "agent", agent->settings->identity, "online",
                          board->online, "mode", mode);
    CHECK(o != NULL);
    json_object_set_new(o, "kw", millionths(s.power));
    json_object_set_new(o, "setpoint_kw", millionths(s.setpoint));
    if (board->has_limit)
        json_object_set_new(o, "limit_kw", millionths(board->limit_mw));
    json_object_set_new(o, "lambda", millionths(s.lambda));
    json_object_set_new(o, "residual_kw", millionths(s.residual));
    json_object_set_new(o, "mismatch_kw", millionths(s.mismatch));
    set_digest(o, s.digest);
    json_object_set_new(o, "certified", json_boolean(certified));
    const struct {
        const char *key;
        json_int_t value;
    } counts[] = {{"depth", s.depth},
                  {"certified_depth", certified ? s.certified_depth : 0},
                  {"exchange", s.exchange},
                  {"incarnation", s.incarnation},
                  {"live", s.live},
                  {"neighbours_live", s.neighbours_live},
                  {"bad_frames", s.bad_frames},
                  {"uptime_s", s.uptime_s}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(o, counts[i].key, json_integer(counts[i].value));
    json_object_set_new(o, "port", json_string(board->line != NULL ? board->line->spec : board->last_port));
    set_frame(o, frame);
    return o;
}

/* A refused topic is logged now and then: it is the operator's to grant it. */
void publisher_publish(struct agent *agent, const char *topic, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
    CHECK(text != NULL);
    int64_t now = bb_loop_mono_ms();
    if (bb_publish(agent->client, topic, NULL, text) != BB_OK &&
        now - agent->complained_ms >= COMPLAIN_EVERY_MS) {
        agent->complained_ms = now;
        log_warning("publish-refused", LOG_TEXT("topic", topic),
                    LOG_TEXT("reason", bb_client_reason(agent->client)));
    }
    free(text);
    json_decref(object);
}

static void publish_certificate(struct agent *agent, struct board *board)
{
    struct link_status s = publisher_status(board);
    bool certified = board->online && (s.flags & LINK_FLAG_CERTIFIED) != 0;
    if (certified == board->certified && (!certified || s.digest == board->certified_digest))
        return;
    board->certified = certified;
    board->certified_digest = s.digest;
    char topic[64];
    snprintf(topic, sizeof topic, "dispatch/certificate/%s", board->site->name);
    json_t *o = json_pack("{s:i,s:s,s:b}", "board", board->site->id, "name", board->site->name, "certified",
                          certified);
    CHECK(o != NULL);
    set_digest(o, s.digest);
    json_object_set_new(o, "lambda", millionths(s.lambda));
    json_object_set_new(o, "kw", millionths(s.power));
    json_object_set_new(o, "depth", json_integer(s.depth));
    json_object_set_new(o, "certified_depth", json_integer(certified ? s.certified_depth : 0));
    publisher_publish(agent, topic, o);
}

void publisher_board(struct agent *agent, struct board *board, struct bytes frame)
{
    publisher_publish(agent, board->site->topic, publisher_board_object(agent, board, frame));
    publish_certificate(agent, board);
}

struct tally {
    int64_t online, certified, load, generation, mismatch, depth, certified_depth;
    int64_t lambda_min, lambda_max;
};

static void count(struct tally *t, const struct board *board)
{
    struct link_status s = publisher_status(board);
    if (!board->online)
        return;
    bool certified = (s.flags & LINK_FLAG_CERTIFIED) != 0;
    t->lambda_min = t->online == 0 || s.lambda < t->lambda_min ? s.lambda : t->lambda_min;
    t->lambda_max = s.lambda > t->lambda_max ? s.lambda : t->lambda_max;
    t->online++;
    t->certified += certified;
    *(board->site->kind == SITE_CONSUMER ? &t->load : &t->generation) += s.power;
    if (llabs(s.mismatch) > llabs(t->mismatch))
        t->mismatch = s.mismatch;
    t->depth = s.depth > t->depth ? s.depth : t->depth;
    if (certified && s.certified_depth > t->certified_depth)
        t->certified_depth = s.certified_depth;
}

void publisher_summary(struct agent *agent)
{
    struct tally t = {0};
    char topic[SITE_AGENT_MAX + 32];
    for (size_t i = 0; i < agent->board_count; i++)
        count(&t, &agent->boards[i]);
    json_t *o = json_pack("{s:s,s:I,s:I,s:I}", "agent", agent->settings->identity, "boards",
                          (json_int_t)agent->board_count, "online", (json_int_t)t.online, "certified",
                          (json_int_t)t.certified);
    CHECK(o != NULL);
    json_object_set_new(o, "load_kw", millionths(t.load));
    json_object_set_new(o, "generation_kw", millionths(t.generation));
    json_object_set_new(o, "mismatch_kw", millionths(t.mismatch));
    json_object_set_new(o, "lambda_min", millionths(t.lambda_min));
    json_object_set_new(o, "lambda_max", millionths(t.lambda_max));
    json_object_set_new(o, "depth_max", json_integer(t.depth));
    json_object_set_new(o, "certified_depth_max", json_integer(t.certified_depth));
    snprintf(topic, sizeof topic, "dispatch/summary/%s", agent->settings->identity);
    publisher_publish(agent, topic, o);
}

void publisher_alert(struct agent *agent, const char *name, const char *alert, const char *text)
{
    char topic[64];
    log_warning("alert", LOG_TEXT("alert", alert), LOG_TEXT("board", name), LOG_TEXT("text", text));
    snprintf(topic, sizeof topic, "alerts/dispatch/%s", name);
    json_t *o = json_pack("{s:s,s:s,s:s}", "name", name, "alert", alert, "text", text);
    if (o != NULL)
        publisher_publish(agent, topic, o);
}
