/* SPDX-License-Identifier: MIT
 *
 * plan.c - the parser of fault plans, and their patterns. Rank: 1.
 *
 * A plan is a list of rules, a rule a list of words. The first word is the
 * rule's kind; then come *places*, words whose meaning depends on how many of
 * them there were (`exit NAME REASON`), and *options* (`p=0.1`), in any order
 * among each other. Three tables say all: which places a kind has, which
 * options a class of rules takes, and how a value of each is read. So there is
 * no grammar beside them, and an error can always say what was expected.
 *
 * An error is the first one from the left. What is missing is reported where
 * the rule ends.
 *
 * Probabilities are read into billionths, not into floating point: the same
 * text means the same on every machine and in every locale.
 */
#include "runtime/probe/plan.h"

#include "runtime/base/check.h"
#include "runtime/base/format.h"
#include "runtime/probe/fault.h"
#include "runtime/probe/libc.h"

/* A word of the text, or its end: size 0. */
struct word {
    const char *at;
    size_t size;
};

struct parser {
    const char *text;
    const char *at;
    struct copi_plan *plan;
    struct copi_rule *rule;
    unsigned places; /* bit p: enum place p of the rule is there */
    unsigned given;  /* bit o: options[o] of the rule is there */
    struct copi_plan_error *error;
    int failed; /* the code of the first error, or 0 */
};

/* ---------------------------------------------------------------- errors -- */

