/* SPDX-License-Identifier: MIT
 *
 * crash_main.cc - an actor of a C++ program ends in the way that the argument
 * names. Status 0: it ended alone, with the reason that belongs to that way.
 */
#include <coppice.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <link.h>
#include <stdexcept>

namespace
{

int *volatile null_pointer;
volatile bool yes = true;

struct noisy {
    ~noisy() { std::fputs("unwound\n", stderr); }
};

void throws(void *)
{
    noisy n;
    if (yes)
        throw std::runtime_error("nobody catches this");
}

void throws_on(void *) noexcept
{
    throws(nullptr);
}

void terminates(void *)
{
    std::terminate();
}

int per_object(dl_phdr_info *, size_t, void *)
{
    throws(nullptr);
    return 0;
}

/* The linker holds its lock while it calls back. */
void throws_in_callback(void *)
{
    dl_iterate_phdr(per_object, nullptr);
}

void catches(void *)
{
    for (int i = 0; i < 1000; i++) {
        try {
            throws(nullptr);
        } catch (const std::exception &) {
            cop_yield();
        }
    }
}

void rethrows(void *)
{
    try {
        throws(nullptr);
    } catch (...) {
        throw;
    }
}

void writes(void *)
{
    *null_pointer = 1;
}

void aborts()
{
    std::abort();
}

void with_handler(void *)
{
    std::set_terminate(aborts);
    throws(nullptr);
}

const struct way {
    const char *name;
    cop_fn fn;
    const char *reason;
} ways[] = {
    {"throw", throws, "{fault, abort}"},
    {"noexcept", throws_on, "{fault, abort}"},
    {"terminate", terminates, "{fault, abort}"},
    {"rethrow", rethrows, "{fault, abort}"},
    {"handler", with_handler, "{fault, abort}"},
    {"callback", throws_in_callback, "none"},
    {"catch", catches, "normal"},
    {"write", writes, "{fault, SIGSEGV, 0x0}"},
};

const way *wanted;
int status = 1;

void watch(void *)
{
    for (int i = 0; i < 100; i++) {
        char text[COP_REASON_TEXT];
        const cop_msg *m;
        cop_opts opts = cop_opts();
        cop_ref ref;
        opts.monitor = &ref;
        if (cop_spawn(nullptr, wanted->fn, nullptr, &opts) != 0 ||
            cop_recv_ref(&m, ref, COP_FOREVER) != 0)
            return;
        cop_reason_str(cop_msg_reason(m), text, sizeof text);
        if (std::strcmp(text, wanted->reason) != 0) {
            std::printf("%s instead of %s\n", text, wanted->reason);
            return;
        }
    }
    status = 0;
}

} // namespace

int main(int argc, char **argv)
{
    for (const way &w : ways)
        if (argc == 2 && std::strcmp(w.name, argv[1]) == 0)
            wanted = &w;
    if (wanted == nullptr || cop_run(watch, nullptr, nullptr) != 0)
        return 2;
    return status;
}
