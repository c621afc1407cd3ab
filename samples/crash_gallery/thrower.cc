/* SPDX-License-Identifier: MIT
 *
 * thrower.cc - the one exhibit in C++. It is left out of a build without a C++
 * compiler; exhibits.c notices.
 */
#include <stdexcept>

extern "C" void exhibit_throw();

static volatile bool is_stale = true;

namespace
{

/* So that there is something on the way that could be unwound. */
struct basket {
    int loaves;
    ~basket() { loaves = 0; }
};

__attribute__((noinline)) void bakes()
{
    basket b{3};
    if (is_stale)
        throw std::runtime_error("the flour is stale");
}

} // namespace

/* Nobody catches it. */
void exhibit_throw()
{
    bakes();
    is_stale = false; /* so that it is a call, and no jump */
}
