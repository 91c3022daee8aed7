/* The members of struct node: private to node-fw/node, here so that its owner can hold one. */
#ifndef NODE_FW_NODE_NODE_STATE_H
#define NODE_FW_NODE_NODE_STATE_H

struct node {
    struct settings settings;
    struct curve curve;
    uint16_t incarnation;
    unsigned events;
    const char *refusal;
    struct mono started;

    struct link link;
    bool connected;
    struct mono heard; /* the last frame of a host whose link was up */
    uint32_t heard_frames;
    struct mono up_since;
    bool lost;

    uint8_t host_minor; /* of the host's protocol */
    uint16_t features;  /* as HELLO says them */
    uint32_t version;   /* of the running image */
    uint16_t errands_size;
    uint8_t errands[2048]; /* for the supervisor */

    bool begun; /* a place was taken in this boot */
    bool configured;
    bool left;
    struct link_config config;
    struct dispatch dispatch;   /* valid when configured and the board runs it */
    struct link_setpoint given; /* valid when the agent runs it */
    bool given_since_up;

    struct actuator actuator;
    bool curve_owed, leave_owed;
    struct link_status said;
    bool said_once;
    struct mono said_at;
};

#endif
