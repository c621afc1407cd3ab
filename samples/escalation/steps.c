/* SPDX-License-Identifier: MIT
 *
 * steps.c - what happens, step by step. In each: one sentence, the action, what
 * was heard of it, what OTP's supervisors would have done, and the tree.
 */
#include "escalation.h"

/* ----------------------------------------------------------- the choices -- */

/* splitmix64: a counter in steps of an odd number, well mixed. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Who of equals has to suffer. */
static struct cast {
    char clerk[16], other[16];  /* crashes; is beside it */
    char last[16];              /* crashes in step 4 */
    char runner[16], mate[16];  /* finishes in step 6; does not */
    char first[16], second[16]; /* finish one after the other in step 7 */
} who;

static void choose(void)
{
    uint64_t random = job.seed;
    unsigned clerk = (unsigned)(next_random(&random) % CLERKS);
    unsigned last = (unsigned)(next_random(&random) % CLERKS);
    unsigned runner = (unsigned)(next_random(&random) % RUNNERS);
    unsigned first = (unsigned)(next_random(&random) % RUNNERS);

    snprintf(who.clerk, sizeof who.clerk, "clerk_%u", clerk + 1);
    snprintf(who.other, sizeof who.other, "clerk_%u", (clerk + 1) % CLERKS + 1);
    snprintf(who.last, sizeof who.last, "clerk_%u", last + 1);
    snprintf(who.runner, sizeof who.runner, "runner_%u", runner + 1);
    snprintf(who.mate, sizeof who.mate, "runner_%u", 2 - runner);
    snprintf(who.first, sizeof who.first, "runner_%u", first + 1);
    snprintf(who.second, sizeof who.second, "runner_%u", 2 - first);
    printf("seed %llu chooses: %s, %s, %s, %s\n", (unsigned long long)job.seed,
           who.clerk, who.last, who.runner, who.first);
}

/* Tells the one by this name to crash, or to finish; waits for its end. */
static bool tell(const char *name, cop_tag what)
{
    stage_watch(name);
    (void)cop_cast(stage_was(name), what, NULL, 0);
    return stage_ended(name, what == TAG_CRASH ? "boom" : "normal");
}

/* The same, and waits until another one has the name. */
static bool crash_and_return(const char *name)
{
    return tell(name, TAG_CRASH) && stage_is_back(name);
}

/* --------------------------------------------------------------- the shop --
 */

static void step_restart(void)
{
    stage_step("A child crashes", "One clerk crashes; the shop has three.");
    stage_start("town", &shop_root);
    stage_watch("mail");
    stage_watch("shop");
    stage_watch(who.other);
    stage_check(crash_and_return(who.clerk), "the clerk is restarted");
    stage_check(stage_child_is("shop", who.clerk, COP_CHILD_UP, 1),
                "its supervisor has counted one restart of it");
    stage_check(stage_lives(who.other) && stage_lives("mail"),
                "nobody else has noticed");
    stage_check(stage_restarts("shop") == 1 && stage_restarts("town") == 0,
                "the shop has used one of two restarts, the town none");
    stage_end("town");
}

static void step_give_up(void)
{
    static const char *const all[] = {"town",    "mail",    "shop",
                                      "clerk_1", "clerk_2", "clerk_3"};

    stage_step("Too many crashes", "The clerk crashes twice more: that makes "
                                   "three, and the shop allows two.");
    stage_check(crash_and_return(who.clerk), "the second crash is borne");
    stage_check(stage_child_is("shop", who.clerk, COP_CHILD_UP, 2) &&
                    stage_restarts("shop") == 2,
                "now the shop has used all that it has");
    stage_hold("town");
    stage_check(tell(who.clerk, TAG_CRASH), "the third comes");
    stage_check(stage_ended(who.other, "shutdown"),
                "the shop gives up: it stops its other clerks, orderly");
    stage_check(stage_ended("shop", "shutdown"),
                "and ends, with the reason shutdown");
    stage_end_held(all, sizeof all / sizeof *all);
}

static void step_escalate(void)
{
    stage_step("The parent restarts the whole subtree",
               "The town goes on. To it the shop is a child that ended.");
    stage_go_on("town");
    stage_check(stage_is_back("shop") && stage_is_back(who.clerk) &&
                    stage_is_back(who.other),
                "there is a new shop with new clerks");
    stage_check(stage_child_is("town", "shop", COP_CHILD_UP, 1),
                "the town has counted one restart of the shop");
    stage_check(stage_child_is("shop", who.clerk, COP_CHILD_UP, 0) &&
                    stage_restarts("shop") == 0,
                "the new shop begins to count at nought");
    stage_check(stage_lives("mail"), "the mail has not noticed");
    stage_check(stage_restarts("town") == 1, "the town has used all it has");
    stage_end("town");
}

