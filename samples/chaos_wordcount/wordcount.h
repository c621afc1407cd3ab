/* SPDX-License-Identifier: MIT
 *
 * wordcount.h - what the files of the chaos word count share: the job, the
 * messages, and the functions by which one part uses another.
 *
 *     main        options, exit code
 *     corpus      finds the files, reads them, cuts them into chunks
 *     tally       a table of words and how often each was seen
 *     reader      server: hands out chunks, knows who has which
 *     ledger      the reader's book of chunk numbers
 *     worker      counts a chunk at a time, is struck all the time
 *     aggregator  server: adds up, each chunk once
 *     faults      what can be done to a worker, and how it is known again
 *     saboteur    server: strikes workers, and keeps the book of their deaths
 *     display     shows how it goes on
 *     director    the supervision tree, and the first actor
 *     verify      counts again, on its own and in another way
 *     report      totals and verdict
 *
 * A word is a run of ASCII letters and of bytes from 128 up; letters are
 * folded to lower case. verify.c has its own reading of this sentence.
 *
 * Words to know: a chunk is a piece of a file that ends at the end of a word;
 * a pass is all chunks once; chunk n of pass p has the number p * chunks + n,
 * and that number is what is handed out, counted once and confirmed.
 */
#ifndef WORDCOUNT_H
#define WORDCOUNT_H

#include <coppice.h>
#include <stdio.h>

enum {
    MAX_WORKERS = 64,
    DEFAULT_WORKERS = 4,
    DEFAULT_KILLS = 200,
    CHUNK_BYTES = 16 * 1024,
    MAX_NUMBER = 1 << 28 /* of chunks in all passes */
};

