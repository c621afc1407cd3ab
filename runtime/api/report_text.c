/* SPDX-License-Identifier: MIT
 *
 * report_text.c - a crash report as text and as JSON. Rank: 5.
 *
 * Both are built in a buffer that may be too small, piece by piece. A piece is
 * a whole line, a whole member of an object, a whole element of a list: it goes
 * in if it fits and leaves RESERVE bytes for closing everything that is open;
 * else it and all that would follow are left out, and the text says so. So the
 * result is well formed however much there was to say. What matters most comes
 * first.
 *
 * Strings in JSON are made safe byte by byte: what is not UTF-8 becomes a
 * replacement character, as a parser would refuse the whole line for it.
 */
#include "runtime/api/report.h"

#include "runtime/actor/misuse.h"
#include "runtime/api/scope.h"
#include "runtime/base/format.h"
#include "runtime/probe/symbol.h"
#include "runtime/probe/trace.h"

enum { RESERVE = 24 }; /* `"]}],"cut":true}`, and a few more */

struct out {
    char *buf;
    size_t size, used;
    bool cut;
};

static void out_init(struct out *o, char *buf, size_t size)
{
    *o = (struct out){.buf = buf, .size = size};
    buf[0] = '\0';
}

/* How much a piece may have. */
static size_t room(const struct out *o)
{
    return o->size > o->used + RESERVE ? o->size - o->used - RESERVE : 0;
}

COP_PRINTF(2, 3) static bool put(struct out *o, const char *fmt, ...)
{
    va_list args;
    if (o->cut)
        return false;
    va_start(args, fmt);
    size_t n = copi_vformat(o->buf + o->used, room(o), fmt, args);
    va_end(args);
    if (n >= room(o)) {
        o->buf[o->used] = '\0';
        o->cut = true;
        return false;
    }
    o->used += n;
    return true;
}

/* What closes: RESERVE has room for it. */
static void end(struct out *o, const char *text)
{
    size_t n = strlen(text);
    if (o->used + n < o->size) {
        memcpy(o->buf + o->used, text, n + 1);
        o->used += n;
    }
}

bool copi_report_may_go_deep(void)
{
    return copi_here()->native == NULL;
}

static const char *kind_text(int kind)
{
    if (kind >= 0 && kind < COP_R_COUNT)
        return cop_reason_name((cop_reason){(uintptr_t)kind});
    switch (kind) {
    case COP_R_SHUTDOWN_TERM:
        return "shutdown";
    case COP_R_FAULT:
        return "fault";
    case COP_R_BADARG:
        return "badarg";
    case COP_R_LIMIT:
        return "limit";
    default:
        return "user";
    }
}

static const char *pid_text(cop_pid pid, char *buf)
{
    return cop_pid_str(pid, buf, COP_PID_TEXT);
}

char *cop_trace_str(const cop_trace_event *e, char *buf, size_t size)
{
    char a[COP_PID_TEXT], b[COP_PID_TEXT], value[24];
    if (e == NULL || (buf == NULL && size > 0))
        copi_misuse("cop_trace_str: NULL");
    if (e->kind == COP_TRACE_CRASH || e->kind == COP_TRACE_SPAWN)
        copi_format(value, sizeof value, "0x%zx", (size_t)e->value);
    else if (e->kind == COP_TRACE_FAIL || e->kind == COP_TRACE_EXIT)
        copi_format(value, sizeof value, "%s", kind_text((int)e->value));
    else
        copi_format(value, sizeof value, "%zu", (size_t)e->value);
    copi_format(buf, size, "%s %s %s %s", cop_trace_name(e->kind),
                e->actor.id != 0 ? pid_text(e->actor, a) : "-",
                e->other.id != 0 ? pid_text(e->other, b) : "-", value);
    return buf;
}

/* ----------------------------------------------------------------- text -- */

/* Control characters would make lines of their own. */
static void flatten(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
}

/* So much of a name that the reason has room in the smallest report. */
#define NAME "%.60s"

static void text_head(struct out *o, const cop_crash *c, bool deep)
{
    char pid[COP_PID_TEXT], code[COP_SYMBOL_TEXT];
    put(o, "crash: actor %s", pid_text(c->pid, pid));
    if (c->name[0] != '\0')
        put(o, " " NAME, c->name);
    if (c->label[0] != '\0')
        put(o, " [" NAME "]", c->label);
    put(o, " (" NAME "): %s",
        copi_symbol_str(c->function, false, false, code, sizeof code),
        c->reason);
    flatten(o->buf);
    put(o, "\n");
    for (unsigned i = 0; i < c->fault.depth && i < COP_FAULT_FRAMES; i++)
        put(o, "  #%u %s\n", i,
            copi_symbol_str(c->fault.frames[i],
                            i > 0 || c->reason_kind != COP_R_FAULT, deep, code,
                            sizeof code));
}

