#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random scenarios that go where nobody would think of going.

    generate.py --mix actors|trees --seed N --count K --out DIR [--prefix P]

K files, of the seeds N, N + 1, ...; a seed always gives the same one.

actors  a few actors and servers that do everything to each other and to
        themselves: exit signals, links, monitors, aliases, names, timers,
        groups, calls, casts
trees   a tree of supervisors of random shape, whose children fail, are killed,
        linked, unlinked and stopped behind its back, while it is asked

A step may name a monitor, an alias or a timer that never came to be, as the
step before was not done. Such a scenario asks nothing: OTP's trace then has a
`badarg` of its subject (live.sh leaves it out).
"""
import argparse
import os
import random

REASONS = ["normal", "boom", "shutdown", "shutdown:x", "kill", "oops"]
NAMES = ["@n1", "@n2"]


class Mix:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.one = self.rng.choice
        self.lines = []
        self.k = 0

    def add(self, *words):
        self.lines.append(" ".join(str(w) for w in words if w != ""))

    def chance(self, p):
        return self.rng.random() < p

    def fresh(self, letter):
        return "%s%d" % (letter, self.k)

    def step(self, weighted):
        """One of [(weight, function)]; the function adds it, or does not."""
        self.k += 1
        x = self.rng.random() * sum(w for w, _ in weighted)
        for weight, function in weighted:
            x -= weight
            if x < 0:
                break
        function()

    def text(self):
        return "\n".join(self.lines) + "\n"


class Actors(Mix):
    def __init__(self, seed):
        super().__init__(seed)
        self.actors = ["a", "b", "c", "d"][:self.rng.randint(2, 4)]
        self.servers = ["s", "t"][:self.rng.randint(0, 2)]
        self.all = self.actors + self.servers
        self.handles, self.monitors, self.aliases, self.timers = [], [], [], []
        for a in self.actors:
            self.add("spawn -", a, self.one(["", "trap"]),
                     self.one(["", "", "", "eager"]))
        for s in self.servers:
            self.start_server(s, self.one(["", "", "reg=n1", "cont"]))
        for _ in range(self.rng.randint(12, 34)):
            self.step(self.choices())

    def who(self):
        return self.one(self.all if self.chance(.4) else self.actors)

    def process(self):
        return self.one(self.all + self.handles)

    def target(self):
        return self.one(NAMES) if self.chance(.2) else self.process()

    def start_server(self, s, more):
        self.add("start_server", self.one(self.actors), s,
                 self.one(["", "nolink", "nolink"]), self.one(["", "trap"]),
                 more, self.one(["", "", "", "slow=200"]))

    def monitor(self):
        m, t, mode = self.fresh("m"), self.target(), ""
        if t[0] != "@" and self.chance(.4):
            mode = "alias=" + self.one(["explicit", "demonitor", "reply"])
            self.aliases.append(m)
        self.monitors.append(m)
        self.add("monitor", self.who(), t, m, mode)

    def spawn(self):
        m = self.fresh("w") if self.chance(.4) else ""
        if m:
            self.monitors.append(m)
        self.add("spawn", self.who(), self.one(self.actors),
                 self.one(["", "link"]), m and "monitor=" + m,
                 self.one(["", "trap"]), self.one(["", "eager"]))

    def send(self):
        t = self.target()
        if self.aliases and self.chance(.5):
            t = "%" + self.one(self.aliases)
        self.add("send", self.who(), t, self.one("xyz"), self.k)

    def timer(self):
        self.timers.append(self.fresh("t"))
        self.add("send_after", self.who(), self.timers[-1],
                 self.one([100, 200, 300, 400]), self.target(),
                 self.one("xy"), self.k)

    def alias(self):
        self.aliases.append(self.fresh("l"))
        self.add("alias", self.who(), self.aliases[-1],
                 self.one(["", "reply"]))

    def handle(self):
        self.handles.append("h%d" % len(self.handles))
        self.add("handle", self.handles[-1], self.one(self.all))

    def receive(self):
        tags = self.one(["x", "y", "x,y", "EXIT", "DOWN", "*",
                         "EXIT:" + self.one(self.all)])
        self.add("recv", self.one(self.actors), tags,
                 self.one(["0", "0", "200", "300", "inf"]))

    def of(self, operation, things, more=""):
        if things:
            self.add(operation, self.who(), self.one(things), more)

    def server(self):
        t = self.one(NAMES) if self.chance(.2) else self.one(self.servers)
        op = self.one(["call"] * 4 + ["cast"] * 4 + ["stop", "start"])
        both = ["add", "stop:done", "crash:boom", "cont", "slow:200", "tmo:200"]
        if op == "call":
            what = self.one(both + ["echo", "get", "defer", "stopnr:bye",
                                    "late", "self",
                                    "fwd:" + self.one(self.servers)])
            self.add("call", self.one(self.actors), t, what, self.k,
                     self.one(["100", "300", "500", "inf"]))
        elif op == "cast":
            self.add("cast", self.who(), t, self.one(both + ["reply", "reply"]),
                     self.k)
        elif op == "stop" and t[0] != "@":
            self.add("stop", self.one(self.actors), t, self.one(REASONS[:4]),
                     self.one(["200", "inf"]))
        else:
            self.start_server(self.one(self.servers),
                              self.one(["", "init=fail:boom", "init=ignore",
                                        "initslow=200"]))

    def choices(self):
        a, add, one = self.who(), self.add, self.one
        name = one(NAMES)[1:]
        list_ = [
            (6, lambda: add("signal", a, self.process(), one(REASONS))),
            (2, lambda: add("exit", a, one(REASONS))),
            (3, lambda: add("trap", a, one(["on", "off"]))),
            (7, lambda: add("link", a, self.process())),
            (4, lambda: add("unlink", a, self.process())),
            (7, self.monitor),
            (4, lambda: self.of("demonitor", self.monitors,
                                one(["", "flush"]))),
            (8, self.send),
            (5, self.receive),
            (3, lambda: add("drain", one(self.actors))),
            (4, lambda: add("register", a, name, self.process())),
            (2, lambda: add("unregister", a, name)),
            (2, lambda: add("whereis", a, name)),
            (5, self.timer),
            (3, lambda: self.of("cancel", self.timers)),
            (3, self.alias),
            (3, lambda: self.of("unalias", self.aliases)),
            (2, lambda: add("join", a, "g")),
            (1, lambda: add("leave", a, "g")),
            (1, lambda: add("members", a, "g")),
            (2, lambda: add("publish", a, "g x", self.k)),
            (1, self.handle),
            (4, lambda: add("advance", one([100, 200, 300, 500]))),
            (2, self.spawn),
        ]
        return list_ + [(14, self.server)] if self.servers else list_


class Trees(Mix):
    def __init__(self, seed):
        super().__init__(seed)
        self.sups, self.simple = ["top"], False
        self.kids = {"actor": [], "server": [], "sup": []}
        self.later, self.instances = [], []
        self.add("spawn - boss trap eager")
        self.add("spawn - a", self.one(["", "trap", "eager"]))
        self.add("spawn - b trap")
        self.describe("top", 0)
        self.add("start_sup boss top", self.one(["", "reg=tree"]))
        self.add("advance", self.one([100, 500, 1000]))
        for _ in range(self.rng.randint(10, 26)):
            self.step(self.choices())

    def describe(self, s, depth):
        strategies = ["one_for_one", "one_for_all", "rest_for_one"]
        if depth == 0:
            strategies.append("simple_one_for_one")
        strategy = self.one(strategies)
        auto = self.one(["", "auto=any", "auto=all"])
        intensity = self.one(["", "intensity=0", "intensity=2", "intensity=5"])
        self.add("defsup", s, strategy, intensity,
                 self.one(["", "period=2"]), auto)
        if strategy.startswith("simple"):
            self.simple = True
            self.add("defchild", s, "w", self.one(["actor", "server"]),
                     self.one(["permanent", "transient", "temporary"]),
                     self.one(["", "trap"]),
                     self.one(["", "init=ok,fail:boom,ok",
                               "init=ok,ok,ignore"]))
            return
        for _ in range(self.rng.randint(1, 3)):
            self.child(s, depth, auto)

    def child(self, s, depth, auto):
        self.k += 1
        kind = self.one(["actor", "server", "server"] +
                        (["sup"] if depth < 2 else []))
        c = self.fresh("m" if kind == "sup" else "c")
        restart = self.one(["permanent", "permanent", "transient",
                            "temporary"])
        significant = auto and restart != "permanent" and self.chance(.6)
        later = self.chance(.15)
        words = [restart, "significant" if significant else "",
                 "later" if later else "",
                 self.one(["", "", "", "shutdown=brutal", "shutdown=300",
                           "shutdown=inf"])]
        if kind != "sup":
            words += [self.one(["", "trap", "trap"]), self.one(
                [""] * 5 + ["init=ok,fail:boom,ok", "init=ignore,ok",
                            "init=ok,ignore", "init=fail:boom",
                            "init=ok,fail:boom+", "initslow=200"])]
        if kind == "server":
            words.append(self.one(["", "", "", "slow=200", "slow=500",
                                   "reg=svc%d" % self.k]))
        self.add("defchild", s, c, kind, *words)
        self.kids[kind].append(c)
        if later:
            self.later.append((s, c))
        if kind == "sup":
            self.sups.append(c)
            self.describe(c, depth + 1)

    def kid(self):
        return self.one(self.kids["actor"] + self.kids["server"] +
                        self.instances or ["a"])

    def any(self):
        return self.one(sum(self.kids.values(), []) + self.instances + ["top"])

    def instance(self, a):
        self.instances.append(self.fresh("k"))
        self.add("start_child", a, "top", self.instances[-1])

    def choices(self):
        add, one = self.add, self.one
        a, s = one(["a", "b", "boss"]), one(self.sups)
        servers = self.kids["server"]
        list_ = [
            (12, lambda: add("exit", self.kid(), one(REASONS))),
            (8, lambda: add("signal", a, self.any(), one(REASONS))),
            (3, lambda: add("signal", self.kid(), self.any(), one(REASONS))),
            (4, lambda: add("link", one("ab"), self.any())),
            (3, lambda: add("unlink", self.kid(), s)),
            (3, lambda: add("monitor", one("ab"), self.any(), self.fresh("q"))),
            (2, lambda: add("trap", self.kid(), one(["on", "off"]))),
            (6, lambda: add("terminate_child", a, s, self.any())),
            (5, lambda: add("restart_child", a, s, self.any())),
            (3, lambda: add("delete_child", a, s, self.any())),
            (4, lambda: add("which_children", a, s)),
            (4, lambda: add("count_children", a, s)),
            (4, lambda: add("stop", one("ab"), one(servers + self.sups),
                            one(["normal", "shutdown", "boom"]),
                            one(["300", "inf"]))),
            (8, lambda: add("advance", one([100, 200, 300, 500, 1000, 3000]))),
            (1, lambda: add("send a", s, "x", self.k)),
        ]
        if servers:
            list_ += [
                (4, lambda: add("call", one("ab"), one(servers), one(
                    ["echo", "add", "stop:normal", "stop:boom", "crash:boom",
                     "slow:200", "stopnr:shutdown", "defer"]), self.k, 300)),
                (4, lambda: add("cast a", one(servers), one(
                    ["add", "stop:normal", "crash:boom", "slow:300"]), self.k)),
            ]
        if self.later:
            list_.append((6, lambda: add("start_child", a, *one(self.later))))
        if self.simple:
            list_ += [
                (14, lambda: self.instance(a)),
                (6, lambda: add("terminate_child", a, "top", self.kid())),
            ]
        return list_


MIXES = {"actors": Actors, "trees": Trees}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--mix", choices=sorted(MIXES), required=True)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--count", type=int, default=1)
    p.add_argument("--out", required=True)
    p.add_argument("--prefix", default="wild")
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for seed in range(args.seed, args.seed + args.count):
        name = "%s_%s_%05d.scn" % (args.prefix, args.mix, seed)
        with open(os.path.join(args.out, name), "w") as f:
            f.write("# generate.py --mix %s --seed %d\n" % (args.mix, seed))
            f.write(MIXES[args.mix](seed).text())


if __name__ == "__main__":
    main()
