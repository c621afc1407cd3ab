/* SPDX-License-Identifier: MIT
 *
 * local.h - what a behaviour keeps under cop_local begins with this, so that
 * one behaviour does not take another's data for its own.
 */
#ifndef COPI_ACTORS_LOCAL_H
#define COPI_ACTORS_LOCAL_H

struct copi_local {
    const void *kind; /* the address of something static of the behaviour */
};

#endif
