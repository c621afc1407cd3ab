%% SPDX-License-Identifier: MIT
%%
%% event.erl - what OTP's gen_event answers, rule by rule. The expectations of
%% tests/unit/event_*_test.c are taken from what this prints:
%%
%%     cd tests/conformance/otp && erlc -o /tmp event.erl
%%     erl -noshell -pa /tmp -s event main -s init stop
%%
%% The module is handler and driver in one. A handler is {event, Name}; what
%% it is to do comes in the events, and what happens to it goes to the driver
%% as {said, Text}, which prints it.
-module(event).
-behaviour(gen_event).
-export([main/0, init/1, handle_event/2, handle_call/2, handle_info/2,
         terminate/2, code_change/3]).

%% ------------------------------------------------------------- handler --

%% Name to be told, who prints. Wants: what init is to come to.
init({{init, Name, To}, Old}) ->
    say(To, "~p init in place, old ~p", [Name, Old]),
    {ok, {Name, To}};
init({{fail, Name, To, How}, Old}) ->
    say(To, "~p init in place, old ~p, fails", [Name, Old]),
    How();
init({init, Name, To}) ->
    say(To, "~p init", [Name]),
    {ok, {Name, To}};
init({fail, Name, To, How}) ->
    say(To, "~p init fails", [Name]),
    How().

do({only, Name, What}, {Name, _} = S, Kind) -> do(What, S, Kind);
do({only, _, _}, S, Kind) -> same(Kind, S);
do(crash, _, _) -> exit(boom);
do(badarg, _, _) -> list_to_atom(not_a_list());
do(throw, _, _) -> throw(ball);
do(odd, _, _) -> odd;
do(remove, _, event) -> remove_handler;
do(remove, _, call) -> {remove_handler, bye};
do(hibernate, S, event) -> {ok, S, hibernate};
do({swap, To, Arg}, S, event) -> {swap_handler, left, S, To, Arg};
do({swap, To, Arg}, S, call) -> {swap_handler, swapped, left, S, To, Arg};
do({own, F}, {_, To} = S, Kind) ->
    say(To, "own request: ~p", [catch F(self())]), same(Kind, S);
do(_, S, Kind) -> same(Kind, S).

not_a_list() -> hd([7]).

same(event, S) -> {ok, S};
same(call, {Name, _} = S) -> {ok, {reply_of, Name}, S}.

handle_event(E, {Name, To} = S) ->
    say(To, "~p event ~p", [Name, plain(E)]),
    do(E, S, event).

handle_call(Q, {Name, To} = S) ->
    say(To, "~p call ~p", [Name, plain(Q)]),
    do(Q, S, call).

handle_info(I, {Name, To} = S) ->
    say(To, "~p info ~p", [Name, plain(I)]),
    do(I, S, event).

terminate(Arg, {Name, To}) ->
    say(To, "~p terminate ~p", [Name, plain(Arg)]),
    case Arg of
        die_in_terminate -> exit(in_terminate);
        _ -> {gone, Name}
    end.

code_change(Old, {Name, To}, Extra) ->
    say(To, "~p code_change ~p ~p", [Name, Old, Extra]),
    {ok, {Name, To}}.

%% -------------------------------------------------------------- driver --

say(To, Fmt, Args) -> To ! {said, io_lib:format(Fmt, Args)}.

%% Without what differs from run to run.
plain(P) when is_pid(P) -> pid;
plain(F) when is_function(F) -> 'fun';
plain(R) when is_reference(R) -> ref;
plain([{M, F, A, L} | _]) when is_atom(M), is_atom(F), is_list(L),
                               (is_list(A) orelse is_integer(A)) -> stack;
plain(T) when is_tuple(T) -> list_to_tuple([plain(X) || X <- tuple_to_list(T)]);
plain(L) when is_list(L) -> [plain(X) || X <- L];
plain(X) -> X.

