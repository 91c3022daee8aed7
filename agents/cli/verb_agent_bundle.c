/* busbar agent pack, sign, verify: bundles as files; nothing here talks to the bus. */
#include "agents/cli/bundle_file.h"
#include "agents/cli/json.h"
#include "agents/cli/owner.h"
#include "agents/cli/verbs.h"
#include "ledger/crypto/hex.h"
#include "ledger/crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tells about the bundle that is now in `path`. */
static enum exit_code tell(const struct call *call, const char *path, const char *done, struct bytes archive)
{
    struct bundle bundle;
    struct bb_reason reason = {""};
    if (bundle_read(archive, NULL, &reason, &bundle) != BB_OK)
        return call_fail(call, EXIT_INTEGRITY, "%s: %s", path, reason.text);
    if (call_flag(call, "json")) {
        json_t *document = json_document(), *members = bundle_file_json(&bundle);
        json_object_set_new(document, "file", json_string(path));
        json_object_update(document, members);
        json_decref(members);
        json_print(stdout, document);
    } else {
        printf("%s %s\n", done, path);
        bundle_file_print(&bundle, stdout);
    }
    bundle_free(&bundle);
    return EXIT_DONE;
}

/* What the bundle is called when --output does not say it. */
static enum exit_code default_name(const struct call *call, struct bytes archive, char name[160])
{
    struct bundle bundle;
    struct bb_reason reason = {""};
    if (bundle_read(archive, NULL, &reason, &bundle) != BB_OK)
        return call_fail(call, EXIT_INTEGRITY, "%s", reason.text);
    snprintf(name, 160, "%s-%s.agent", bundle.manifest.name, bundle.manifest.release);
    bundle_free(&bundle);
    return EXIT_DONE;
}

