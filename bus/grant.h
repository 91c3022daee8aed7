/* Who may make a call to a hosted identity: capabilities of the caller's key, and what restricts them. */
#ifndef BUS_GRANT_H
#define BUS_GRANT_H

#include "bus/hosted.h"

/* True when the caller has a capability that the method asks for, or the call is his own business. */
bool grant_allows(const struct hosted_call *call);

#endif
