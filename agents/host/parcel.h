/* What crosses the link when an agent moves: its bundle, a JSON text about it, and its state folder, in one
 * file. Its bytes follow from what is in it alone. Of the state it holds folders and plain files with their
 * modes; whatever else is there cannot be moved.
 *
 *   busbar-parcel 1\n
 *   F <mode, octal> <size> <path>\n<bytes>     files; first bundle.agent, then agent.json
 *   D <mode, octal> 0 <path>\n                 folders, before what is in them: state, state/…
 *   E\n
 *
 * Entries of a folder are in the order of their names' bytes. */
#ifndef AGENTS_HOST_PARCEL_H
#define AGENTS_HOST_PARCEL_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdatomic.h>
#include <stdint.h>

#define PARCEL_STATE_MAX   (256ll * 1024 * 1024) /* bytes of the state */
#define PARCEL_ENTRIES_MAX 65536
#define PARCEL_DEPTH_MAX   32
#define PARCEL_PATH_MAX    1024
/* Names in a parcel, and in the folder that it is unpacked into. */
#define PARCEL_BUNDLE "bundle.agent"
#define PARCEL_ABOUT  "agent.json"
#define PARCEL_STATE  "state"

#define PARCEL_SHA256_SIZE 65 /* hexadecimal, with its NUL */

/* Bytes of all files of a state folder; none when it is not there. BB_RANGE: something in it cannot be moved,
 * the reason names it. BB_FULL: too much. BB_IO. */
BB_MUST_CHECK enum status parcel_measure(const char *state, struct bb_reason *reason, int64_t *bytes_out);

/* Makes the parcel `to` of the file `bundle`, the text `about` and the folder `state`. It stops soon after
 * *stop becomes true: BB_INTERRUPTED. As parcel_measure. */
BB_MUST_CHECK enum status parcel_pack(const char *bundle, const char *about, const char *state,
                                      const char *to, const atomic_bool *stop, struct bb_reason *reason,
                                      int64_t *size_out, char sha256_out[PARCEL_SHA256_SIZE]);

/* Checks the hash of the file `from`, and unpacks it into the new folder `to`, onto the disk. BB_MALFORMED:
 * another hash, or it does not follow the format; BB_FULL: too much; BB_IO; BB_INTERRUPTED. */
BB_MUST_CHECK enum status parcel_unpack(const char *from, const char *sha256, const char *to,
                                        const atomic_bool *stop, struct bb_reason *reason);

#endif
