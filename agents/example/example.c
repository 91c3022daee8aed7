/* The smallest agent: hears boards, says something every second, answers calls. */
#include <busbar/client.h>

#include <stdio.h>
#include <string.h>

static void on_board(void *context, const char *topic, const char *sender, const char *headers,
                     const char *message)
{
    (void)context, (void)sender, (void)headers;
    printf("%s %s\n", topic, message);
}

static enum status on_hello(void *context, const char *caller, const char *params, char **result_out)
{
    (void)context, (void)caller, (void)params;
    *result_out = strdup("\"hello\"");
    return BB_OK;
}

static void on_second(void *client)
{
    (void)!bb_publish(client, "example/tick", NULL, "{\"alive\":true}");
}

int main(void)
{
    struct bb_loop *loop = NULL;
    struct bb_client *client = NULL;
    struct bb_reason reason = {"no event loop"};
    struct bb_client_options options = {.identity = "example-agent", .heartbeat_ms = 5000, .reason = &reason};
    int timer;
    if (bb_loop_open(&loop) != BB_OK || bb_client_open(loop, &options, &client) != BB_OK ||
        bb_subscribe(client, "Data/", on_board, NULL) != BB_OK ||
        bb_serve(client, "hello", on_hello, NULL) != BB_OK ||
        bb_loop_every(loop, 1000, on_second, client, &timer) != BB_OK) {
        fprintf(stderr, "example-agent: %s\n", reason.text);
        return 1;
    }
    (void)!bb_loop_run(loop);
    bb_client_close(client);
    bb_loop_close(loop);
}
