/* SPDX-License-Identifier: MIT
 *
 * chaos.c - fault plans: switching on and off, and what came of them. Rank: 5.
 *
 * A plan is parsed into memory of its own and copied to where it is used
 * (probe/inject.c), where one at a time can be on. In this order: the driver,
 * if the plan needs one, while nothing can go wrong yet; then the plan; then
 * the driver's start. Off in the other: the plan first, so that nothing comes
 * to the driver after its last order.
 */
#include "runtime/api/chaos.h"

#include <coppice/chaos.h>

#include "runtime/base/check.h"
#include "runtime/base/format.h"
#include "runtime/base/os.h"
#include "runtime/memory/mem.h"
#include "runtime/scheduler/worker.h"

enum { FILE_MAX = 64 << 10 };

_Static_assert(sizeof(((cop_chaos_rule *)0)->text) == COPI_PLAN_TEXT,
               "a rule is shown as it was kept");
_Static_assert(sizeof(((cop_chaos_error *)0)->text) ==
                   sizeof(((struct copi_plan_error *)0)->text),
               "an error is shown as it was noted");

/* -------------------------------------------------------------- reading -- */

static int fail(cop_chaos_error *e, int code, const char *text)
{
    e->line = e->column = 0;
    copi_format(e->text, sizeof e->text, "%s", text);
    return code;
}

/* The file's content, closed with a zero byte; FILE_MAX + 2 bytes. */
static int read_file(char *out, const char *path, cop_chaos_error *e)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return fail(e, COP_ENOENT, "the plan's file cannot be read");
    size_t n = fread(out, 1, FILE_MAX + 1, f);
    bool is_read = ferror(f) == 0;
    fclose(f);
    out[n] = '\0';
    if (!is_read)
        return fail(e, COP_ENOENT, "the plan's file cannot be read");
    if (n > FILE_MAX)
        return fail(e, COP_ESIZE, "the plan's file is larger than 64 KiB");
    if (strlen(out) != n)
        return fail(e, COP_EINVAL, "the plan's file holds a zero byte");
    return 0;
}

static int parse_text(struct copi_plan *out, const char *text,
                      cop_chaos_error *e)
{
    struct copi_plan_error where;
    int rc = copi_plan_parse(out, text, &where);
    if (rc == 0)
        return 0;
    e->line = where.line;
    e->column = where.column;
    memcpy(e->text, where.text, sizeof e->text);
    return rc;
}

static int parse_file(struct copi_plan *out, const char *path,
                      cop_chaos_error *e)
{
    char *text = copi_mem_alloc(FILE_MAX + 2);
    if (text == NULL)
        return fail(e, COP_ENOMEM, cop_error_str(COP_ENOMEM));
    int rc = read_file(text, path, e);
    if (rc == 0)
        rc = parse_text(out, text, e);
    copi_mem_free(text, FILE_MAX + 2);
    return rc;
}

/* *out is the caller's: copi_mem_free. */
static int parse(struct copi_plan **out, const char *text, cop_chaos_error *e)
{
    *out = NULL;
    if (text == NULL)
        return fail(e, COP_EINVAL, "the plan is NULL");
    struct copi_plan *plan = copi_mem_alloc(sizeof *plan);
    if (plan == NULL)
        return fail(e, COP_ENOMEM, cop_error_str(COP_ENOMEM));
    int rc = text[0] == '@' ? parse_file(plan, text + 1, e)
                            : parse_text(plan, text, e);
    if (rc == 0)
        *out = plan;
    else
        copi_mem_free(plan, sizeof *plan);
    return rc;
}

int cop_chaos_check(const char *plan, cop_chaos_error *error)
{
    cop_chaos_error own;
    struct copi_plan *p;
    int rc = parse(&p, plan, error != NULL ? error : &own);
    copi_mem_free(p, sizeof *p);
    return rc;
}

/* -------------------------------------------------------- what came of it --
 */

static void show_rule(cop_chaos_rule *out, unsigned i)
{
    memcpy(out->text, copi_inject_rule(i)->text, sizeof out->text);
    out->seed = copi_inject_seed(i);
    out->opportunities = copi_inject_seen(i);
    out->fired = copi_inject_fired(i);
    out->struck = copi_inject_struck(i);
}

/* Of a driven rule the driver has told already if nobody matches. */
static bool is_driven(const struct copi_rule *r)
{
    return r->class == COPI_RULE_ACTOR && r->every_ns != 0;
}

/* False: there is no such rule. */
static bool has_rule(unsigned i, cop_chaos_rule *out, bool *is_idle)
{
    bool is_on = copi_inject_hold();
    bool is_there = i < copi_inject_count();
    if (is_there) {
        show_rule(out, i);
        *is_idle = out->opportunities == 0 && !is_driven(copi_inject_rule(i));
    }
    copi_inject_let_go(is_on);
    return is_there;
}