static bool is_end(char c)
{
    return c == '\0' || c == ';' || c == '\n' || c == '#';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void note_place(struct parser *p, const char *at)
{
    struct copi_plan_error *e = p->error;
    const char *line = p->text;
    e->line = 1;
    for (const char *s = p->text; s < at; s++)
        if (*s == '\n') {
            e->line++;
            line = s + 1;
        }
    e->column = (unsigned)(at - line) + 1;
}

static char shown(char c)
{
    if (is_blank(c))
        return ' ';
    return (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
}

/* Cut to fit, and without what would break a line. */
static void show(const struct word *w, char *out, size_t size)
{
    size_t n = COPI_MIN(w->size, size - 1);
    for (size_t i = 0; i < n; i++)
        out[i] = shown(w->at[i]);
    out[n] = '\0';
}

/* Notes "expected ..., found ...", unless something was wrong before. False. */
static bool expected(struct parser *p, const struct word *w, const char *what)
{
    char found[40];
    if (p->failed != 0)
        return false;
    p->failed = COP_EINVAL;
    note_place(p, w->at);
    show(w, found, sizeof found);
    if (w->size == 0)
        copi_format(p->error->text, sizeof p->error->text,
                    "expected %s, found the end of the rule", what);
    else
        copi_format(p->error->text, sizeof p->error->text,
                    "expected %s, found `%s`", what, found);
    return false;
}

static bool refuse(struct parser *p, const struct word *w, int code,
                   const char *why)
{
    if (p->failed != 0)
        return false;
    p->failed = code;
    note_place(p, w->at);
    copi_format(p->error->text, sizeof p->error->text, "%s", why);
    return false;
}

/* ---------------------------------------------------------------- words -- */

static struct word next_word(struct parser *p)
{
    struct word w;
    while (is_blank(*p->at))
        p->at++;
    w.at = p->at;
    while (!is_end(*p->at) && !is_blank(*p->at))
        p->at++;
    w.size = (size_t)(p->at - w.at);
    return w;
}

static bool is_word(const struct word *w, const char *text)
{
    return strlen(text) == w->size && memcmp(w->at, text, w->size) == 0;
}

static bool copy_word(const struct word *w, char *out, size_t size)
{
    if (w->size == 0 || w->size >= size)
        return false;
    memcpy(out, w->at, w->size);
    out[w->size] = '\0';
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The number at the word's beginning, which is cut off; false: none, or it does
 * not fit. */
static bool take_number(struct word *w, uint64_t *out)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < w->size && is_digit(w->at[i]); i++) {
        uint64_t digit = (uint64_t)(w->at[i] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    w->at += i;
    w->size -= i;
    *out = n;
    return i > 0;
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool take_hex(struct word w, uint64_t *out)
{
    *out = 0;
    if (w.size < 3 || w.size > 18 || w.at[0] != '0' || w.at[1] != 'x')
        return false;
    for (size_t i = 2; i < w.size; i++) {
        int digit = hex_digit(w.at[i]);
        if (digit < 0)
            return false;
        *out = *out * 16 + (uint64_t)digit;
    }
    return true;
}

/* The whole word is one. */
static bool is_number(struct word w, uint64_t *out)
{
    return take_hex(w, out) || (take_number(&w, out) && w.size == 0);
}

/* `5ms` at the word's beginning. A year is the longest. */
static bool take_time(struct word *w, cop_time *out)
{
    static const struct {
        const char *text;
        cop_time ns;
    } units[] = {{"ns", 1},      {"us", COP_US},        {"ms", COP_MS},
                 {"s", COP_SEC}, {"min", 60 * COP_SEC}, {"h", 3600 * COP_SEC}};
    const cop_time longest = 365 * 24 * 3600 * COP_SEC;
    uint64_t n;
    if (!take_number(w, &n))
        return false;
    size_t letters = 0;
    while (letters < w->size && w->at[letters] >= 'a' && w->at[letters] <= 'z')
        letters++;
    struct word unit = {w->at, letters};
    for (size_t i = 0; i < COPI_ARRAY_LEN(units); i++) {
        if (!is_word(&unit, units[i].text))
            continue;
        w->at += letters;
        w->size -= letters;
        *out = (cop_time)n * units[i].ns;
        return n <= (uint64_t)(longest / units[i].ns);
    }
    return false;
}

static bool is_time(struct word w, cop_time *out)
{
    return take_time(&w, out) && w.size == 0;
}

/* `0.25`, in billionths. */
static bool is_share(struct word w, uint32_t *out)
{
    uint64_t whole, part = 0;
    uint32_t scale = COPI_PLAN_CERTAIN;
    if (!take_number(&w, &whole) || whole > 1)
        return false;
    if (w.size > 0) {
        size_t digits = w.size - 1;
        if (w.at[0] != '.' || digits < 1 || digits > 9)
            return false;
        w.at++;
        w.size--;
        if (!take_number(&w, &part) || w.size > 0)
            return false;
        for (; digits > 0; digits--)
            scale /= 10;
        part *= scale;
    }
    *out = (uint32_t)(whole * COPI_PLAN_CERTAIN + part);
    return whole * COPI_PLAN_CERTAIN + part <= COPI_PLAN_CERTAIN;
}

/* --------------------------------------------------------------- values -- */

static bool read_pattern(struct parser *p, const struct word *w, char *out)
{
    if (copy_word(w, out, COPI_PLAN_PATTERN))
        return true;
    return expected(p, w, "a pattern for names, of at most 63 bytes");
}

static bool read_time(struct parser *p, const struct word *w, cop_time *out)
{
    if (is_time(*w, out) && *out > 0)
        return true;
    return expected(p, w, "a time such as 5ms, up to a year");
}

static bool read_count(struct parser *p, const struct word *w, uint64_t *out)
{
    if (is_number(*w, out) && *out > 0)
        return true;
    return expected(p, w, "a number from 1 on");
}

static bool read_tag(struct parser *p, const struct word *w)
{
    uint64_t n;
    struct copi_rule *r = p->rule;
    if (w->size > 0 && is_digit(w->at[0]) && is_number(*w, &n) && n > 0 &&
        n <= UINT32_MAX) {
        r->tag = (cop_tag)n;
        return true;
    }
    if (copy_word(w, r->tag_name, sizeof r->tag_name) &&
        copi_plan_is_tag_name(r->tag_name))
        return true;
    return expected(p, w, "a tag's number or name");
}

static bool read_sends(struct parser *p, const struct word *w)
{
    static const char *const names[] = {
#define COPI_X(name, text) text,
        COPI_SENDS(COPI_X)
#undef COPI_X
    };
    for (unsigned i = 0; i < COPI_SEND_KINDS; i++)
        if (is_word(w, names[i])) {
            p->rule->sends = 1u << i;
            return true;
        }
    return expected(p, w, "plain, cast, call or reply");
}

/* --------------------------------------------------------------- places -- */

enum place {
    PLACE_NONE,
    PLACE_WHO,
    PLACE_REASON,
    PLACE_TIME, /* optional */
    PLACE_FACTOR,
    PLACE_RANGE,
    PLACE_POINT,
    PLACE_CALL,
    PLACE_ERROR
};

static const char point_names[] = "a fault point, one of"
#define COPI_X(name, text, what) " " text
    COPI_FAULTS(COPI_X);
#undef COPI_X

static const char call_names[] = "a call, one of mmap pthread_create"
#define COPI_X(name, type, params, args) " " #name
    COPI_LIBC(COPI_X);
#undef COPI_X

static const char error_names[] = "an error, one of"
#define COPI_X(name) " " #name
    COPI_LIBC_ERRORS(COPI_X);
#undef COPI_X

static const char kind_names[] = "seed= or one of"
#define COPI_X(name, text, class) " " text
    COPI_RULES(COPI_X);
#undef COPI_X

static const char *const place_names[] = {
    "",
    "an actor's name or pattern",
    "a reason's name, of at most 63 bytes",
    "a time such as 5ms, up to a year",
    "a factor from x2 to x1000",
    "a time or a range such as 5ms..50ms",
    point_names,
    call_names,
    error_names};

static const enum place places[COPI_RULE_KINDS][2] = {
    [COPI_RULE_KILL] = {PLACE_WHO},
    [COPI_RULE_EXIT] = {PLACE_WHO, PLACE_REASON},
    [COPI_RULE_SEGV] = {PLACE_WHO},
    [COPI_RULE_ABORT] = {PLACE_WHO},
    [COPI_RULE_FPE] = {PLACE_WHO},
    [COPI_RULE_OVERFLOW] = {PLACE_WHO},
    [COPI_RULE_HANG] = {PLACE_WHO, PLACE_TIME},
    [COPI_RULE_SLOW] = {PLACE_WHO, PLACE_FACTOR},
    [COPI_RULE_DROP] = {PLACE_NONE},
    [COPI_RULE_DELAY] = {PLACE_RANGE},
    [COPI_RULE_DUPLICATE] = {PLACE_NONE},
    [COPI_RULE_FAIL] = {PLACE_POINT},
    [COPI_RULE_ERRNO] = {PLACE_CALL, PLACE_ERROR},
};

static bool read_factor(struct parser *p, const struct word *w)
{
    uint64_t n;
    if (w->size > 1 && w->at[0] == 'x' &&
        is_number((struct word){w->at + 1, w->size - 1}, &n) && n >= 2 &&
        n <= 1000) {
        p->rule->factor = (unsigned)n;
        return true;
    }
    return expected(p, w, place_names[PLACE_FACTOR]);
}

static bool read_range(struct parser *p, const struct word *w)
{
    struct copi_rule *r = p->rule;
    struct word rest = *w;
    if (take_time(&rest, &r->low_ns)) {
        r->high_ns = r->low_ns;
        if (rest.size == 0 && r->low_ns > 0)
            return true;
        if (rest.size > 2 && rest.at[0] == '.' && rest.at[1] == '.' &&
            is_time((struct word){rest.at + 2, rest.size - 2}, &r->high_ns) &&
            r->high_ns >= r->low_ns && r->high_ns > 0)
            return true;
    }
    return expected(p, w, place_names[PLACE_RANGE]);
}

static bool read_point(struct parser *p, const struct word *w)
{
    char name[16];
    p->rule->point =
        copy_word(w, name, sizeof name) ? copi_fault_find(name) : -1;
    return p->rule->point >= 0 || expected(p, w, place_names[PLACE_POINT]);
}

/* The calls behind the runtime's own fault points; it makes others, but none
 * whose failure a program could see. */
static const struct {
    const char *call, *error;
    enum copi_fault_point point;
} own_calls[] = {{"mmap", "ENOMEM", COPI_FAULT_MAP},
                 {"pthread_create", "EAGAIN", COPI_FAULT_THREAD}};

static bool read_call(struct parser *p, const struct word *w)
{
    struct copi_rule *r = p->rule;
    char name[24];
    for (size_t i = 0; i < COPI_ARRAY_LEN(own_calls); i++)
        if (is_word(w, own_calls[i].call)) {
            r->class = COPI_RULE_POINT;
            r->point = (int)i;
            return true;
        }
    r->call = copy_word(w, name, sizeof name) ? copi_libc_find(name) : -1;
    if (r->call < 0)
        return expected(p, w, call_names);
    return COPI_LIBC_CAN_FAIL ||
           refuse(p, w, COP_ENOTSUP,
                  "actors' calls cannot be made to fail in a build with a "
                  "sanitizer");
}

static bool read_own_error(struct parser *p, const struct word *w)
{
    int i = p->rule->point;
    if (is_word(w, own_calls[i].error)) {
        p->rule->point = (int)own_calls[i].point;
        return true;
    }
    return refuse(p, w, COP_ENOTSUP,
                  "only these can be had: mmap ENOMEM, pthread_create EAGAIN");
}

static bool read_error(struct parser *p, const struct word *w)
{
    char name[24];
    if (p->rule->class == COPI_RULE_POINT)
        return read_own_error(p, w);
    p->rule->error =
        copy_word(w, name, sizeof name) ? copi_libc_error(name) : 0;
    return p->rule->error != 0 || expected(p, w, error_names);
}

static bool read_place(struct parser *p, enum place place, const struct word *w)
{
    struct copi_rule *r = p->rule;
    switch (place) {
    case PLACE_WHO:
        return read_pattern(p, w, r->who);
    case PLACE_REASON:
        return copy_word(w, r->reason, sizeof r->reason) ||
               expected(p, w, place_names[PLACE_REASON]);
    case PLACE_TIME:
        return read_time(p, w, &r->high_ns);
    case PLACE_FACTOR:
        return read_factor(p, w);
    case PLACE_RANGE:
        return read_range(p, w);
    case PLACE_POINT:
        return read_point(p, w);
    case PLACE_CALL:
        return read_call(p, w);
    case PLACE_ERROR:
        return read_error(p, w);
    case PLACE_NONE:
        break;
    }
    return expected(p, w, "an option, or the end of the rule");
}

/* The next place that is still open, or PLACE_NONE. */
static enum place open_place(const struct parser *p)
{
    const enum place *own = places[p->rule->kind];
    for (size_t i = 0; i < 2; i++)
        if (own[i] != PLACE_NONE && !(p->places >> own[i] & 1))
            return own[i];
    return PLACE_NONE;
}

static bool take_place(struct parser *p, const struct word *w)
{
    enum place place = open_place(p);
    p->places |= 1u << place;
    return read_place(p, place, w);
}

/* -------------------------------------------------------------- options -- */

#define ALL 15u
#define OF(class) (1u << COPI_RULE_##class)

/* name, classes of rules that take it. */
#define OPTIONS(X)                                                             \
    X(ACTOR, "actor", OF(ACTOR) | OF(CALL))                                    \
    X(TAG, "tag", OF(MESSAGE))                                                 \
    X(FROM, "from", OF(MESSAGE))                                               \
    X(TO, "to", OF(MESSAGE))                                                   \
    X(KIND, "kind", OF(MESSAGE))                                               \
    X(P, "p", ALL)                                                             \
    X(EVERY, "every", ALL)                                                     \
    X(NTH, "nth", ALL)                                                         \
    X(COUNT, "count", ALL)                                                     \
    X(AFTER, "after", ALL)                                                     \
    X(UNTIL, "until", ALL)                                                     \
    X(SEED, "seed", ALL)

enum option {
#define X(name, text, classes) OPTION_##name,
    OPTIONS(X)
#undef X
        OPTION_COUNT_OF
};

static const struct {
    const char *name;
    unsigned classes;
} options[] = {
#define X(name, text, classes) {text, classes},
    OPTIONS(X)
#undef X
};

static bool read_option(struct parser *p, enum option o, const struct word *w)
{
    struct copi_rule *r = p->rule;
    switch (o) {
    case OPTION_ACTOR:
        p->places |= 1u << PLACE_WHO;
        return read_pattern(p, w, r->who);
    case OPTION_TAG:
        return read_tag(p, w);
    case OPTION_FROM:
        return read_pattern(p, w, r->from);
    case OPTION_TO:
        return read_pattern(p, w, r->to);
    case OPTION_KIND:
        return read_sends(p, w);
    case OPTION_P:
        return is_share(*w, &r->p) || expected(p, w, "a number from 0 to 1");
    case OPTION_EVERY:
        return read_time(p, w, &r->every_ns);
    case OPTION_NTH:
        return read_count(p, w, &r->nth);
    case OPTION_COUNT:
        return read_count(p, w, &r->count);
    case OPTION_AFTER:
        return read_time(p, w, &r->after_ns);
    case OPTION_UNTIL:
        return read_time(p, w, &r->until_ns);
    case OPTION_SEED:
        r->has_seed = true;
        return is_number(*w, &r->seed) || expected(p, w, "a number");
    case OPTION_COUNT_OF:
        break;
    }
    return false;
}

/* Which options there are, for who wrote another. */
static bool unknown_option(struct parser *p, const struct word *w)
{
    char text[120];
    size_t n = copi_format(text, sizeof text, "an option, one of");
    for (size_t i = 0; i < OPTION_COUNT_OF; i++)
        if (options[i].classes >> p->rule->class & 1)
            n +=
                copi_format(text + n, sizeof text - n, " %s=", options[i].name);
    return expected(p, w, text);
}

/* A word with `=` in it. */
static bool take_option(struct parser *p, const struct word *w, size_t equals)
{
    struct word name = {w->at, equals};
    struct word value = {w->at + equals + 1, w->size - equals - 1};
    for (unsigned i = 0; i < OPTION_COUNT_OF; i++) {
        if (!is_word(&name, options[i].name) ||
            !(options[i].classes >> p->rule->class & 1))
            continue;
        bool again = p->given >> i & 1;
        if (i == OPTION_ACTOR)
            again = p->places >> PLACE_WHO & 1;
        if (again)
            return refuse(p, w, COP_EINVAL, "given twice in one rule");
        p->given |= 1u << i;
        return read_option(p, (enum option)i, &value);
    }
    return unknown_option(p, w);
}

/* ---------------------------------------------------------------- rules -- */

static bool take_word(struct parser *p, const struct word *w)
{
    const char *equals = memchr(w->at, '=', w->size);
    if (equals != NULL)
        return take_option(p, w, (size_t)(equals - w->at));
    return take_place(p, w);
}

/* What is left over when the rule is read: places not filled, options that say
 * nothing together. */
static bool is_whole(struct parser *p, const struct word *end)
{
    struct copi_rule *r = p->rule;
    enum place missing = open_place(p);
    if (missing != PLACE_NONE && missing != PLACE_TIME)
        return expected(p, end, place_names[missing]);
    if (r->kind == COPI_RULE_SLOW && r->every_ns != 0)
        return refuse(p, end, COP_EINVAL, "slow lasts: it takes no every=");
    if (r->until_ns != 0 && r->until_ns <= r->after_ns)
        return refuse(p, end, COP_EINVAL, "until= is not later than after=");
    if (r->sends == 1u << COPI_SEND_REPLY && (p->given >> OPTION_TAG & 1))
        return refuse(p, end, COP_EINVAL, "a reply has no tag of its own");
    if (r->class == COPI_RULE_POINT && r->who[0] != '\0')
        return refuse(p, end, COP_EINVAL,
                      "the call is the runtime's own: it takes no actor=");
    if (r->kind == COPI_RULE_FPE && !COPI_PLAN_HAS_FPE)
        return refuse(p, end, COP_ENOTSUP,
                      "a division by zero is no fault on this processor");
    return true;
}

static void set_defaults(struct parser *p)
{
    struct copi_rule *r = p->rule;
    if (!(p->given >> OPTION_P & 1))
        r->p = COPI_PLAN_CERTAIN;
    if (r->nth != 0 && r->count == 0)
        r->count = 1;
    if (r->sends == 0)
        r->sends =
            1u << COPI_SEND_PLAIN | 1u << COPI_SEND_CAST | 1u << COPI_SEND_CALL;
}

static bool find_kind(const struct word *w, struct copi_rule *r)
{
    static const struct {
        const char *name;
        enum copi_rule_class class;
    } kinds[] = {
#define COPI_X(name, text, class) {text, COPI_RULE_##class},
        COPI_RULES(COPI_X)
#undef COPI_X
    };
    for (unsigned i = 0; i < COPI_RULE_KINDS; i++) {
        if (!is_word(w, kinds[i].name))
            continue;
        r->kind = (enum copi_rule_kind)i;
        r->class = kinds[i].class;
        return true;
    }
    return false;
}

static bool read_rule(struct parser *p, const struct word *first)
{
    struct word w;
    if (p->plan->count == COPI_PLAN_RULES)
        return refuse(p, first, COP_ELIMIT, "a plan has at most 32 rules");
    p->rule = &p->plan->rule[p->plan->count];
    p->places = p->given = 0;
    if (!find_kind(first, p->rule))
        return expected(p, first, kind_names);
    while ((w = next_word(p)).size > 0)
        if (!take_word(p, &w))
            return false;
    if (!is_whole(p, &w))
        return false;
    set_defaults(p);
    struct word all = {first->at, (size_t)(w.at - first->at)};
    while (is_blank(all.at[all.size - 1]))
        all.size--;
    show(&all, p->rule->text, sizeof p->rule->text);
    p->plan->count++;
    return true;
}

/* `seed=7`, instead of a rule. */
static bool read_seed(struct parser *p, const struct word *w)
{
    struct word value = {w->at + 5, w->size - 5};
    if (p->plan->has_seed)
        return refuse(p, w, COP_EINVAL, "given twice in one plan");
    p->plan->has_seed = true;
    if (!is_number(value, &p->plan->seed))
        return expected(p, &value, "a number");
    struct word end = next_word(p);
    return end.size == 0 || expected(p, &end, "the end of the rule");
}

static bool read_statement(struct parser *p)
{
    struct word w = next_word(p);
    if (w.size == 0)
        return true;
    if (w.size >= 5 && memcmp(w.at, "seed=", 5) == 0)
        return read_seed(p, &w);
    return read_rule(p, &w);
}

int copi_plan_parse(struct copi_plan *out, const char *text,
                    struct copi_plan_error *error)
{
    struct parser p = {.text = text, .at = text, .plan = out, .error = error};
    memset(out, 0, sizeof *out);
    memset(error, 0, sizeof *error);
    while (read_statement(&p)) {
        if (*p.at == '#')
            while (*p.at != '\0' && *p.at != '\n')
                p.at++;
        if (*p.at == '\0')
            return 0;
        p.at++;
    }
    return p.failed;
}

/* ------------------------------------------------------------- patterns -- */

/* The next character, of UTF-8 if it is any. */
static const char *after_one(const char *s)
{
    s++;
    while (((unsigned char)*s & 0xc0) == 0x80)
        s++;
    return s;
}

/* When a character does not match, the last star takes one more; earlier stars
 * need no second try, as the last one can take whatever they could. */
bool copi_plan_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL;
    while (*name != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            from = name;
        } else if (*pattern == '?') {
            pattern++;
            name = after_one(name);
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star;
            name = from = after_one(from);
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool copi_plan_is_tag_name(const char *name)
{
    size_t n = 0;
    if (name[0] == '\0' || is_digit(name[0]))
        return false;
    for (; name[n] != '\0'; n++) {
        char c = name[n];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !is_digit(c) && c != '_' && c != '.' && c != '-')
            return false;
    }
    return n < COPI_PLAN_TAG;
}
