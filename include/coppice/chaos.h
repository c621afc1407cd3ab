/* SPDX-License-Identifier: MIT
 *
 * chaos.h - faults on purpose: a plan says what is to go wrong, where, how
 * often; the runtime does it, marks it and counts it. For tests, and for
 * programs that want to know what they survive.
 *
 * A plan is text: rules, separated by `;` or new lines; `#` begins a comment.
 *
 *     seed=7
 *     kill worker.* every=100ms        # one of them, each time
 *     segv parser p=0.01               # at each of its turns, one in a hundred
 *     drop tag=PING p=0.1
 *     delay from=a to=b 5ms..50ms
 *     errno read EIO p=0.001           # of the calls of read that actors make
 *     fail alloc nth=1000
 *
 * The rules:
 *
 *     kill WHO               the exit signal `kill`
 *     exit WHO REASON        another exit signal
 *     segv WHO, abort WHO, fpe WHO, overflow WHO
 *                            a native fault in the actor's own context, which
 *                            is what its isolation makes of any such fault
 *     hang WHO [TIME]        uses up its core, for ever without TIME
 *     slow WHO xN            its turns take N times as long (2 to 1000)
 *     drop                   a message is never sent; it is a dead letter,
 *                            COP_DEAD_INJECTED
 *     duplicate              it is sent twice
 *     delay TIME[..TIME]     it is sent later; what the rule matches keeps its
 *                            order between two actors, what it does not match
 *                            overtakes it
 *     fail POINT             alloc (memory), map (memory for stacks), thread,
 *                            spawn (COP_ENOMEM): is refused
 *     errno CALL ERROR       an actor's call of a function of libc fails with
 *                            this error: see below
 *
 * WHO (or actor=WHO) is a pattern for an actor's name or, if it has none, its
 * label: `*` matches anything, `?` one character. Actors with neither have the
 * empty name, which only `*` matches. An actor with the label "chaos" is never
 * meant.
 *
 * Rules for messages take from=WHO, to=WHO, tag=NUMBER or tag=NAME (see
 * cop_chaos_tag_name), and kind=plain, cast, call or reply. Without kind= they
 * are for all but replies; without tag= not for the messages that behaviours
 * have among themselves. A reply is one to a call or request with a tag of the
 * program's own: starts, and what supervisors answer, are left alone. Exit
 * signals, links, monitors and timers' messages are never touched.
 *
 * Rules for errno take actor=WHO: whose calls, or else all actors'. ERROR is
 * the name of an errno, CALL one of these:
 *
 *     open openat creat close read pread readv write pwrite writev lseek
 *     ftruncate fsync fdatasync dup dup2 dup3 pipe pipe2 stat fstat lstat
 *     fstatat mkdir rmdir unlink unlinkat rename
 *     socket socketpair bind listen connect accept accept4 shutdown getsockopt
 *     setsockopt send sendto sendmsg recv recvfrom recvmsg
 *     poll ppoll select pselect epoll_create1 epoll_ctl epoll_wait nanosleep
 *     clock_nanosleep
 *
 * The call comes back at once and has done nothing: nothing is read or written,
 * no connection is under way after EINPROGRESS or EINTR, and no SIGPIPE comes
 * with EPIPE. But close has closed the descriptor, as on Linux, whatever the
 * error; nanosleep and clock_nanosleep with EINTR say that all of the time is
 * left; and clock_nanosleep returns the error, as it does. Meant are the calls
 * of an actor's own code, of libraries that it calls, and of the work that it
 * gives to cop_blocking. Not meant: the runtime's own calls, other threads,
 * handlers of signals on a stack of their own, actors in a process of their
 * own, and what libc does inside of itself, so that fread and fopen,
 * getaddrinfo or sleep do not fail. Each call that fails is noted in the flight
 * recorder (COP_TRACE_INJECT). In a build with a sanitizer: COP_ENOTSUP.
 *
 * `errno mmap ENOMEM` and `errno pthread_create EAGAIN` are something else:
 * `fail map` and `fail thread` by other names, for the runtime's own calls.
 *
 * Each turn of an actor, each message, each request to a fault point, each call
 * that a rule matches is an opportunity. It fires at all of them, unless:
 *
 *     p=0.01       with this probability, of at most nine decimals
 *     nth=N        not before the N-th, and (without count=) once
 *     count=N      N times at most
 *     every=TIME   at most once in that time; of a rule for actors: each time,
 *                  at one of those that it matches, idle or not
 *     after=TIME   not before, counted from the switching on
 *     until=TIME   not from then on
 *     seed=N       its own instead of the plan's
 *
 * TIME is a number with ns, us, ms, s, min or h. The same seed gives the same
 * decisions for the same opportunities in the same order. Without seed= it is
 * that of cop_config.
 *
 * A plan that begins with `@` names a file to read it from, of at most 64 KiB.
 * The environment variable COP_FAULTS is a plan that cop_start switches on; if
 * it is wrong cop_start says so and returns COP_EINVAL. cop_stop switches off.
 */
