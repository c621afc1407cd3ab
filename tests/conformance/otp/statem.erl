%% SPDX-License-Identifier: MIT
%%
%% statem.erl - what gen_statem does with scripts of events and answers.
%%
%%     erlc statem.erl
%%     erl -noshell -s statem main -s init stop -extra FILE...
%%     erl -noshell -s statem main -s init stop -extra random SEED COUNT
%%
%% The first form reads scripts and prints them with the traces of gen_statem
%% under them (traces that are there already are left out): so it refreshes a
%% file of tests/conformance/statem. The second makes up scripts and does the
%% same with them. The language is described in tests/conformance/statem/
%% README.md; tests/unit/statem_script.h is its other interpreter.

-module(statem).
-behaviour(gen_statem).
-export([main/0, mode/1, handle/5, ended/3]).
-export([init/1, callback_mode/0, handle_event/4, terminate/3]).

-define(UNIT, 840).

%% ------------------------------------------------------------------- main

main() ->
    logger:set_primary_config(level, none),
    make_b(),
    case init:get_plain_arguments() of
        ["random", Seed, Count] ->
            Scripts = random(list_to_integer(Seed), list_to_integer(Count)),
            [show(Lines, Trace) ||
                {Lines, Trace} <- run_all(Scripts), not is_flawed(Trace)];
        Files ->
            Scripts = lists:append([read(File) || File <- Files]),
            [show(Lines, Trace) || {Lines, Trace} <- run_all(Scripts)]
    end.

run_all(Scripts) ->
    Runs = [{Lines, run(Lines)} || Lines <- Scripts],
    [{Lines, trace(Run)} || {Lines, Run} <- Runs].

%% A timeout of time 0 that is still to come, when started anew with another
%% time, is lost in OTP 25, and its timer's message comes as an info instead.
is_flawed(Trace) ->
    lists:any(fun(L) -> string:find(L, "#Ref<") =/= nomatch end, Trace).

%% The second callback module: the same callbacks, the other mode.
make_b() ->
    Text = ["-module(statem_b).",
            "-export([callback_mode/0, handle_event/4, terminate/3]).",
            "callback_mode() -> statem:mode(b).",
            "handle_event(T, C, S, D) -> statem:handle(b, T, C, S, D).",
            "terminate(R, S, D) -> statem:ended(b, {R, D}, S)."],
    Form = fun(Line) ->
                   {ok, Tokens, _} = erl_scan:string(Line),
                   {ok, F} = erl_parse:parse_form(Tokens),
                   F
           end,
    {ok, statem_b, Code} = compile:forms([Form(L) || L <- Text]),
    {module, _} = code:load_binary(statem_b, "statem_b", Code).

read(File) ->
    {ok, Bytes} = file:read_file(File),
    Lines = string:split(binary_to_list(Bytes), "\n", all),
    scripts([L || L <- Lines, L =/= "", hd(L) =/= $|], []).

scripts([], Out) ->
    lists:reverse(Out);
scripts(["end" | More], Out) ->
    scripts(More, Out);
scripts(Lines, Out) ->
    {One, More} = lists:splitwith(fun(L) -> L =/= "end" end, Lines),
    scripts(More, [One | Out]).

trace({Pid, Mon}) ->
    receive
        {Pid, Trace} -> erlang:demonitor(Mon, [flush]), Trace;
        {'DOWN', Mon, _, _, Why} -> [f("~p", [Why])]
    end.

show(Lines, Trace) ->
    [io:format("~s~n", [L]) || L <- Lines],
    [io:format("| ~s~n", [L]) || L <- Trace],
    io:format("end~n~n").

%% ----------------------------------------------------------------- driver

run(Lines) ->
    Main = self(),
    spawn_monitor(fun() -> Main ! {self(), drive(parse(Lines))} end).

