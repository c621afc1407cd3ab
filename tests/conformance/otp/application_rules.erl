%% SPDX-License-Identifier: MIT
%%
%% application_rules.erl - what OTP's application and proc_lib answer, rule by rule.
%% The expectations of tests/unit/application_*_test.c and of proc_test.c are
%% taken from what this prints:
%%
%%     cd tests/conformance/otp && erlc -o /tmp application_rules.erl
%%     erl -noshell -pa /tmp -s application_rules main -s init stop
%%     erl -noshell -pa /tmp -eval 'application_rules:ends(permanent, boom).'
%%
%% (The last one ends its node, so it is asked once for each type and reason.)
%% The module is application callback and supervisor in one. An application is
%% named by an atom and started with {Name, Mode}; Mode says what is to go
%% wrong. Each has one child, which traps exits and tells when it ends.
-module(application_rules).
-behaviour(application).
-behaviour(supervisor).
-export([main/0, ends/2]).
-export([start/2, start_phase/3, prep_stop/1, stop/1, init/1, child/1,
         failing_child/0, returns/0, acks_twice/0]).

say(Format, Args) -> io:format(Format ++ "~n", Args).

%% ---------------------------------------------------------- application --

load(Name, Needs, Mode) -> load(Name, Needs, Mode, []).

load(Name, Needs, Mode, More) ->
    application:load({application, Name,
                      [{description, ""}, {vsn, "1"},
                       {applications, [kernel, stdlib | Needs]},
                       {mod, {?MODULE, {Name, Mode}}}, {env, [{key, 1}]}
                       | More]}).

start(normal, {Name, Mode}) ->
    say("  ~p start", [Name]),
    case Mode of
        ok -> up(Name);
        slow -> timer:sleep(300), up(Name);
        which -> say("  which in start: ~p", [running()]), up(Name);
        nested -> application:start(inner), up(Name);
        stray -> register(stray, spawn(fun() -> timer:sleep(infinity) end)),
                 up(Name);
        crash -> exit(boom);
        normal -> exit(normal);
        error -> {error, broken};
        ignore -> ignore;
        junk -> 7;
        no_child -> supervisor:start_link(?MODULE, fails)
    end.

up(Name) ->
    {ok, Pid} = supervisor:start_link({local, root(Name)}, ?MODULE, Name),
    {ok, Pid, Name}.

root(Name) -> list_to_atom(atom_to_list(Name) ++ "_root").

start_phase(Phase, normal, Result) ->
    say("  phase ~p", [Phase]),
    Result.

prep_stop(Name) -> tell_and_crash(Name, prep_stop).

stop(Name) -> tell_and_crash(Name, stop).

tell_and_crash(Name, What) ->
    say("  ~p ~p, root ~p", [Name, What, is_pid(whereis(root(Name)))]),
    case Name of
        crasher -> exit(boom);
        _ -> Name
    end.