%% Prints what has been said, and other messages, once all is quiet.
flush() ->
    receive
        {said, T} -> io:format("    ~s~n", [T]), flush();
        M -> io:format("    message ~p~n", [plain(M)]), flush()
    after 30 -> ok
    end.

show(What, Result) ->
    io:format("  ~s: ~p~n", [What, plain(Result)]), flush().

h(N) -> {event, N}.
arg(N) -> {init, N, self()}.

with(Title, F) ->
    io:format("~s~n", [Title]),
    Me = self(),
    {P, Ref} = spawn_monitor(fun() ->
        process_flag(trap_exit, true),
        {ok, M} = gen_event:start(),
        F(M),
        catch gen_event:stop(M),
        flush()
    end),
    receive {'DOWN', Ref, _, P, normal} -> ok;
            {'DOWN', Ref, _, P, Why} -> io:format("  FAILED ~p~n", [Why])
    end,
    Me.

add(M, Ns) -> [ok = gen_event:add_handler(M, h(N), arg(N)) || N <- Ns], flush().

main() ->
    logger:set_primary_config(level, none),
    adding(), asking(), ending(), failing(), swapping(), supervised(),
    stopping(), system().

adding() ->
    with("add", fun(M) ->
        show("add a", gen_event:add_handler(M, h(a), arg(a))),
        show("add b", gen_event:add_handler(M, h(b), arg(b))),
        show("add a again", gen_event:add_handler(M, h(a), arg(a2))),
        show("which", gen_event:which_handlers(M)),
        show("notify", gen_event:notify(M, e1)),
        show("sync_notify", gen_event:sync_notify(M, e2)),
        show("plain message", M ! hello),
        show("call a", gen_event:call(M, h(a), q)),
        show("delete a", gen_event:delete_handler(M, h(a), why)),
        show("which", gen_event:which_handlers(M)),
        show("delete x", gen_event:delete_handler(M, h(x), why)),
        show("call x", gen_event:call(M, h(x), q))
    end),
    with("add fails", fun(M) ->
        F = fun(How) -> gen_event:add_handler(M, h(f), {fail, f, self(), How}) end,
        show("exit", F(fun() -> exit(boom) end)),
        show("error", F(fun() -> {error, no} end)),
        show("odd", F(fun() -> odd end)),
        show("throw ok", F(fun() -> throw(ball) end)),
        show("no such module", gen_event:add_handler(M, nomod, x)),
        show("which", gen_event:which_handlers(M))
    end).

asking() ->
    with("call", fun(M) ->
        add(M, [a, b]),
        show("call", gen_event:call(M, h(a), q)),
        show("swap", gen_event:call(M, h(a), {swap, h(c), arg(c)})),
        show("which", gen_event:which_handlers(M)),
        show("remove", gen_event:call(M, h(c), remove)),
        show("which", gen_event:which_handlers(M)),
        show("odd", gen_event:call(M, h(b), odd)),
        show("which", gen_event:which_handlers(M)),
        add(M, [a, b]),
        show("crash", gen_event:call(M, h(a), crash)),
        show("badarg", gen_event:call(M, h(b), badarg)),
        show("which", gen_event:which_handlers(M))
    end),
    with("call to its own manager", fun(M) ->
        add(M, [a]),
        show("add", gen_event:notify(M, {own, fun(S) ->
            gen_event:add_handler(S, h(z), arg(z)) end})),
        show("which", gen_event:notify(M, {own, fun(S) ->
            gen_event:which_handlers(S) end})),
        show("sync", gen_event:notify(M, {own, fun(S) ->
            gen_event:sync_notify(S, e) end})),
        show("notify", gen_event:notify(M, {own, fun(S) ->
            gen_event:notify(S, e) end}))
    end),
    with("call that is too late", fun(M) ->
        add(M, [a]),
        show("slow", catch gen_event:call(M, h(a), {own, fun(_) ->
            timer:sleep(100) end}, 10)),
        timer:sleep(200),
        show("then", gen_event:call(M, h(a), q))
    end).

