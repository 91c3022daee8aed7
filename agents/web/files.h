/* The pages: files that the build has put into the program (agents/web/pages, and the libraries of
 * agents/web/npm), each as it is and packed. */
#ifndef AGENTS_WEB_FILES_H
#define AGENTS_WEB_FILES_H

#include "agents/web/exchange.h"

struct file {
    const char *path; /* "/app.js" */
    const char *type; /* of its content */
    const char *tag;  /* ETag, with quotes */
    const unsigned char *plain, *packed;
    size_t plain_size, packed_size;
};

/* Made by the build, in the order of the paths. */
extern const struct file file_table[];
extern const size_t file_count;

/* The file of a path; of a page of the application ("/dispatch") it is index.html. NULL: there is none. */
const struct file *files_find(const char *path);

/* Answers with the file of the exchange's path, packed for who takes it, or with 304, or 404. */
void files_handle(void *context, struct exchange *exchange);

#endif
