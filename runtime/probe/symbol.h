/* SPDX-License-Identifier: MIT
 *
 * symbol.h - from addresses of code to functions, files and lines. Rank: 1.
 * How it works: symbol.c.
 */
#ifndef COPI_PROBE_SYMBOL_H
#define COPI_PROBE_SYMBOL_H

#include "runtime/base/base.h"

struct copi_symbol {
    char function[128]; /* "": not known */
    char object[64];    /* the file's name without folders; "": no code */
    uintptr_t offset;   /* from the function's beginning, or the object's */
};

/* The function at pc, from the symbol table of the file that it was loaded
 * from. False: no file holds it. Needs 1 KiB of stack, takes no lock, leaves
 * nothing open: safe in a signal handler. Reads a file: slow. */
bool copi_symbol_find(uintptr_t pc, struct copi_symbol *out);

/* A source line, innermost of those that were inlined into one another. */
struct copi_line {
    char function[128];
    char file[128]; /* the last folders of a long name; "": not known */
    int line;
};

/* The lines of pc and of the calls that were inlined around it, innermost
 * first; at most cap. 0: not known, or libdw is not there. Needs 256 KiB of
 * stack, memory, and the dynamic linker: on an ordinary thread only, which
 * holds no lock above COPI_LOCK_SYMBOLS. */
size_t copi_lines_find(uintptr_t pc, struct copi_line *out, size_t cap);
/* Frees what is known by now; it is looked up again when asked for. */
void copi_lines_forget(void);
/* "libdw" or "none". */
const char *copi_lines_by(void);

/* The text of cop_symbol_str: with lines if `deep`, which see above. */
char *copi_symbol_str(uintptr_t pc, bool is_return, bool deep, char *buf,
                      size_t size);

#endif