#ifndef COPPICE_CHAOS_H
#define COPPICE_CHAOS_H

#include <coppice/supervisor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is wrong with a plan, and where: line and column count from 1, the
 * column in bytes; 0 if it is not the text. */
typedef struct cop_chaos_error {
    unsigned line, column;
    char text[768]; /* "expected a time such as 5ms, found `5`" */
} cop_chaos_error;

/* Switches a plan on, or only looks whether one could be; `error` may be NULL.
 * Reads a file if the plan says so. Any thread, any actor. COP_EINVAL (not a
 * plan), COP_ELIMIT (more than 32 rules), COP_ENOTSUP (not here), each with
 * *error; COP_ENOENT (no such file); COP_ESIZE (a larger one); COP_EALREADY (a
 * plan is on); COP_ESTOPPED; COP_ENOMEM. */
COP_API COP_MUST_USE int cop_chaos_on(const char *plan, cop_chaos_error *error);
COP_API COP_MUST_USE int cop_chaos_check(const char *plan,
                                         cop_chaos_error *error);

/* Switches the plan off: nothing more happens by it after this; delayed
 * messages are sent soon. Logs each rule that has had no opportunity. False:
 * none was on. Any thread, any actor. */
COP_API bool cop_chaos_off(void);
COP_API bool cop_chaos_is_on(void);

/* Gives a tag a name for plans, 1 to 31 letters, digits, `_`, `.` and `-`, no
 * digit first, for as long as the process lives; before or after a plan that
 * uses it. Not two threads at once with one name. COP_EINVAL; COP_ELIMIT (256
 * names). */
COP_API COP_MUST_USE int cop_chaos_tag_name(cop_tag tag, const char *name);

/* What has come of a rule. */
typedef struct cop_chaos_rule {
    char text[96]; /* as written, cut */
    uint64_t seed;
    uint64_t opportunities;
    uint64_t fired;
    uint64_t struck; /* firings that had their effect: who was to be hit may
                        have ended before; of all other rules as fired */
} cop_chaos_rule;

/* Up to `cap` rules of the plan that is on, or else was last; returns how many
 * there are. Any thread. */
COP_API size_t cop_chaos_rules(cop_chaos_rule *out, size_t cap);

/* The same as lines of text. Returns buf, cut to fit. */
COP_API char *cop_chaos_text(char *buf, size_t size);

/* A number for what chance decides in the plan that is on, or else was last: of
 * each rule its text, which of its first 4096 opportunities fire, and what is
 * drawn for those (whom to hit, how long to delay). Equal plans with equal
 * seeds have equal numbers. What comes as which opportunity, and what every=,
 * after= and until= let pass, is a matter of time and no part of it. Any
 * thread. */
COP_API uint64_t cop_chaos_signature(void);

/* True for a reason that a plan made: of who was killed or crashed by it, and
 * of those that ended with them by links. Otherwise it is what it would be
 * without a plan (cop_reason_kind, cop_reason_eq); cop_reason_str closes with
 * " (injected)". */
COP_API bool cop_reason_is_injected(cop_reason reason);

/* A child for any supervisor, permanent, with the id "chaos": a server that
 * keeps `plan` on for as long as it lives. The text must outlive it. Its start
 * fails with {bad_plan, "line 1, column 6: ..."}, or {chaos, "..."} for other
 * errors of cop_chaos_on. */
COP_API cop_child cop_chaos_child(const char *plan);

#ifdef __cplusplus
}
#endif
#endif
