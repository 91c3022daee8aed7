/* Looking for ports: the configured ones, and those that match a pattern, again and again, so that a board
 * that is plugged in later is found. Source: thesis §2.4.2 (the scan of the serial ports). */
#ifndef AGENTS_UART_SCAN_H
#define AGENTS_UART_SCAN_H

#include "agents/uart/agent.h"

/* Makes a line for every port that has none yet. A line stays when its port is unplugged: it waits for it. */
void scan_ports(struct agent *agent);

#endif
