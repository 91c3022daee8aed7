/* CURVE keys: pairs, files, text forms and fingerprints. In memory a key is Z85 text, as libzmq takes it.
 * A key file is `{"public":"…","secret":"…"}` in base64url of 43 characters, VOLTTRON's keystore shape.
 * Source: ZeroMQ RFC 26 (CURVE), RFC 32 (Z85), RFC 4648 §5 (base64url). */
#ifndef BUS_CLIENT_KEYS_H
#define BUS_CLIENT_KEYS_H

#include <busbar/reason.h>
#include <busbar/status.h>

/* Sizes with their NUL. */
#define KEY_Z85_SIZE         41
#define KEY_BASE64_SIZE      44
#define KEY_FINGERPRINT_SIZE 20

struct keys {
    char public_key[KEY_Z85_SIZE];
    char secret_key[KEY_Z85_SIZE];
};

/* A new pair. BB_IO when libzmq has no CURVE or no randomness. */
BB_MUST_CHECK enum status keys_generate(struct keys *out);

/* Writes a new file of mode 0600; never overwrites. BB_EXISTS, BB_IO; the reason names the file. */
BB_MUST_CHECK enum status keys_save(const char *path, const struct keys *keys, struct bb_reason *reason);

/* Reads a pair. BB_NOT_FOUND, BB_IO, BB_DENIED (others can read the file: the reason says chmod),
 * BB_MALFORMED (not a key pair, or the public key does not belong to the secret one). */
BB_MUST_CHECK enum status keys_load(const char *path, struct keys *out, struct bb_reason *reason);

/* Overwrites both keys with zeros. */
void keys_wipe(struct keys *keys);

/* Writes a public key as one line of base64url, mode 0644, replacing the file. BB_RANGE (not a Z85 key),
 * BB_IO.
 */
BB_MUST_CHECK enum status keys_save_public(const char *path, const char *z85, struct bb_reason *reason);

/* Reads a one-line public key in any text form. z85_out[KEY_Z85_SIZE]. BB_NOT_FOUND, BB_IO, BB_MALFORMED. */
BB_MUST_CHECK enum status keys_load_public(const char *path, char *z85_out, struct bb_reason *reason);

/* A key in base64url (43 characters, or 44 with '='), Z85 (40) or hex (64), as Z85. z85_out[KEY_Z85_SIZE].
 * BB_MALFORMED. */
BB_MUST_CHECK enum status keys_from_text(const char *text, char *z85_out);

/* The base64url form of a Z85 key. base64_out[KEY_BASE64_SIZE]. BB_MALFORMED when it is no Z85 key. */
BB_MUST_CHECK enum status keys_to_base64(const char *z85, char *base64_out);

/* "ABCD-EFGH-IJKL-MNOP": the first 80 bits of a public key in base32, for people to compare. To meet a given
 * one takes 2^80 key generations, as with a hash cut to 80 bits. fingerprint_out[KEY_FINGERPRINT_SIZE].
 * BB_MALFORMED.
 */
BB_MUST_CHECK enum status keys_fingerprint(const char *z85, char *fingerprint_out);

#endif
