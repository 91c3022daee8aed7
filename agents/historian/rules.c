#include "agents/historian/rules.h"

#include <stdio.h>

#define LINE_MAX_SIZE 512

/* Cuts the first word off *rest; NULL: there is none. */
static char *take_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    size_t size = strcspn(word, " \t");
    if (size == 0)
        return NULL;
    *rest = word + size + (word[size] != '\0');
    word[size] = '\0';
    return word;
}

static enum status take_prefix(char **rest, const char *line, struct rule *out, struct bb_reason *reason)
{
    char *word = take_word(rest);
    if (word == NULL || strlen(word) > RULES_PREFIX_MAX) {
        bb_reason_say(reason, "\"%.100s\": begins with a prefix of series, or * for all", line);
        return BB_MALFORMED;
    }
    if (strncmp(word, "devices/", 8) == 0 || strncmp(word, "analysis/", 9) == 0) {
        bb_reason_say(reason,
                      "\"%.100s\": the series of %.*s have their names without it (campus/building/…)", line,
                      (int)strcspn(word, "/") + 1, word);
        return BB_MALFORMED;
    }
    snprintf(out->prefix, sizeof out->prefix, "%s", strcmp(word, "*") == 0 ? "" : word);
    return BB_OK;
}

/* A copy of the line that may be cut, and its prefix; BB_FULL: a rule too many. */
static enum status begin(const struct rule *have, size_t count, const char *line, char copy[LINE_MAX_SIZE],
                         char **rest, struct rule *out, struct bb_reason *reason)
{
    if (count == RULES_MAX || strlen(line) >= LINE_MAX_SIZE) {
        bb_reason_say(reason, "\"%.60s\": at most %d rules, of at most %d bytes", line, RULES_MAX,
                      LINE_MAX_SIZE - 1);
        return BB_FULL;
    }
    snprintf(copy, LINE_MAX_SIZE, "%s", line);
    *rest = copy;
    enum status status = take_prefix(rest, line, out, reason);
    for (size_t i = 0; i < count && status == BB_OK; i++)
        if (strcmp(have[i].prefix, out->prefix) == 0) {
            bb_reason_say(reason, "\"%.100s\": there is a rule for this prefix already", line);
            status = BB_MALFORMED;
        }
    return status;
}

enum status rules_retention(struct rules *rules, const char *line, struct bb_reason *reason)
{
    char copy[LINE_MAX_SIZE], *rest;
    struct rule rule = {.keep_us = 0};
    enum status status = begin(rules->retention, rules->retention_count, line, copy, &rest, &rule, reason);
    if (status != BB_OK)
        return status;
    char *span = take_word(&rest);
    bool good = span != NULL && take_word(&rest) == NULL;
    if (good && strcmp(span, "forever") != 0)
        good = aggregate_span_parse(span, &rule.keep_us) && rule.keep_us >= AGGREGATE_PERIOD_US[3];
    if (!good) {
        bb_reason_say(reason, "\"%.100s\": behind the prefix stands how long, at least 1d: 30d, 52w, forever",
                      line);
        return BB_MALFORMED;
    }
    rules->retention[rules->retention_count++] = rule;
    return BB_OK;
}

enum status rules_aggregation(struct rules *rules, const char *line, struct bb_reason *reason)
{
    char copy[LINE_MAX_SIZE], *rest;
    struct rule rule = {.keep_us = 0};
    enum status status =
        begin(rules->aggregation, rules->aggregation_count, line, copy, &rest, &rule, reason);
    if (status != BB_OK)
        return status;
    for (char *word = take_word(&rest); word != NULL; word = take_word(&rest)) {
        int64_t period_us;
        int index = aggregate_span_parse(word, &period_us) ? aggregate_period_index(period_us) : -1;
        if (index < 0) {
            bb_reason_say(reason, "\"%.100s\": \"%.20s\" is none of the periods 1m 15m 1h 1d", line, word);
            return BB_MALFORMED;
        }
        rule.periods |= 1u << index;
    }
    if (rule.periods == 0) {
        bb_reason_say(reason, "\"%.100s\": behind the prefix stand periods: 1m 15m 1h 1d", line);
        return BB_MALFORMED;
    }
    rules->aggregation[rules->aggregation_count++] = rule;
    return BB_OK;
}

/* The rule with the longest prefix of the series; NULL: none. */
static const struct rule *find(const struct rule *rules, size_t count, struct bytes series)
{
    const struct rule *best = NULL;
    size_t best_size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(rules[i].prefix);
        if (size <= series.size && memcmp(rules[i].prefix, series.data, size) == 0 &&
            (best == NULL || size > best_size)) {
            best = &rules[i];
            best_size = size;
        }
    }
    return best;
}

int64_t rules_keep_us(const struct rules *rules, struct bytes series)
{
    const struct rule *rule = find(rules->retention, rules->retention_count, series);
    return rule == NULL ? 0 : rule->keep_us;
}

unsigned rules_periods(const struct rules *rules, struct bytes series)
{
    const struct rule *rule = find(rules->aggregation, rules->aggregation_count, series);
    return rule == NULL ? 0 : rule->periods;
}