static void step_to_the_root(void)
{
    const cop_msg *m;

    stage_step("Up to the root", "The same again: now the shop is too much for "
                                 "the town, too, and above it is nobody.");
    stage_watch("town");
    stage_watch("shop");
    for (int i = 0; i < 2; i++)
        stage_check(crash_and_return(who.last), "a crash is borne");
    stage_check(tell(who.last, TAG_CRASH), "the third comes");
    stage_check(stage_ended("shop", "shutdown"), "the shop gives up");
    stage_check(stage_ended("mail", "shutdown"),
                "the town does: it stops the mail, which had done nothing");
    stage_check(stage_ended("town", "shutdown"), "and ends");
    stage_check(cop_recv_tag(&m, COP_EXIT, cop_in(PATIENCE)) == 0 &&
                    cop_pid_eq(cop_msg_sender(m), stage_was("town")) &&
                    cop_reason_eq(cop_msg_reason(m), COP_SHUTDOWN),
                "who had started it gets its exit signal, shutdown");
    stage_end(NULL);
}

/* ---------------------------------------------------------------- backoff --
 */

/* From a crash to the name that is there again. */
static cop_time pause_of_printer(void)
{
    cop_time begin = cop_now();

    return crash_and_return("printer") ? cop_now() - begin : 0;
}

static void step_backoff(void)
{
    cop_time least = PRINTER_MIN;
    bool longer = true;

    stage_step("Backoff", "A printer that keeps crashing is restarted after "
                          "20 ms, then 80, then 320, ... (Not in OTP.)");
    stage_start("press", &press_root);
    for (int i = 0; i < 3; i++) {
        cop_time pause = pause_of_printer();

        printf("  back after %.0f ms\n", (double)pause / (double)COP_MS);
        longer = longer && pause >= least;
        least *= PRINTER_FACTOR;
    }
    stage_check(longer, "each pause is as long as it must be, or longer");
    stage_check(stage_child_is("press", "printer", COP_CHILD_UP, 3) &&
                    stage_restarts("press") == 3,
                "each was a restart like any other, and counts");
    (void)tell("printer", TAG_CRASH);
    stage_check(stage_child_is("press", "printer", COP_CHILD_RESTARTING, 3),
                "in its pause the child is there, as restarting");
    stage_end("press");
    stage_stop("press");
}

/* ---------------------------------------------------------- auto_shutdown --
 */

static void watch_errand(void)
{
    stage_watch("errand");
    stage_watch("runner_1");
    stage_watch("runner_2");
    stage_watch("helper");
}

static void step_any(void)
{
    stage_step("auto_shutdown: any significant child",
               "Two runners are significant; one of them is done.");
    stage_start("day", &any_root);
    stage_check(crash_and_return(who.runner) &&
                    stage_child_is("errand", who.runner, COP_CHILD_UP, 1),
                "a runner that crashes is restarted: it is not done");
    watch_errand();
    stage_check(tell(who.runner, TAG_FINISH), "it finishes");
    stage_check(stage_ended("helper", "shutdown") &&
                    stage_ended(who.mate, "shutdown"),
                "all others are stopped");
    stage_check(stage_ended("errand", "shutdown"), "the supervisor ends");
    stage_check(stage_child_is("day", "errand", COP_CHILD_UNDEFINED, 0) &&
                    stage_restarts("day") == 0,
                "for its parent that is orderly: transient, so not restarted");
    stage_end("day");
    stage_stop("day");
}

static void step_all(void)
{
    stage_step("auto_shutdown: all significant children",
               "The same tree, but it is done when both runners are.");
    stage_start("day", &all_root);
    watch_errand();
    stage_check(tell(who.first, TAG_FINISH), "one runner finishes");
    stage_check(stage_child_is("errand", who.first, COP_CHILD_UNDEFINED, 0) &&
                    stage_lives("errand") && stage_lives(who.second) &&
                    stage_lives("helper"),
                "all else goes on");
    stage_check(tell(who.second, TAG_FINISH), "the other one finishes");
    stage_check(stage_ended("helper", "shutdown") &&
                    stage_ended("errand", "shutdown"),
                "the helper is stopped, and the supervisor ends");
    stage_check(stage_child_is("day", "errand", COP_CHILD_UNDEFINED, 0),
                "its parent leaves it at that");
    stage_end("day");
    stage_stop("day");
}

void steps_run(void *arg)
{
    int *code = arg;

    cop_trap_exit(true);
    choose();
    step_restart();
    step_give_up();
    step_escalate();
    step_to_the_root();
    step_backoff();
    step_any();
    step_all();
    *code = stage_verdict();
}
