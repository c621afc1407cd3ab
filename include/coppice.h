/* SPDX-License-Identifier: MIT
 *
 * coppice.h - the whole public interface of Coppice but the unstable doors
 * (coppice/extend.h) and the errno for actors (coppice/errno.h).
 */
#ifndef COPPICE_H
#define COPPICE_H

#include <coppice/actor.h>
#include <coppice/application.h>
#include <coppice/bridge.h>
#include <coppice/chaos.h>
#include <coppice/event.h>
#include <coppice/inspect.h>
#include <coppice/memory.h>
#include <coppice/message.h>
#include <coppice/partition.h>
#include <coppice/proc.h>
#include <coppice/reason.h>
#include <coppice/registry.h>
#include <coppice/report.h>
#include <coppice/request.h>
#include <coppice/runtime.h>
#include <coppice/server.h>
#include <coppice/statem.h>
#include <coppice/supervisor.h>
#include <coppice/sys.h>
#include <coppice/task.h>
#include <coppice/time.h>
#include <coppice/types.h>
#include <coppice/view.h>

#endif