static void text_pids(struct out *o, const char *what, const cop_pid *pid,
                      unsigned n, size_t of)
{
    char text[COP_PID_TEXT];
    if (n == 0 || !put(o, "  %s", what))
        return;
    for (unsigned i = 0; i < n; i++)
        put(o, " %s", pid_text(pid[i], text));
    put(o, n < of ? " and more\n" : "\n");
}

static void text_queue(struct out *o, const cop_crash *c)
{
    if (c->restarts > 0)
        put(o, "  restarts %u\n", (unsigned)c->restarts);
    if (c->queue == 0)
        return;
    put(o, "  queue %zu, tags", (size_t)c->queue);
    for (unsigned i = 0; i < c->tag_count; i++)
        put(o, " %u", (unsigned)c->tags[i]);
    put(o, c->tag_count < c->queue ? " ...\n" : "\n");
}

static void text_events(struct out *o, const char *what,
                        const cop_trace_event *e, unsigned n, cop_time now)
{
    char text[COP_TRACE_TEXT];
    for (unsigned i = 0; i < n; i++)
        put(o, "  %s -%zu us: %s\n", what,
            (size_t)((now > e[i].at ? now - e[i].at : 0) / COP_US),
            cop_trace_str(&e[i], text, sizeof text));
}

size_t copi_report_text(const cop_crash *c, bool deep, char *buf, size_t size)
{
    struct out o;
    char shown[COP_CRASH_STATE];
    cop_time now = c->event_count > 0 ? c->event[c->event_count - 1].at : 0;
    out_init(&o, buf, size);
    text_head(&o, c, deep);
    text_pids(&o, "ancestors", c->ancestor, c->ancestor_count, 0);
    text_pids(&o, "links", c->link, c->link_count, c->links);
    text_queue(&o, c);
    memcpy(shown, c->state, sizeof shown);
    shown[sizeof shown - 1] = '\0';
    flatten(shown);
    if (shown[0] != '\0')
        put(&o, "  state %s\n", shown);
    text_events(&o, "received", c->last, c->last_count, now);
    text_events(&o, "recorder", c->event, c->event_count, now);
    if (o.cut && o.used > 0)
        end(&o, o.buf[o.used - 1] == '\n' ? "  (cut)\n" : " (cut)\n");
    return o.used;
}

/* ----------------------------------------------------------------- JSON -- */