drive(#{events := Events} = Script) ->
    case gen_statem:start_monitor(?MODULE, {self(), Script}, []) of
        {ok, {Pid, Mon}} ->
            Calls = lists:foldl(fun(E, C) -> event(E, Pid, C) end, #{}, Events),
            catch gen_statem:stop(Pid),
            collect(Mon, Calls);
        ignore ->
            said() ++ ["start ignore"];
        {error, Why} ->
            said() ++ ["start " ++ name(Why)]
    end.

event({"call", N}, Pid, Calls) ->
    Calls#{gen_statem:send_request(Pid, N) => N};
event({"cast", N}, Pid, Calls) ->
    gen_statem:cast(Pid, N),
    Calls;
event({"info", N}, Pid, Calls) ->
    Pid ! N,
    Calls;
event({"wait", N}, _, Calls) ->
    timer:sleep(N * ?UNIT),
    Calls.

collect(Mon, Calls) ->
    receive
        {say, Line} ->
            [Line | collect(Mon, Calls)];
        {[alias | Ref], K} when is_map_key(Ref, Calls) ->
            {N, Rest} = maps:take(Ref, Calls),
            [f("reply ~w ~w", [N, K]) | collect(Mon, Rest)];
        {[alias | _], _} -> % answered before
            collect(Mon, Calls);
        {'DOWN', Mon, _, _, Why} ->
            ["down " ++ name(Why)]
    end.

said() ->
    receive {say, Line} -> [Line | said()] after 0 -> [] end.

%% Of a reason only the name.
name(Why) when is_atom(Why) -> atom_to_list(Why);
name({Why, _}) -> name(Why);
name(Why) -> f("~w", [Why]).

f(Format, Args) ->
    lists:flatten(io_lib:format(Format, Args)).

%% ---------------------------------------------------------------- machine

init({Driver, #{mode := Mode, init := Init} = Script}) ->
    put(driver, Driver),
    put(mode, Mode),
    D = Script#{count => 0, calls => #{}, named => "a"},
    case Init of
        {"stop", Why} -> {stop, list_to_atom(Why)};
        ["ignore" | _] -> ignore;
        [S | Actions] -> {ok, list_to_integer(S), D, actions(Actions, D)}
    end.

callback_mode() -> mode(a).

mode(a) -> mode_of(get(mode));
mode(b) -> mode_of(case get(mode) of "enter" -> "plain"; _ -> "enter" end).

mode_of("enter") -> [handle_event_function, state_enter];
mode_of("plain") -> handle_event_function.

handle_event(T, C, S, D) -> handle(a, T, C, S, D).

terminate(Why, S, D) -> ended(a, {Why, D}, S).

ended(M, {Why, _}, S) ->
    say("~w:terminate ~s@~w", [M, name(Why), S]).

say(Format, Args) ->
    get(driver) ! {say, f(Format, Args)}.

handle(M, T, C, S, #{count := Count, calls := Calls} = D) ->
    say("~w:~s ~w@~w", [M, type(T), C, S]),
    D1 = case T of
             {call, From} -> D#{calls := Calls#{C => From}};
             _ -> D
         end,
    {Answer, D2} = answer(T, C, D1#{count := Count + 1}),
    verdict(Answer, D2).

type({call, _}) -> call;
type({timeout, Name}) -> ["g", atom_to_list(Name)];
type(state_timeout) -> st;
type(timeout) -> et;
type(T) -> T.

answer(enter, _, #{entering := [A | More]} = D) ->
    {A, D#{entering := More}};
answer(T, _, #{answers := [A | More]} = D) when T =/= enter ->
    {A, D#{answers := More}};
answer({call, _}, C, D) ->
    {["keep", "reply:" ++ integer_to_list(C)], D};
answer(_, _, D) ->
    {["keep"], D}.

verdict([Verb | Actions], D) ->
    A = actions(Actions, D),
    case string:split(Verb, ":") of
        ["next", S] -> {next_state, list_to_integer(S), D, A};
        ["keep"] -> {keep_state, D, A};
        ["repeat"] -> {repeat_state, D, A};
        ["stop", Why] -> {stop, list_to_atom(Why), D};
        ["stopreply", Why] -> {stop_and_reply, list_to_atom(Why), A, D};
        ["exit", Why] -> exit(list_to_atom(Why))
    end.

actions(Words, D) ->
    lists:append([action(string:split(W, ":", all), D) || W <- Words]).

action(["reply", N], #{calls := Calls, count := Count}) ->
    [{reply, From, Count} || #{N := From} <- [named(Calls)]];
action(["postpone"], _) -> [postpone];
action(["postpone0"], _) -> [{postpone, false}];
action(["hib"], _) -> [hibernate];
action(["ev", "call", N], #{calls := Calls}) ->
    [{next_event, {call, From}, list_to_integer(N)} ||
        #{N := From} <- [named(Calls)]];
action(["ev", T, N], _) ->
    [{next_event, event_type(T), list_to_integer(N)}];
action(["mod", M], _) -> [{change_callback_module, module(M)}];
action(["push", M], _) -> [{push_callback_module, module(M)}];
action(["pop"], _) -> [pop_callback_module];
action([T, "cancel"], _) -> [{event_type(T), cancel}];
action([T, "upd", N], _) -> [{event_type(T), update, list_to_integer(N)}];
action([T, "inf", N], _) -> [{event_type(T), infinity, list_to_integer(N)}];
action([T, "neg", N], _) -> [{event_type(T), -1, list_to_integer(N)}];
action([T, "abs" ++ Time, N], _) ->
    At = erlang:monotonic_time(millisecond) + time(T, list_to_integer(Time)),
    [{event_type(T), At, list_to_integer(N), [{abs, true}]}];
action([T, Time, N], _) ->
    [{event_type(T), time(T, list_to_integer(Time)), list_to_integer(N)}].

named(Calls) ->
    maps:fold(fun(N, From, M) -> M#{integer_to_list(N) => From} end, #{},
              Calls).

module("a") -> ?MODULE;
module("b") -> statem_b.

event_type("st") -> state_timeout;
event_type("et") -> timeout;
event_type("ga") -> {timeout, a};
event_type("gb") -> {timeout, b};
event_type(T) -> list_to_atom(T).

%% Each kind of timeout has an offset of its own, so that none fires together
%% with another one or with what the driver sends.
time(_, 0) -> 0;
time(T, N) -> N * ?UNIT + offset(T).

offset("st") -> 68;
offset("et") -> 124;
offset("ga") -> 188;
offset("gb") -> 284.

%% ---------------------------------------------------------------- parsing

parse([Head | Lines]) ->
    ["script", _, Mode | _] = string:lexemes(Head, " "),
    lists:foldr(fun line/2,
                #{mode => Mode, events => [], answers => [], entering => [],
                  init => ["0"]},
                Lines).

line(Line, P) ->
    case string:lexemes(Line, " ") of
        ["#" | _] -> P;
        ["init", "stop:" ++ Why] -> P#{init := {"stop", Why}};
        ["init" | Words] -> P#{init := Words};
        [">", Type, N] -> add(events, {Type, list_to_integer(N)}, P);
        ["=" | Words] -> add(answers, Words, P);
        ["^" | Words] -> add(entering, Words, P)
    end.

add(Key, Value, P) ->
    maps:update_with(Key, fun(L) -> [Value | L] end, P).

%% ----------------------------------------------------------------- chance

random(Seed, Count) ->
    _ = rand:seed(exsss, Seed),
    [made_up(f("r~w_~w", [Seed, N])) || N <- lists:seq(1, Count)].

made_up(Name) ->
    Timed = chance(25),
    put(timed, Timed),
    put(harsh, chance(20)),
    put(next, 1),
    Head = f("script ~s ~s", [Name, pick(["enter", "plain"])]),
    Sent = [sent(Timed) || _ <- lists:seq(1, 2 + rand:uniform(8))],
    put(sent, get(next)),
    [Head, "init " ++ f("~w", [state()]) ++ words(30, false)]
        ++ Sent
        ++ [f("> wait ~w", [rand:uniform(3)]) || Timed]
        ++ ["= " ++ verb() ++ words(65, false) ||
               _ <- lists:seq(1, 3 + rand:uniform(14))]
        ++ ["^ " ++ enter_verb() ++ words(35, true) ||
               _ <- lists:seq(1, rand:uniform(8))].

chance(Percent) -> rand:uniform(100) =< Percent.

pick(List) -> lists:nth(rand:uniform(length(List)), List).

state() -> rand:uniform(3) - 1.

%% The numbers of what is sent and inserted are all different.
fresh() ->
    N = get(next),
    put(next, N + 1),
    N.

sent(Timed) ->
    case Timed andalso chance(25) of
        true -> f("> wait ~w", [rand:uniform(2)]);
        false -> f("> ~s ~w", [pick(["call", "cast", "info"]), fresh()])
    end.

verb() ->
    case rand:uniform(40) of
        1 -> pick(["stop:normal", "stop:boom", "exit:boom", "stopreply:done"]);
        N when N < 18 -> f("next:~w", [state()]);
        N when N < 22 -> "repeat";
        _ -> "keep"
    end.

enter_verb() ->
    case get(harsh) andalso rand:uniform(10) of
        1 -> pick(["stop:ended", "exit:boom", f("next:~w", [state()])]);
        2 -> "repeat";
        _ -> "keep"
    end.

words(Percent, Entering) ->
    case chance(Percent) of
        true -> " " ++ word(Entering) ++ words(Percent, Entering);
        false -> ""
    end.

word(Entering) ->
    case rand:uniform(20) of
        N when N =< 4 -> f("reply:~w", [rand:uniform(get(sent))]);
        N when N =< 8, Entering -> timeout();
        N when N =< 8 -> pick(["postpone", "postpone", "postpone",
                               "postpone", "postpone0"]);
        N when N =< 12, not Entering -> inserted();
        13 -> "hib";
        14 when not Entering -> pick(["mod:a", "mod:b", "push:b", "push:a"]);
        15 when not Entering -> pick(["push:b", "push:a", "mod:b" | bad("pop")]);
        16 -> pick(["hib" | bad(pick(["st:neg:1", "postpone", "ev:cast:99",
                                      "ev:enter:9", "pop", "push:b"]))]);
        _ -> timeout()
    end.

bad(Word) -> [Word || get(harsh)].

inserted() ->
    f("ev:~s:~w", [pick(["internal", "internal", "internal", "cast", "info",
                         "st", "et", "ga"]), fresh()]).

timeout() ->
    T = pick(["st", "st", "et", "ga", "gb"]),
    case rand:uniform(10) of
        1 -> f("~s:cancel", [T]);
        2 -> f("~s:upd:~w", [T, fresh()]);
        3 -> f("~s:inf:~w", [T, fresh()]);
        N when N > 6 ->
            case get(timed) of
                true when N =:= 7 -> f("~s:abs1:~w", [T, fresh()]);
                true -> f("~s:~w:~w", [T, rand:uniform(2), fresh()]);
                false -> f("~s:99999:~w", [T, fresh()])
            end;
        _ -> f("~s:0:~w", [T, fresh()])
    end.