/* What the exit code says. */
enum { EXIT_RIGHT = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

enum sabotage {
    SABOTAGE_NONE,
    SABOTAGE_TWICE, /* the aggregator adds one chunk twice */
    SABOTAGE_DROP,  /* the aggregator drops one chunk */
    SABOTAGE_HIDE   /* the saboteur keeps quiet about one death */
};

/* Constant while the actors run. */
struct job {
    unsigned kills_per_second;
    unsigned workers;
    unsigned threads;
    unsigned passes;
    uint64_t seed;
    bool quiet;
    bool crashes; /* native faults and limits, beside signals and poison */
    enum sabotage sabotage;
    const char *reports; /* the file that gets crash reports, or NULL */
    struct corpus *corpus;
};

/* Tags. CHUNK and RESULT carry one of the heads below and what follows it. */
enum {
    TAG_READY = 1, /* worker to reader: give me a chunk */
    TAG_CHUNK,     /* reader to worker: head and text */
    TAG_FAULT,     /* saboteur to worker, an enum fault: suffer in mid-chunk */
    TAG_RESULT,    /* worker to aggregator: head and packed tally */
    TAG_CONFIRMED, /* aggregator to reader: this number is counted */
    TAG_FINISHED,  /* reader to director: all are */
    TAG_PROGRESS,  /* call to the reader: struct progress */
    TAG_TOTALS,    /* call to the aggregator: struct totals */
    TAG_WORDS,     /* call to the aggregator: packed tally */
    TAG_BOOK,      /* call to the saboteur: struct book */
    TAG_ENOUGH     /* the same, and it strikes no more */
};

struct chunk_head {
    uint32_t number;
    uint32_t length; /* bytes of text */
};

struct result_head {
    uint32_t number;
    uint32_t bytes;
    uint32_t lines;
    uint32_t entries; /* of the packed tally */
    uint64_t words;
};

struct progress {
    uint64_t chunks, confirmed;
    uint64_t files, files_done; /* each file once in each pass */
    uint64_t reissued;          /* chunks given out again */
};

struct totals {
    uint64_t chunks, bytes, lines, words, distinct;
    uint64_t duplicates; /* results of chunks counted before */
};

enum fault {
    FAULT_KILL,
    FAULT_BOOM,
    FAULT_POISON,
    FAULT_NULL,
    FAULT_OVERFLOW,
    FAULT_DIVIDE,
    FAULT_ABORT,
    FAULT_LOOP,
    FAULT_EAT,
    FAULTS
};

/* What the saboteur did, and what came of it. Each fault that was sent is in
 * one of three places: its victim died of it; its victim had died of another
 * one; or it lies in a mailbox still. */
struct book {
    uint64_t sent[FAULTS], deaths[FAULTS], late[FAULTS];
    uint64_t missed;      /* of those drawn: nobody was there, or it loops */
    uint64_t unexplained; /* deaths by what nobody had sent */
    char unexplained_why[64];
    uint64_t signature; /* of the first faults that were drawn, so many: */
    uint64_t signed_faults;
};

/* All that is left when the actors have gone. */
struct outcome {
    const struct job *job;
    bool finished;
    struct progress progress;
    struct totals totals;
    struct book book;
    uint64_t restarts, messages;
    cop_crash_counts crashes;
    cop_time elapsed_ns;
    struct tally *words;
    char tree[8192];
    char failure[COP_REASON_TEXT];
};

/* ----------------------------------------------------------------- corpus */

struct file {
    char *path;
    uint64_t size;
    int64_t changed_ns;
    uint32_t first_chunk, nchunks;
};

struct chunk {
    uint32_t file;
    uint32_t length;
    uint64_t offset; /* in the text */
};

struct corpus {
    struct file *files;
    size_t nfiles;
    uint64_t bytes;
    /* Below: the reader's, made anew by each corpus_read. */
    char *text;
    struct chunk *chunks;
    size_t nchunks;
};

/* Finds the files (of the defaults if n is 0) and looks whether each can be
 * read. NULL after a message on stderr. */
struct corpus *corpus_find(char *const *paths, size_t n);
/* Reads all of them and cuts chunks: 0, or COP_ESYS, COP_ENOMEM. Blocks. */
int corpus_read(struct corpus *c);
/* The first file that is no longer as it was found, or NULL. */
const char *corpus_changed(const struct corpus *c);
void corpus_forget(struct corpus *c); /* text and chunks */
void corpus_free(struct corpus *c);

/* Not isalpha: what that looks up belongs to the calling thread, and an actor
 * may go on in another one. */
static inline bool is_in_word(char c)
{
    return (unsigned char)c >= 128 || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

/* ------------------------------------------------------------------ tally */

struct tally_entry {
    char *word; /* NULL: an empty place; not closed with a zero byte */
    uint32_t length;
    uint32_t hash;
    uint64_t count;
};

/* An open hash table; words live in blocks that go with it. */
struct tally {
    struct tally_entry *entries;
    size_t size, used; /* size is a power of two */
    struct tally_block *blocks;
};

struct tally *tally_new(void);
void tally_free(struct tally *t);
void tally_clear(struct tally *t);
/* Adds to a word's count: 0 or COP_ENOMEM. */
int tally_add(struct tally *t, const char *word, size_t length, uint64_t n);
/* As a run of (count, length, bytes), for a message. */
size_t tally_packed_bytes(const struct tally *t);
void tally_pack(const struct tally *t, void *out);
/* Adds all of a packed tally: 0, COP_ENOMEM, or COP_ESIZE if it is cut. */
int tally_add_packed(struct tally *t, const void *packed, size_t size);
/* Moves the entries together, the most frequent first, or by the alphabet.
 * Nothing can be added afterwards. */
void tally_sort_by_count(struct tally *t);
void tally_sort_by_word(struct tally *t);

/* ----------------------------------------------------------------- ledger */

#define NO_NUMBER UINT32_MAX

/* Each number is waiting, out or done. */
struct ledger {
    unsigned char *states;
    uint32_t *below;      /* of each given back: the one under it */
    uint32_t total, next; /* numbers in all, first one never taken */
    uint32_t top;         /* of those given back, or NO_NUMBER */
    uint32_t out;
};

/* COP_ENOMEM. ledger_fini either way. */
int ledger_init(struct ledger *l, uint32_t total);
void ledger_fini(struct ledger *l);
/* The next number, which is out now, or NO_NUMBER; those given back first. */
uint32_t ledger_take(struct ledger *l);
/* Makes a number that is out wait again; false if it was not out. */
bool ledger_give_back(struct ledger *l, uint32_t number);
/* Makes a number done; false if it was so already, or is none. */
bool ledger_confirm(struct ledger *l, uint32_t number);

/* ----------------------------------------------------------------- faults */

/* What a worker may have and use beside what a chunk takes, which is seldom
 * more than a millisecond for a breath, and some kilobytes. */
#define MAX_RUN_NS (100 * COP_MS)
#define MAX_MEMORY (1024 * 1024)

/* False in a program built with a sanitizer, which takes native faults for
 * itself and is not preempted. */
bool can_crash(void);
/* The fault that the random number `r` means. */
enum fault fault_draw(uint64_t r, bool crashes);
const char *fault_name(enum fault f);
/* How it reads as an exit reason: the beginning of cop_reason_str. */
const char *fault_reason(enum fault f);
/* What somebody died of, or FAULTS. */
enum fault fault_of(cop_reason why);
/* Does it to another actor: 0 or a code. */
int fault_send(enum fault f, cop_pid victim);
/* Does it to the calling actor, which does not return. */
COP_NORETURN void fault_suffer(enum fault f);

/* ----------------------------------------------------------------- actors */

extern const cop_server reader_server, aggregator_server, saboteur_server;
void worker_run(void *arg);
void display_run(void *arg);
void director_run(void *arg);

void reader_ready(void);
void reader_confirm(uint32_t number);
int reader_progress(struct progress *out);
int aggregator_totals(struct totals *out);
int aggregator_words(struct tally **out);
int saboteur_book(struct book *out);
int saboteur_enough(struct book *out);
uint64_t book_sum(const uint64_t *column);

/* Worker i's registered name, 0 to MAX_WORKERS - 1. */
const char *worker_name(unsigned i);
/* How often the pool's supervisor has restarted a worker. */
uint64_t pool_restarts(void);

/* --------------------------------------------------------------- the end */

struct verified {
    uint64_t bytes, lines, words, distinct;
};

/* Counts the files again, without actors, and compares word by word with
 * `passes` times as much. 0 if they agree; 1 if not, with a sentence in
 * `text`; or a code if it could not be done. */
int verify(const struct corpus *c, unsigned passes, const struct totals *t,
           const struct tally *words, struct verified *out, char *text,
           size_t size);
/* Prints totals and verdict, returns the exit code. */
int report(const struct outcome *o);

#endif