ending() ->
    with("remove by verdict", fun(M) ->
        add(M, [a, b, c]),
        show("event", gen_event:notify(M, {only, b, remove})),
        show("info", M ! {only, a, remove}),
        show("which", gen_event:which_handlers(M)),
        show("hibernate", gen_event:notify(M, hibernate)),
        show("then", gen_event:call(M, h(c), q))
    end),
    with("terminate that crashes", fun(M) ->
        add(M, [a]),
        show("delete", gen_event:delete_handler(M, h(a), die_in_terminate)),
        show("which", gen_event:which_handlers(M)),
        add(M, [a]),
        show("swap", gen_event:swap_handler(M, {h(a), die_in_terminate},
                                            {h(b), arg(b)})),
        show("which", gen_event:which_handlers(M))
    end).

failing() ->
    with("crash", fun(M) ->
        add(M, [a, b, c]),
        show("exit", gen_event:sync_notify(M, {only, b, crash})),
        show("which", gen_event:which_handlers(M)),
        show("odd", gen_event:sync_notify(M, {only, a, odd})),
        show("which", gen_event:which_handlers(M)),
        show("throw", gen_event:sync_notify(M, {only, c, throw})),
        add(M, [a]),
        show("badarg", gen_event:sync_notify(M, {only, a, badarg})),
        add(M, [a]),
        show("in info", M ! {only, a, crash}),
        show("which", gen_event:which_handlers(M))
    end).

swapping() ->
    with("swap", fun(M) ->
        add(M, [a, b, c]),
        show("b to d", gen_event:swap_handler(M, {h(b), left}, {h(d), arg(d)})),
        show("which", gen_event:which_handlers(M)),
        show("x to e", gen_event:swap_handler(M, {h(x), left}, {h(e), arg(e)})),
        show("which", gen_event:which_handlers(M)),
        show("a to itself", gen_event:swap_handler(M, {h(a), left},
                                                   {h(a), arg(a9)})),
        show("which", gen_event:which_handlers(M)),
        show("from within", gen_event:notify(M, {only, c, {swap, h(f), arg(f)}})),
        show("which", gen_event:which_handlers(M)),
        show("event", gen_event:notify(M, e))
    end),
    with("swap that fails", fun(M) ->
        add(M, [a, b, c]),
        N = fun(How) -> {h(n), {fail, n, self(), How}} end,
        show("exit", gen_event:swap_handler(M, {h(b), left},
                                            N(fun() -> exit(boom) end))),
        show("which", gen_event:which_handlers(M)),
        show("error", gen_event:swap_handler(M, {h(c), left},
                                             N(fun() -> {error, no} end))),
        show("not there", gen_event:swap_handler(M, {h(x), left},
                                                 N(fun() -> odd end))),
        show("which", gen_event:which_handlers(M)),
        show("within", gen_event:sync_notify(M, {only, a, {swap, h(n),
            {fail, n, self(), fun() -> exit(boom) end}}})),
        show("which", gen_event:which_handlers(M)),
        add(M, [a]),
        show("within call", gen_event:call(M, h(a), {swap, h(n),
            {fail, n, self(), fun() -> exit(boom) end}})),
        show("which", gen_event:which_handlers(M))
    end).

sup_add(M, Ns) ->
    [ok = gen_event:add_sup_handler(M, h(N), arg(N)) || N <- Ns], flush().

links(P) -> {links, L} = process_info(P, links), length([X || X <- L, is_pid(X)]).

%% An adder of its own, which dies as told.
adder(M, Ns, Me) ->
    spawn(fun() ->
        [ok = gen_event:add_sup_handler(M, h(N), {init, N, Me}) || N <- Ns],
        Me ! {said, "adder is ready"},
        receive {die, Why} -> exit(Why) end
    end).