/* Whether `path` would lie in the folder that is packed, and so in the next bundle of it. */
static bool lies_within(const char *folder, const char *path)
{
    char whole[PATH_MAX], place[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? snprintf(place, sizeof place, ".")
                               : snprintf(place, sizeof place, "%.*s", (int)(slash - path + 1), path);
    char *real = length > 0 && (size_t)length < sizeof place ? realpath(place, NULL) : NULL;
    bool within = false;
    if (real != NULL && realpath(folder, whole) != NULL) {
        size_t size = strlen(whole);
        within = strncmp(real, whole, size) == 0 && (real[size] == '/' || real[size] == '\0');
    }
    free(real);
    return within;
}

enum exit_code verb_agent_pack(const struct call *call)
{
    struct bb_reason reason = {""};
    char name[160];
    struct bytes archive;
    uint8_t *data;
    const char *path = call_value(call, "output");
    int folder = open(call->args[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return call_fail(call, errno == ENOENT ? EXIT_MISSING : EXIT_FAILED, "%s: %s", call->args[0],
                         strerror(errno));
    enum status status = bundle_pack(folder, &reason, &data, &archive.size);
    close(folder);
    if (status != BB_OK)
        return call_fail(call,
                         status == BB_IO          ? EXIT_FAILED
                         : status == BB_NOT_FOUND ? EXIT_MISSING
                                                  : EXIT_USAGE,
                         "%s: %s", call->args[0], reason.text);
    archive.data = data;
    enum exit_code code = path == NULL ? default_name(call, archive, name) : EXIT_DONE;
    path = path == NULL ? name : path;
    if (code == EXIT_DONE && lies_within(call->args[0], path))
        code = call_fail(
            call, EXIT_USAGE,
            "%s lies in the folder itself and would be in its next bundle: -o FILE says where to", path);
    if (code == EXIT_DONE)
        code = bundle_file_write(call, path, archive);
    if (code == EXIT_DONE)
        code = tell(call, path, "packed", archive);
    free(data);
    return code;
}

/* What a wallet is asked to sign: eth_signTypedData_v4. */
static void print_typed_data(const struct bundle *bundle)
{
    char digest[HEX_HASH];
    hex_format((struct bytes){bundle->digest.bytes, sizeof bundle->digest.bytes}, digest);
    json_t *document = json_pack(
        "{s:{s:[{s:s,s:s},{s:s,s:s}],s:[{s:s,s:s},{s:s,s:s},{s:s,s:s}]},s:s,s:{s:s,s:s},s:{s:s,s:s,s:s}}",
        "types", "EIP712Domain", "name", "name", "type", "string", "name", "version", "type", "string",
        "AgentBundle", "name", "name", "type", "string", "name", "release", "type", "string", "name",
        "digest", "type", "bytes32", "primaryType", "AgentBundle", "domain", "name", "Busbar Agent",
        "version", "1", "message", "name", bundle->manifest.name, "release", bundle->manifest.release,
        "digest", digest);
    json_print(stdout, document);
}

/* The signature that another wallet has made. */
static enum exit_code attach(const struct call *call, const struct bundle *bundle, const char *text,
                             uint8_t **data, size_t *size)
{
    struct bb_reason reason = {""};
    uint8_t signature[SIGNATURE_SIZE];
    if (hex_parse(text, signature, sizeof signature) != BB_OK)
        return call_fail(call, EXIT_USAGE, "--signature: expected 0x and 130 hexadecimal digits");
    return bundle_attach(bundle, signature, &reason, data, size) == BB_OK
               ? EXIT_DONE
               : call_fail(call, EXIT_USAGE, "--signature: %s", reason.text);
}

static enum exit_code sign(const struct call *call, const struct bundle *bundle, uint8_t **data, size_t *size)
{
    struct bb_reason reason = {""};
    struct secret secret;
    struct address address;
    struct owner owner;
    struct signer *signer;
    enum exit_code code = owner_choose(call, &owner);
    if (code == EXIT_DONE)
        code = wallet_open(call, owner.key, &secret, &address);
    if (code != EXIT_DONE)
        return code;
    if (signer_open(&signer) == BB_OK) {
        if (bundle_sign(bundle, signer, &secret, &reason, data, size) != BB_OK)
            code = call_fail(call, EXIT_FAILED, "%s", reason.text);
        signer_close(signer);
    } else {
        code = call_fail(call, EXIT_FAILED, "libsecp256k1 does not start");
    }
    secret_wipe(&secret);
    return code;
}

enum exit_code verb_agent_sign(const struct call *call)
{
    struct bundle_file_held held;
    const char *path = call_value(call, "output"), *given = call_value(call, "signature");
    uint8_t *data = NULL;
    size_t size = 0;
    if (path == NULL)
        path = call->args[0];
    enum exit_code code = bundle_file_open(call, call->args[0], NULL, &held);
    if (code != EXIT_DONE)
        return code;
    if (call_flag(call, "typed-data")) {
        print_typed_data(&held.bundle);
        bundle_file_close(&held);
        return EXIT_DONE;
    }
    code = given != NULL ? attach(call, &held.bundle, given, &data, &size)
                         : sign(call, &held.bundle, &data, &size);
    bundle_file_close(&held);
    if (code == EXIT_DONE)
        code = bundle_file_write(call, path, (struct bytes){data, size});
    if (code == EXIT_DONE)
        code = tell(call, path, "signed", (struct bytes){data, size});
    free(data);
    return code;
}

enum exit_code verb_agent_verify(const struct call *call)
{
    char path[600];
    struct trust trust;
    struct bundle_file_held held;
    enum exit_code code = bundle_file_trust(call, path, &trust);
    if (code != EXIT_DONE)
        return code;
    code = bundle_file_open(call, call->args[0], &trust, &held);
    trust_free(&trust);
    if (code != EXIT_DONE)
        return code;
    code = tell(call, call->args[0], "good:", held.bundle.archive);
    bundle_file_close(&held);
    return code;
}
