/* What is asked of one device at one go: reads and writes, one after the other. */
#ifndef AGENTS_MODBUS_JOB_H
#define AGENTS_MODBUS_JOB_H

#include "agents/modbus/point.h"

enum step_kind { STEP_READ, STEP_WRITE };

enum step_result {
    STEP_WAITING, /* not done: the job ended before */
    STEP_DONE,
    STEP_REFUSED, /* the device answered with an exception */
    STEP_FAILED   /* it did not answer, or not in Modbus */
};

struct step {
    enum step_kind kind;
    enum point_table table;
    uint16_t address, count; /* 1 … READ_MAX */
    uint16_t data[READ_MAX]; /* registers, or bits as 0 and 1: what was read, or is to be written */
    enum step_result result;
    int exception; /* of a refusal; 0: unknown */
};

struct job;

/* Called in the loop's thread when a job is over, or dropped with its line; the job is freed behind it. */
typedef void job_done(void *context, struct job *job);

struct job {
    struct job *next;
    int unit;
    uint32_t timeout_ms; /* of each attempt */
    int retries;
    bool careful; /* the first refusal ends it; a failure always does */
    bool urgent;  /* goes before those that are not */
    job_done *done;
    void *context;
    char text[256]; /* why the first failure or refusal was */
    size_t count;
    struct step steps[];
};

#endif