init(fails) ->
    {ok, {#{}, [#{id => kid, start => {?MODULE, failing_child, []}}]}};
init(Name) ->
    {ok, {#{}, [#{id => kid, start => {?MODULE, child, [Name]}}]}}.

failing_child() -> {error, nope}.

child(Name) ->
    {ok, spawn_link(fun() ->
                            process_flag(trap_exit, true),
                            receive
                                {'EXIT', _, Why} ->
                                    say("  ~p terminate ~p", [Name, Why])
                            end
                    end)}.

running() ->
    [N || {N, _, _} <- application:which_applications(),
          N =/= kernel, N =/= stdlib].

end_root(Name, Why) ->
    catch sys:terminate(root(Name), Why),
    timer:sleep(100).

%% ---------------------------------------------------------------- rules --

main() ->
    logger:set_primary_config(level, none),
    starting(),
    failing(),
    ending(),
    ensuring(),
    at_the_same_time(),
    phases(),
    environment(),
    procs().

starting() ->
    load(a, [], ok),
    say("load again ~p", [element(1, element(2, load(a, [], ok)))]),
    load(b, [a], ok),
    load(c, [b], which),
    say("without what it needs ~p", [application:start(b)]),
    say("ensure ~p", [application:ensure_all_started(c)]),
    say("running ~p", [running()]),
    say("again ~p", [application:start(c)]),
    say("unload ~p", [application:unload(c)]),
    say("stop under others ~p", [application:stop(a)]),
    say("running ~p", [running()]),
    say("stop ~p ~p", [application:stop(c), application:stop(b)]),
    say("stop again ~p", [application:stop(c)]),
    say("unload ~p, again ~p",
        [application:unload(c), application:unload(c)]),
    load(inner, [], ok),
    load(outer, [], nested),
    say("nested ~p, running ~p", [application:start(outer), running()]),
    [application:stop(N) || N <- [inner, outer]].

failing() ->
    [begin
         load(M, [], M),
         say("start ~p ~p", [M, element(2, application:start(M))])
     end || M <- [crash, normal, error, ignore, junk, no_child]].

ending() ->
    application:start(a),
    end_root(a, shutdown),
    say("ended by itself, running ~p", [running()]),
    say("needs one that ended ~p", [application:start(b)]),
    say("stop it ~p, again ~p", [application:stop(a), application:stop(a)]),
    application:start(a),
    end_root(a, normal),
    say("start again ~p", [application:start(a)]),
    application:stop(a),
    load(crasher, [], ok),
    application:start(crasher),
    say("callbacks crash ~p", [application:stop(crasher)]),
    load(strays, [], stray),
    application:start(strays),
    application:stop(strays),
    timer:sleep(50),
    say("stray lives ~p", [is_pid(whereis(stray))]).

ensuring() ->
    load(d, [], ok),
    load(e, [a, d, error], ok),
    application:start(a),
    say("one fails ~p", [application:ensure_all_started(e)]),
    say("running ~p", [running()]),
    end_root(a, shutdown),
    say("one has ended ~p", [application:ensure_all_started(b)]),
    say("running ~p", [running()]),
    [application:stop(N) || N <- [a, b]].

at_the_same_time() ->
    Me = self(),
    load(s, [], slow),
    [spawn(fun() -> Me ! {result, application:start(s)} end) || _ <- [1, 2]],
    timer:sleep(100),
    say("starting: running ~p, stop ~p", [running(), application:stop(s)]),
    [receive {result, R} -> say("result ~p", [R]) end || _ <- [1, 2]],
    application:stop(s).

phases() ->
    load(p, [], ok, [{start_phases, [{one, ok}, {two, ok}]}]),
    say("phases ~p", [application:start(p)]),
    application:stop(p),
    load(q, [], ok, [{start_phases, [{one, ok}, {two, {error, nah}},
                                     {three, ok}]}]),
    say("phase fails ~p", [element(1, element(2, application:start(q)))]).

environment() ->
    application:set_env(a, key, 2),
    say("env ~p ~p ~p", [application:get_env(a, key),
                         application:get_env(a, other),
                         application:get_env(nobody, key)]),
    application:unload(a),
    load(a, [], ok),
    say("loaded anew ~p", [application:get_env(a, key)]).

%% Three run; the one in the middle ends by itself.
ends(Type, Why) ->
    logger:set_primary_config(level, none),
    [load(N, [], ok) || N <- [a, b, c]],
    application:start(a),
    application:start(b, Type),
    application:start(c),
    end_root(b, Why),
    timer:sleep(500),
    say("running ~p", [running()]),
    halt(0).

%% ------------------------------------------------------------- proc_lib --

returns() -> ok.

acks_twice() ->
    proc_lib:init_ack({ok, 1}),
    proc_lib:init_ack({ok, 2}).

procs() ->
    process_flag(trap_exit, true),
    say("ends with boom ~p", [proc_lib:start_link(erlang, exit, [boom])]),
    say("returns ~p", [proc_lib:start_link(?MODULE, returns, [])]),
    say("too slow ~p", [proc_lib:start_link(timer, sleep, [1000], 50)]),
    say("left ~p", [left()]),
    say("monitored ~p", [element(1, proc_lib:start_monitor(erlang, exit,
                                                            [boom]))]),
    say("left ~p", [[element(5, M) || M <- left()]]),
    say("acks twice ~p", [proc_lib:start(?MODULE, acks_twice, [])]).

left() ->
    receive M -> [M | left()] after 100 -> [] end.
