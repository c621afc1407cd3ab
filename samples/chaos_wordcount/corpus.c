/* SPDX-License-Identifier: MIT
 *
 * corpus.c - the text: which files, read whole into memory, cut into chunks.
 *
 * A chunk ends at the first byte after CHUNK_BYTES that is in no word, so no
 * word is cut; a very long word makes a long chunk. Chunks cover each file
 * without gap or overlap, so bytes and lines add up. An empty file has one
 * empty chunk: it is handed out and confirmed like the others.
 */
#include "wordcount.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- finding */

static int complain(const char *path, const char *what)
{
    fprintf(stderr, "chaos_wordcount: %s: %s\n", path, what);
    return COP_ESYS;
}

static int64_t changed_at(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * COP_SEC + st->st_mtim.tv_nsec;
}

static int add_file(struct corpus *c, const char *path)
{
    struct file *files;
    struct stat st;

    if (stat(path, &st) != 0 || access(path, R_OK) != 0)
        return complain(path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return complain(path, "not a regular file");
    files = realloc(c->files, (c->nfiles + 1) * sizeof *files);
    if (files == NULL)
        return complain(path, "out of memory");
    c->files = files;
    files[c->nfiles] = (struct file){.path = strdup(path),
                                     .size = (uint64_t)st.st_size,
                                     .changed_ns = changed_at(&st)};
    if (files[c->nfiles].path == NULL)
        return complain(path, "out of memory");
    c->bytes += (uint64_t)st.st_size;
    c->nfiles++;
    return 0;
}

static bool is_source(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL && (strcmp(dot, ".c") == 0 || strcmp(dot, ".h") == 0 ||
                           strcmp(dot, ".md") == 0);
}

/* Takes regular files only and follows no links, so that nothing counts
 * twice. A folder that is not there is no error. */
static int add_folder(struct corpus *c, const char *path, bool all)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    int code = 0;

    if (dir == NULL)
        return 0;
    while (code == 0 && (d = readdir(dir)) != NULL) {
        char *inner;
        struct stat st;

        if (d->d_name[0] == '.')
            continue;
        if (asprintf(&inner, "%s/%s", path, d->d_name) < 0) {
            code = complain(path, "out of memory");
            break;
        }
        if (lstat(inner, &st) != 0)
            st.st_mode = 0;
        if (S_ISDIR(st.st_mode))
            code = add_folder(c, inner, all);
        else if (S_ISREG(st.st_mode) && (all || is_source(inner)))
            code = add_file(c, inner);
        free(inner);
    }
    closedir(dir);
    return code;
}

static int add_defaults(struct corpus *c)
{
    static const char *const folders[] = {"runtime", "actors", "include",
                                          "samples", "tests"};
    int code = add_folder(c, "/usr/share/common-licenses", true);

    for (size_t i = 0; code == 0 && i < sizeof folders / sizeof *folders; i++)
        code = add_folder(c, folders[i], false);
    if (code == 0 && c->nfiles == 0)
        code = complain("nothing to count here", "name some files");
    return code;
}

static int by_path(const void *a, const void *b)
{
    const struct file *x = a, *y = b;

    return strcmp(x->path, y->path);
}

struct corpus *corpus_find(char *const *paths, size_t n)
{
    struct corpus *c = calloc(1, sizeof *c);
    int code = 0;

    if (c == NULL) {
        complain("corpus", "out of memory");
        return NULL;
    }
    if (n == 0)
        code = add_defaults(c);
    for (size_t i = 0; code == 0 && i < n; i++)
        code = add_file(c, paths[i]);
    if (code != 0) {
        corpus_free(c);
        return NULL;
    }
    qsort(c->files, c->nfiles, sizeof *c->files, by_path);
    return c;
}

const char *corpus_changed(const struct corpus *c)
{
    for (size_t i = 0; i < c->nfiles; i++) {
        const struct file *f = &c->files[i];
        struct stat st;

        if (stat(f->path, &st) != 0 || (uint64_t)st.st_size != f->size ||
            changed_at(&st) != f->changed_ns)
            return f->path;
    }
    return NULL;
}

/* ---------------------------------------------------------------- reading */

static int read_file(const struct file *f, char *out)
{
    FILE *in = fopen(f->path, "rb");
    size_t got = 0;

    if (in == NULL)
        return COP_ESYS;
    got = fread(out, 1, f->size, in);
    fclose(in);
    return got == f->size ? 0 : COP_ESYS;
}

static uint64_t chunk_end(const char *text, uint64_t at, uint64_t end)
{
    if (end - at <= CHUNK_BYTES)
        return end;
    at += CHUNK_BYTES;
    while (at < end && is_in_word(text[at]))
        at++;
    return at;
}

/* Cuts a file that lies at `at`; with chunks NULL it only counts them. */
static uint32_t cut(const char *text, uint64_t at, uint64_t size, uint32_t file,
                    struct chunk *chunks)
{
    uint64_t end = at + size;
    uint32_t n = 0;

    do {
        uint64_t stop = chunk_end(text, at, end);

        if (chunks != NULL)
            chunks[n] = (struct chunk){
                .file = file, .length = (uint32_t)(stop - at), .offset = at};
        n++;
        at = stop;
    } while (at < end);
    return n;
}

static int cut_all(struct corpus *c)
{
    uint64_t at = 0;
    size_t n = 0;

    for (uint32_t i = 0; i < c->nfiles; i++) {
        struct file *f = &c->files[i];

        f->first_chunk = (uint32_t)n;
        f->nchunks = cut(c->text, at, f->size, i, NULL);
        n += f->nchunks;
        at += f->size;
    }
    c->chunks = calloc(n, sizeof *c->chunks);
    if (c->chunks == NULL)
        return COP_ENOMEM;
    c->nchunks = n;
    at = 0;
    for (uint32_t i = 0; i < c->nfiles; i++) {
        const struct file *f = &c->files[i];

        cut(c->text, at, f->size, i, c->chunks + f->first_chunk);
        at += f->size;
    }
    return 0;
}

int corpus_read(struct corpus *c)
{
    uint64_t at = 0;
    int code = 0;

    corpus_forget(c);
    c->text = malloc(c->bytes + 1);
    if (c->text == NULL)
        return COP_ENOMEM;
    for (size_t i = 0; code == 0 && i < c->nfiles; i++) {
        code = read_file(&c->files[i], c->text + at);
        at += c->files[i].size;
    }
    if (code == 0)
        code = cut_all(c);
    if (code != 0)
        corpus_forget(c);
    return code;
}

void corpus_forget(struct corpus *c)
{
    free(c->text);
    free(c->chunks);
    c->text = NULL;
    c->chunks = NULL;
    c->nchunks = 0;
}

void corpus_free(struct corpus *c)
{
    if (c == NULL)
        return;
    corpus_forget(c);
    for (size_t i = 0; i < c->nfiles; i++)
        free(c->files[i].path);
    free(c->files);
    free(c);
}