/* The length of the UTF-8 character at s; 0: it is none. */
static unsigned utf8_length(const unsigned char *s)
{
    unsigned n = s[0] < 0x80   ? 1
                 : s[0] < 0xc2 ? 0
                 : s[0] < 0xe0 ? 2
                 : s[0] < 0xf0 ? 3
                 : s[0] < 0xf5 ? 4
                               : 0;
    for (unsigned i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

/* The inside of a string; as much as there is room for. */
static void json_chars(struct out *o, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s != '\0' && !o->cut) {
        unsigned n = utf8_length(s);
        if (*s == '"' || *s == '\\')
            put(o, "\\%c", *s);
        else if (*s < ' ' || *s == 0x7f)
            put(o, "\\u%04x", *s);
        else if (n == 0)
            put(o, "\\ufffd");
        else
            put(o, "%.*s", (int)n, (const char *)s);
        s += n > 0 ? n : 1;
    }
}

/* A string that is cut is closed still; a member that has no room for its
 * beginning is left out. */
static void json_string(struct out *o, const char *before, const char *text)
{
    if (!put(o, "%s\"", before))
        return;
    json_chars(o, text);
    end(o, "\"");
}

static void json_member(struct out *o, const char *name, const char *text)
{
    char before[32];
    copi_format(before, sizeof before, ",\"%s\":", name);
    json_string(o, before, text);
}

static void json_frames(struct out *o, const cop_crash *c, bool deep)
{
    char code[COP_SYMBOL_TEXT];
    if (!put(o, ",\"backtrace\":["))
        return;
    for (unsigned i = 0; i < c->fault.depth && i < COP_FAULT_FRAMES; i++)
        json_string(o, i > 0 ? "," : "",
                    copi_symbol_str(c->fault.frames[i],
                                    i > 0 || c->reason_kind != COP_R_FAULT,
                                    deep, code, sizeof code));
    end(o, "]");
}

static void json_pids(struct out *o, const char *name, const cop_pid *pid,
                      unsigned n)
{
    char text[COP_PID_TEXT];
    if (!put(o, ",\"%s\":[", name))
        return;
    for (unsigned i = 0; i < n; i++)
        put(o, "%s\"%s\"", i > 0 ? "," : "", pid_text(pid[i], text));
    end(o, "]");
}

static void json_tags(struct out *o, const cop_crash *c)
{
    if (!put(o, ",\"tags\":["))
        return;
    for (unsigned i = 0; i < c->tag_count; i++)
        put(o, "%s%u", i > 0 ? "," : "", (unsigned)c->tags[i]);
    end(o, "]");
}

static void json_events(struct out *o, const char *name,
                        const cop_trace_event *e, unsigned n)
{
    char a[COP_PID_TEXT], b[COP_PID_TEXT];
    if (!put(o, ",\"%s\":[", name))
        return;
    for (unsigned i = 0; i < n; i++)
        put(o,
            "%s{\"event\":\"%s\",\"at_ns\":%zd,\"actor\":\"%s\","
            "\"other\":\"%s\",\"value\":%zu}",
            i > 0 ? "," : "", cop_trace_name(e[i].kind), (ssize_t)e[i].at,
            pid_text(e[i].actor, a), pid_text(e[i].other, b),
            (size_t)e[i].value);
    end(o, "]");
}

static void json_fault(struct out *o, const cop_crash *c)
{
    if (c->reason_kind != COP_R_FAULT)
        return;
    json_member(o, "fault", c->fault.what);
    put(o, ",\"signal\":%d,\"code\":%d,\"address\":\"0x%zx\"", c->fault.signal,
        c->fault.code, (size_t)c->fault.address);
}

size_t copi_report_json(const cop_crash *c, bool deep, char *buf, size_t size)
{
    struct out o;
    char text[COP_PID_TEXT], code[COP_SYMBOL_TEXT];
    out_init(&o, buf, size);
    if (!put(&o, "{\"crash\":\"%s\",\"serial\":%zu,\"at_ns\":%zd",
             pid_text(c->pid, text), (size_t)c->serial, (ssize_t)c->at))
        return 0;
    json_member(&o, "kind", kind_text(c->reason_kind));
    json_member(&o, "reason", c->reason);
    json_member(&o, "name", c->name);
    json_member(&o, "label", c->label);
    json_member(&o, "function",
                copi_symbol_str(c->function, false, false, code, sizeof code));
    put(&o, ",\"handler\":%s,\"restarts\":%u,\"queue\":%zu,\"link_count\":%zu",
        c->is_handler ? "true" : "false", (unsigned)c->restarts,
        (size_t)c->queue, c->links);
    json_fault(&o, c);
    json_frames(&o, c, deep);
    json_pids(&o, "ancestors", c->ancestor, c->ancestor_count);
    json_pids(&o, "links", c->link, c->link_count);
    json_tags(&o, c);
    json_member(&o, "state", c->state);
    json_events(&o, "received", c->last, c->last_count);
    json_events(&o, "recorder", c->event, c->event_count);
    end(&o, o.cut ? ",\"cut\":true}" : "}");
    return o.used;
}

/* --------------------------------------------------------------- public -- */

static size_t make(const cop_crash *c, char *buf, size_t size,
                   size_t (*format)(const cop_crash *, bool, char *, size_t),
                   const char *call)
{
    struct copi_scope s;
    if (c == NULL || (buf == NULL && size > 0))
        copi_misuse("%s: NULL", call);
    if (size == 0)
        return 0;
    /* inside, so that no signal ends the actor with a file mapped; elsewhere a
     * section would keep the dead from being freed for too long */
    bool inside = !copi_report_may_go_deep() && copi_scope_enter(&s);
    size_t n = format(c, copi_report_may_go_deep(), buf, size);
    if (inside)
        copi_scope_leave(&s);
    return n;
}

size_t cop_crash_text(const cop_crash *c, char *buf, size_t size)
{
    return make(c, buf, size, copi_report_text, "cop_crash_text");
}

size_t cop_crash_json(const cop_crash *c, char *buf, size_t size)
{
    return make(c, buf, size, copi_report_json, "cop_crash_json");
}
