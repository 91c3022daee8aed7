/* The methods `auth_file.…` of `platform.auth`: VOLTTRON's view of access.json. An entry is shown and taken
 * as an AuthEntry; `identities`, `publish` and `subscribe` are Busbar's own members in it. Changes are
 * written in one step and checked before; the broker sees them like any other change of the file. */
#ifndef BUS_AUTH_FILE_H
#define BUS_AUTH_FILE_H

#include "bus/hosted.h"

/* The whole file as {"allow":[…],"deny":[],…}. */
void auth_file_read(struct hosted_call *call);

/* (credentials, is_allow): the entries of a key. */
void auth_file_find(struct hosted_call *call);

/* (entry): a new one. A key that has an entry is refused. */
void auth_file_add(struct hosted_call *call);

/* (auth_entry, index, is_allow): puts an entry in the place of another. */
void auth_file_update(struct hosted_call *call);

/* (credentials, is_allow). */
void auth_file_remove_key(struct hosted_call *call);

/* (index, is_allow), where `index` is a place in the file, or a list of such: all or none. */
void auth_file_remove_at(struct hosted_call *call);

#endif