supervised() ->
    with("supervised handler ends", fun(M) ->
        sup_add(M, [a, b, c, d]),
        show("links", links(M)),
        show("delete", gen_event:delete_handler(M, h(a), why)),
        show("remove", gen_event:sync_notify(M, {only, b, remove})),
        show("crash", gen_event:sync_notify(M, {only, c, crash})),
        show("odd", gen_event:sync_notify(M, {only, d, odd})),
        show("links", links(M)),
        sup_add(M, [e]),
        show("in terminate", gen_event:delete_handler(M, h(e), die_in_terminate)),
        show("init fails", gen_event:add_sup_handler(M, h(f),
            {fail, f, self(), fun() -> exit(boom) end})),
        show("which", gen_event:which_handlers(M)),
        show("links", links(M)),
        sup_add(M, [g, h])
    end),
    with("init fails with no other handler", fun(M) ->
        show("init fails", gen_event:add_sup_handler(M, h(f),
            {fail, f, self(), fun() -> exit(boom) end})),
        show("links", links(M))
    end),
    with("init fails with another one there", fun(M) ->
        sup_add(M, [a]),
        show("init fails", gen_event:add_sup_handler(M, h(f),
            {fail, f, self(), fun() -> exit(boom) end})),
        show("links", links(M))
    end),
    with("supervised handler is swapped", fun(M) ->
        sup_add(M, [a]),
        show("swap", gen_event:swap_handler(M, {h(a), left}, {h(b), arg(b)})),
        show("delete b", gen_event:delete_handler(M, h(b), why)),
        sup_add(M, [a]),
        show("from within", gen_event:sync_notify(M, {swap, h(b), arg(b)})),
        show("delete b", gen_event:delete_handler(M, h(b), why)),
        sup_add(M, [a]),
        show("swap fails", gen_event:swap_handler(M, {h(a), left},
            {h(n), {fail, n, self(), fun() -> exit(boom) end}})),
        sup_add(M, [a]),
        show("within, fails", gen_event:sync_notify(M, {swap, h(n),
            {fail, n, self(), fun() -> exit(boom) end}})),
        show("which", gen_event:which_handlers(M))
    end),
    with("swap_sup_handler", fun(M) ->
        add(M, [a]),
        show("a to b", gen_event:swap_sup_handler(M, {h(a), left},
                                                  {h(b), arg(b)})),
        show("links", links(M)),
        show("delete b", gen_event:delete_handler(M, h(b), why)),
        show("x to c", gen_event:swap_sup_handler(M, {h(x), left},
                                                  {h(c), arg(c)})),
        show("delete c", gen_event:delete_handler(M, h(c), why)),
        Me = self(),
        A = adder(M, [d], Me), flush(),
        show("another's d to e", gen_event:swap_sup_handler(M, {h(d), left},
                                                            {h(e), arg(e)})),
        show("links", links(M)),
        A ! {die, boom}, show("old one dies", ok),
        show("delete e", gen_event:delete_handler(M, h(e), why)),
        show("fails", gen_event:swap_sup_handler(M, {h(x), left},
            {h(n), {fail, n, self(), fun() -> exit(boom) end}})),
        show("links", links(M))
    end),
    with("who has swapped", fun(M) ->
        Me = self(),
        adder(M, [a], Me), flush(),
        Who = fun(_) -> receive {gen_event_EXIT, H, {swapped, N, P}} ->
                Me ! {said, io_lib:format("told ~p swapped to ~p by ~p",
                    [H, N, case P of Me -> swapper; _ -> other end])} end end,
        Other = spawn(fun() ->
            ok = gen_event:add_sup_handler(M, h(b), {init, b, Me}),
            Who(b),
            ok = gen_event:add_sup_handler(M, h(c), {init, c, Me}),
            Who(c),
            receive after infinity -> ok end end),
        flush(),
        show("swap_handler", gen_event:swap_handler(M, {h(b), left},
                                                    {h(d), arg(d)})),
        show("swap_sup_handler", gen_event:swap_sup_handler(M, {h(c), left},
                                                            {h(e), arg(e)})),
        exit(Other, boom), show("other dies", ok),
        show("delete e", gen_event:delete_handler(M, h(e), why))
    end),
    with("stop, with handlers of the parent", fun(_) ->
        {ok, M} = gen_event:start_link(),
        sup_add(M, [a]),
        show("stop", gen_event:stop(M))
    end),
    with("adder dies", fun(M) ->
        Me = self(),
        add(M, [x]),
        A = adder(M, [a, b], Me), flush(),
        B = adder(M, [c], Me), flush(),
        add(M, [y]),
        A ! {die, boom}, show("A dies", ok),
        show("which", gen_event:which_handlers(M)),
        B ! {die, normal}, show("B ends", ok),
        show("which", gen_event:which_handlers(M)),
        C = spawn(fun() -> exit(early) end), timer:sleep(10),
        show("dead", is_process_alive(C))
    end),
    with("adder dies after its handler was deleted", fun(M) ->
        Me = self(),
        add(M, [x]),
        A = adder(M, [a], Me), flush(),
        show("delete", gen_event:delete_handler(M, h(a), why)),
        A ! {die, boom}, show("A dies", ok)
    end),
    with("handlers of an adder end at stop", fun(M) ->
        Me = self(),
        add(M, [x]),
        sup_add(M, [a]),
        adder(M, [b], Me), flush(),
        show("stop", gen_event:stop(M))
    end),
    with("manager is killed", fun(M) ->
        sup_add(M, [a]),
        exit(M, kill), show("killed", ok)
    end).

