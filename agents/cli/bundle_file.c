#include "agents/cli/bundle_file.h"

#include "agents/bundle/folder.h"
#include "agents/cli/blob.h"
#include "agents/cli/home.h"
#include "ledger/crypto/address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum exit_code bundle_file_open(const struct call *call, const char *path, const struct trust *trust,
                                struct bundle_file_held *out)
{
    struct bb_reason reason = {""};
    enum status status = blob_read(path, BUNDLE_SIZE_MAX, &reason, &out->data, &out->size);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    status = bundle_read((struct bytes){out->data, out->size}, trust, &reason, &out->bundle);
    if (status == BB_OK)
        return EXIT_DONE;
    free(out->data);
    return call_fail(call, status == BB_DENIED ? EXIT_DENIED : EXIT_INTEGRITY, "%s: %s", path, reason.text);
}

void bundle_file_close(struct bundle_file_held *held)
{
    bundle_free(&held->bundle);
    free(held->data);
}

enum exit_code bundle_file_trust(const struct call *call, char *path_out, struct trust *out)
{
    char home[512];
    struct bb_reason reason = {""};
    enum status status = home_find(call_value(call, "home"), &reason, home, sizeof home);
    if (status == BB_OK) {
        snprintf(path_out, 600, "%s/%s", home, TRUST_FILE);
        status = trust_load(path_out, &reason, out);
    }
    return status == BB_OK ? EXIT_DONE : call_fail(call, exit_of(status), "%s", reason.text);
}

static void print_topics(const char *label, const struct manifest_list *list, FILE *to)
{
    fprintf(to, "%-12s", label);
    for (size_t i = 0; i < list->count; i++)
        fprintf(to, "%s%s", i > 0 ? ", " : " ", list->items[i][0] != '\0' ? list->items[i] : "every topic");
    fputs(list->count == 0 ? " nothing\n" : "\n", to);
}

void bundle_file_print(const struct bundle *bundle, FILE *to)
{
    const struct manifest *m = &bundle->manifest;
    char digest[BUNDLE_DIGEST_ROOM], signer[ADDRESS_TEXT] = "nobody";
    if (bundle->is_signed)
        address_format(&bundle->signer, signer);
    fprintf(to, "agent        %s %s%s%s\n", m->name, m->release, m->summary[0] != '\0' ? ", " : "",
            m->summary);
    fprintf(to,
            "digest       %s\nfiles        %zu, in a bundle of %zu bytes\nsigned by    %s\nidentity     %s\n",
            bundle_digest(bundle, digest), bundle->file_count, bundle->archive.size, signer, m->identity);
    fputs("command     ", to);
    for (size_t i = 0; i < m->command_count; i++)
        fprintf(to, " %s", m->command[i]);
    fputc('\n', to);
    print_topics("publishes", &m->publish, to);
    print_topics("hears", &m->subscribe, to);
    print_topics("capabilities", &m->capabilities, to);
    fprintf(to, "limits       %lld MB, %lld %% of a core, %lld processes, %lld files, %lld messages/s\n",
            (long long)m->limits.memory_mb, (long long)m->limits.cpu_percent, (long long)m->limits.processes,
            (long long)m->limits.files, (long long)m->limits.messages_per_s);
}

json_t *bundle_file_json(const struct bundle *bundle)
{
    char digest[BUNDLE_DIGEST_ROOM], signer[ADDRESS_TEXT];
    if (bundle->is_signed)
        address_format(&bundle->signer, signer);
    return json_pack("{s:s,s:s,s:s,s:I,s:I,s:s?,s:O}", "name", bundle->manifest.name, "release",
                     bundle->manifest.release, "digest", bundle_digest(bundle, digest), "files",
                     (json_int_t)bundle->file_count, "bytes", (json_int_t)bundle->archive.size, "signer",
                     bundle->is_signed ? signer : NULL, "manifest", bundle->manifest.root);
}

enum exit_code bundle_file_write(const struct call *call, const char *path, struct bytes archive)
{
    struct bb_reason reason = {""};
    const char *slash = strrchr(path, '/');
    char *place = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int folder = place != NULL ? open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(place);
    if (folder < 0)
        return call_fail(call, EXIT_FAILED, "%s: %s", path, strerror(errno));
    enum status status = folder_store(folder, slash != NULL ? slash + 1 : path, archive, 0644, &reason);
    close(folder);
    return status == BB_OK ? EXIT_DONE : call_fail(call, EXIT_FAILED, "%s", reason.text);
}