size_t cop_chaos_rules(cop_chaos_rule *out, size_t cap)
{
    bool is_on = copi_inject_hold();
    unsigned n = copi_inject_count();
    for (unsigned i = 0; i < n && i < cap; i++)
        show_rule(&out[i], i);
    copi_inject_let_go(is_on);
    return n;
}

uint64_t cop_chaos_signature(void)
{
    bool is_on = copi_inject_hold();
    uint64_t h = 0;
    for (unsigned i = 0; i < copi_inject_count(); i++)
        h = copi_inject_foretell(i, h);
    copi_inject_let_go(is_on);
    return h;
}

char *cop_chaos_text(char *buf, size_t size)
{
    size_t used = 0;
    if (size == 0)
        return buf;
    buf[0] = '\0';
    bool is_on = copi_inject_hold();
    for (unsigned i = 0; i < copi_inject_count() && used < size; i++) {
        cop_chaos_rule r;
        show_rule(&r, i);
        used += copi_format(buf + used, size - used,
                            "%u: %s: fired %" PRIu64 " of %" PRIu64
                            " (seed %" PRIu64 ")\n",
                            i + 1, r.text, r.fired, r.opportunities, r.seed);
    }
    copi_inject_let_go(is_on);
    return buf;
}

/* ------------------------------------------------------------ switching -- */

static bool needs_driver(const struct copi_plan *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        const struct copi_rule *r = &p->rule[i];
        if (r->kind == COPI_RULE_DELAY || is_driven(r))
            return true;
    }
    return false;
}

static int switch_on(const struct copi_plan *p)
{
    struct copi_chaos_driver d = {0};
    if (!cop_is_running())
        return COP_ESTOPPED;
    if (cop_chaos_is_on())
        return COP_EALREADY;
    bool driven = needs_driver(p);
    copi_chaos_send_reset();
    int rc = driven ? copi_chaos_driver_new(&d) : 0;
    if (rc != 0)
        return rc;
    rc = copi_inject_start(p, copi_rt.config.seed);
    if (rc != 0) {
        copi_chaos_driver_drop(&d);
        return rc;
    }
    if (!driven)
        return 0;
    copi_chaos_driver_start(&d);
    if (!cop_chaos_is_on()) /* off again meanwhile, and not seen there */
        copi_chaos_driver_end();
    return 0;
}

int cop_chaos_on(const char *plan, cop_chaos_error *error)
{
    cop_chaos_error own;
    cop_chaos_error *e = error != NULL ? error : &own;
    struct copi_plan *p;
    int rc = parse(&p, plan, e);
    if (rc != 0)
        return rc;
    rc = switch_on(p);
    if (rc != 0)
        fail(e, rc, cop_error_str(rc));
    copi_mem_free(p, sizeof *p);
    return rc;
}

bool cop_chaos_is_on(void)
{
    bool is_on = copi_inject_enter();
    if (is_on)
        copi_inject_leave();
    return is_on;
}

/* Rules that did nothing may well be mistyped ones. */
static void tell_idle_rules(void)
{
    cop_chaos_rule r;
    bool is_idle;
    for (unsigned i = 0; has_rule(i, &r, &is_idle); i++)
        if (is_idle)
            copi_log("chaos: rule %u had no opportunity: %s", i + 1, r.text);
}

bool cop_chaos_off(void)
{
    if (!copi_inject_stop())
        return false;
    copi_chaos_driver_end();
    tell_idle_rules();
    return true;
}

int cop_chaos_tag_name(cop_tag tag, const char *name)
{
    return copi_inject_name_tag(tag, name);
}

/* ---------------------------------------------------------- environment -- */

static const char *plan_of_env(void)
{
    const char *plan = copi_os_env("COP_FAULTS");
    return plan != NULL && plan[0] != '\0' ? plan : NULL;
}

static void tell_error(const cop_chaos_error *e)
{
    if (e->line != 0)
        copi_log("COP_FAULTS: line %u, column %u: %s", e->line, e->column,
                 e->text);
    else
        copi_log("COP_FAULTS: %s", e->text);
}

int copi_chaos_check_env(void)
{
    cop_chaos_error e;
    const char *plan = plan_of_env();
    int rc = plan != NULL ? cop_chaos_check(plan, &e) : 0;
    if (rc != 0)
        tell_error(&e);
    return rc != 0 ? COP_EINVAL : 0;
}

void copi_chaos_boot(void)
{
    cop_chaos_error e;
    const char *plan = plan_of_env();
    if (plan != NULL && cop_chaos_on(plan, &e) != 0)
        tell_error(&e);
}

void copi_chaos_init(void)
{
    copi_chaos_open_door();
}