stopping() ->
    with("stop", fun(M) ->
        add(M, [a, b]),
        show("stop", gen_event:stop(M))
    end),
    with("stop with a reason", fun(M) ->
        add(M, [a]),
        show("stop", gen_event:stop(M, because, infinity))
    end),
    with("exit signals", fun(M) ->
        add(M, [a]),
        exit(M, boom), show("boom", ok),
        exit(M, normal), show("normal", ok),
        show("alive", is_process_alive(M)),
        exit(M, kill), show("kill", ok),
        show("alive", is_process_alive(M))
    end),
    with("parent ends", fun(_) ->
        Me = self(),
        P = spawn(fun() ->
            {ok, M} = gen_event:start_link(),
            ok = gen_event:add_handler(M, h(a), {init, a, Me}),
            ok = gen_event:add_sup_handler(M, h(b), {init, b, Me}),
            Me ! {manager, M},
            receive {die, Why} -> exit(Why) end
        end),
        receive {manager, M} -> ok end,
        Ref = monitor(process, M),
        flush(), io:format("  now~n"),
        P ! {die, boom},
        receive {'DOWN', Ref, _, _, Why} -> ok end,
        show("manager ended", Why)
    end),
    with("EXIT from the parent by exit/2", fun(_) ->
        {ok, M} = gen_event:start_link(),
        add(M, [a]),
        exit(M, shutdown),
        show("shutdown", ok)
    end),
    with("names", fun(_) ->
        show("start", element(1, gen_event:start({local, ev}))),
        show("again", element(1, element(2, gen_event:start({local, ev})))),
        show("stop", gen_event:stop(ev)),
        show("stop again", catch gen_event:stop(ev)),
        show("call nobody", catch gen_event:call(ev, h(a), q)),
        show("add nobody", catch gen_event:add_handler(ev, h(a), arg(a))),
        show("notify nobody", catch gen_event:notify(ev, e))
    end).

system() ->
    with("sys", fun(M) ->
        add(M, [a, b]),
        show("get_state", sys:get_state(M)),
        show("replace_state", sys:replace_state(M, fun
            ({event, a, {a, To}}) -> {event, a, {changed, To}};
            (S) -> S end)),
        show("get_state", sys:get_state(M)),
        show("replace crashes", sys:replace_state(M, fun(_) -> exit(no) end)),
        show("suspend", sys:suspend(M)),
        show("notify", gen_event:notify(M, e)),
        show("code_change", sys:change_code(M, event, v1, extra)),
        show("resume", sys:resume(M))
    end).
