# SPDX-License-Identifier: MIT
#
# One Makefile for everything; `make help` lists what it can do.
#
# Objects and dependency files lie under $(BUILD)/VARIANT/obj, so that builds
# with other compilers or sanitizers stand side by side. What the default
# variant makes lies directly in $(BUILD), what others make in
# $(BUILD)/VARIANT:
#
#     make                          default
#     make SAN=asan                 gcc, AddressSanitizer + UBSan
#     make SAN=tsan                 clang, ThreadSanitizer
#     make CC=clang VARIANT=clang   whatever you like
#
# Yours to set: CC CFLAGS CPPFLAGS LDFLAGS PREFIX LIBDIR DESTDIR BUILD;
# `make conformance`: LIVE=n SEED=s MIX=links|servers|sup|actors|trees;
# V=1 shows the commands, DEVELOPER=1 makes warnings errors.

VERSION := 0.1.0
SOVERSION := 0

BUILD ?= build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=
SAN ?=
V ?= 0
DEVELOPER ?= 0

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# ------------------------------------------------------------- variants --

ifeq ($(SAN),)
VARIANT ?= default
else ifeq ($(SAN),asan)
VARIANT ?= asan
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
else ifeq ($(SAN),tsan)
VARIANT ?= tsan
# gcc's ThreadSanitizer needs a millisecond a fibre and stops at 8,128.
ifeq ($(origin CC),default)
CC := clang
endif
SAN_FLAGS := -fsanitize=thread
else
$(error SAN is asan or tsan, not "$(SAN)")
endif

ifeq ($(origin CC),default)
CC := gcc
endif

O := $(BUILD)/$(VARIANT)/obj
ifeq ($(VARIANT),default)
OUT := $(BUILD)
else
OUT := $(BUILD)/$(VARIANT)
endif

# The sanitizers watch libc's malloc only; elsewhere jemalloc serves.
ifeq ($(SAN),)
ALLOCATOR := jemalloc
ALLOCATOR_LIBS := -ljemalloc
INTERPOSE :=
else
ALLOCATOR := libc
ALLOCATOR_LIBS :=
# They take over abort, exit, read and such themselves.
INTERPOSE := runtime/api/interpose.c runtime/api/fortify.c \
    $(wildcard runtime/api/libc_*.c)
endif

PKG_CONFIG ?= pkg-config
# Its headers only: the library is loaded when a line is first looked for.
ifeq ($(shell $(PKG_CONFIG) --exists libdw 2>/dev/null && echo yes),yes)
LINES := lines_dw
else
LINES := lines_none
endif

# ---------------------------------------------------------------- flags --

CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes \
    -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef
ifeq ($(DEVELOPER),1)
WERROR := -Werror
endif

# The fault handler walks frame pointers, and a big frame must hit a stack's
# guard instead of stepping over it: programs need both flags as well (they
# are in coppice.pc).
STACK_FLAGS := -fno-omit-frame-pointer -fstack-clash-protection
# glibc refuses _FORTIFY_SOURCE without optimisation, sanitizers dislike it.
ifneq ($(filter -O1 -O2 -O3 -Os -Ofast,$(CFLAGS)),)
ifeq ($(SAN)$(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),)
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
endif

ALL_CPPFLAGS := -D_GNU_SOURCE -I. -Iinclude $(FORTIFY) $(CPPFLAGS)
ALL_CFLAGS := -std=gnu11 $(WARNINGS) $(STACK_FLAGS) \
    -fstack-protector-strong -pthread $(SAN_FLAGS) $(CFLAGS)
# Bound at start: resolving a symbol at its first call takes kilobytes of a
# coroutine's stack.
ALL_LDFLAGS := -pthread -Wl,-z,relro,-z,now $(SAN_FLAGS) $(LDFLAGS)
LIB_CFLAGS := -fvisibility=hidden
CXX_CFLAGS := -std=c++17 -Wall -Wextra -Wshadow $(STACK_FLAGS) \
    -fstack-protector-strong -pthread $(CFLAGS)

CHECK_CFLAGS = $(shell $(PKG_CONFIG) --cflags check)
CHECK_LIBS = $(shell $(PKG_CONFIG) --libs check)

# -------------------------------------------------------------- sources --

ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))

LIB_SRCS := $(filter-out runtime/memory/mem_%.c runtime/memory/arena_%.c \
    runtime/coroutine/mcontext_%.c runtime/probe/lines_%.c $(INTERPOSE), \
    $(sort $(wildcard runtime/*/*.c actors/*.c))) \
    $(wildcard runtime/memory/mem_$(ALLOCATOR).c) \
    $(wildcard runtime/memory/arena_$(ALLOCATOR).c) \
    $(wildcard runtime/probe/$(LINES).c) \
    $(wildcard runtime/coroutine/mcontext_$(ARCH).c) \
    $(wildcard runtime/coroutine/ctx_$(ARCH).S)
BENCH_SRCS := $(sort $(wildcard tests/bench/*.c))
TOOL_SRCS := $(sort $(wildcard actors/tool/*.c))
CONFORMANCE_SRCS := $(sort $(wildcard tests/conformance/*.c))
SUPPORT_SRCS := $(sort $(wildcard tests/support/*.c))
STRESS_COMMON := $(sort $(wildcard tests/stress/common*.c))
STRESS_SRCS := $(filter-out $(STRESS_COMMON), \
    $(sort $(wildcard tests/stress/*.c)))
UNIT_SRCS := $(sort $(wildcard tests/unit/*_test.c))
# A sample is a file, or a folder of files, of which those in C++ are built if
# there is a compiler for them.
ifeq ($(SAN),)
SAMPLE_CXX := $(if $(shell command -v $(firstword $(CXX)) 2>/dev/null),\
    samples/*/*.cc)
endif
SAMPLE_FILES := $(sort $(wildcard samples/*.c))
SAMPLE_FOLDER_SRCS := $(sort $(wildcard samples/*/*.c $(SAMPLE_CXX)))
SAMPLE_FOLDERS := $(sort $(patsubst %/,%,$(dir $(SAMPLE_FOLDER_SRCS))))

objects = $(patsubst %,$(O)/%.o,$(basename $(1)))
LIB_OBJS := $(call objects,$(LIB_SRCS))
PIC_OBJS := $(LIB_OBJS:.o=.pic.o)
BENCH_OBJS := $(call objects,$(BENCH_SRCS))
TOOL_OBJS := $(call objects,$(TOOL_SRCS))
CONFORMANCE_OBJS := $(call objects,$(CONFORMANCE_SRCS))
SUPPORT_OBJS := $(call objects,$(SUPPORT_SRCS))
STRESS_COMMON_OBJS := $(call objects,$(STRESS_COMMON))

LIB_A := $(OUT)/libcoppice.a
LIB_SO := $(OUT)/libcoppice.so
SAMPLES := $(patsubst samples/%.c,$(OUT)/samples/%,$(SAMPLE_FILES)) \
    $(patsubst samples/%,$(OUT)/samples/%,$(SAMPLE_FOLDERS))
BENCH := $(if $(BENCH_SRCS),$(OUT)/bench)
TOOL := $(if $(TOOL_SRCS),$(OUT)/coppice)
CONFORMANCE := $(if $(CONFORMANCE_SRCS),$(OUT)/conformance)
STRESS := $(patsubst tests/stress/%.c,$(OUT)/stress/%,$(STRESS_SRCS))
UNIT := $(patsubst tests/unit/%_test.c,$(OUT)/unit/%,$(UNIT_SRCS))

ALL_OBJS := $(LIB_OBJS) $(PIC_OBJS) $(BENCH_OBJS) $(CONFORMANCE_OBJS) \
    $(TOOL_OBJS) $(SUPPORT_OBJS) $(call objects,$(STRESS_COMMON) $(STRESS_SRCS) \
    $(UNIT_SRCS) $(SAMPLE_FILES) $(SAMPLE_FOLDER_SRCS))

# ------------------------------------------------------------- printing --

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
# Nothing at all under make -s.
say = @$(if $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),:,\
    printf '  %-4s %s\n' $(1) $(2))
endif

# ----------------------------------------------------- what users call --

.PHONY: all
all: lib samples bench-program conformance-program tool ## the libraries, build/coppice, build/samples/*, build/bench, build/conformance

.PHONY: lib samples bench-program conformance-program tool
lib: $(LIB_A) $(LIB_SO)
samples: $(SAMPLES)
bench-program: $(BENCH)
conformance-program: $(CONFORMANCE)
tool: $(TOOL)

.PHONY: demo
demo: $(OUT)/samples/chaos_wordcount ## counts words while workers are killed and crash, and proves the count
	$(Q)$(OUT)/samples/chaos_wordcount --reports $(OUT)/demo-crashes.txt

RUN := tests/support/run.sh
# A program that does not build must not hide what the other tests say:
# build what can be built, then let the runner count the rest as failed.
JOBS = $(if $(findstring -j,$(MAKEFLAGS)),,-j$$(nproc 2>/dev/null || echo 1))
build_and_run = +$(Q)built=ok; \
    $(MAKE) --no-print-directory -k $(JOBS) $(1) || built=failed; \
    CC='$(CC)' $(RUN) --built $$built $(OUT) $(2)

.PHONY: test
test: need-test ## all tests that a change must pass
	$(call build_and_run,test-programs,unit samples stress conformance check)

.PHONY: unit
unit: need-test ## the unit tests alone
	$(call build_and_run,unit-programs,unit)

.PHONY: stress
stress: ## the stress programs, in their short forms
	$(call build_and_run,stress-programs,stress)

.PHONY: conformance
conformance: conformance-program ## scenarios, against the traces of Erlang/OTP; LIVE=n: as many new ones, SEED=s MIX=m
	$(Q)$(if $(LIVE),sh tests/conformance/live.sh $(OUT)/conformance \
	    $(OUT)/live '$(LIVE)' '$(SEED)' '$(MIX)',sh \
	    tests/conformance/run.sh $(OUT)/conformance)

.PHONY: check
check: need-test ## the house rules: layers, headers, symbols, sizes, words
	$(call build_and_run,lib tool bench-program $(OUT)/samples/chaos_wordcount,check)

.PHONY: san
san: need-san ## the tests under ASan + UBSan, then under TSan
	+$(Q)$(MAKE) --no-print-directory SAN=asan CC='$(CC)' san-run
	+$(Q)$(MAKE) --no-print-directory SAN=tsan CC=clang san-run

.PHONY: san-run
san-run: export COP_TEST_SLOW ?= 5
san-run:
	$(call build_and_run,san-programs,unit samples stress conformance)

.PHONY: bench
bench: $(BENCH) ## every benchmark, a line each
	$(Q)tests/bench/run_all.sh $(OUT)/bench

.PHONY: bench-scale bench-record
bench-scale: $(BENCH) ## how cost grows: tables of many sizes
	$(Q)tests/bench/scale.sh $(OUT)/bench
bench-record: $(BENCH) ## measure the peers too (PEERS=DIR, OPTIONS="..."), keep it
	$(Q)tests/bench/record.sh $(OUT)/bench "$(PEERS)" $(OPTIONS)

.PHONY: test-programs san-programs unit-programs stress-programs
test-programs: all unit-programs stress-programs
san-programs: samples tool unit-programs stress-programs conformance-program
unit-programs: $(UNIT) $(TOOL)
stress-programs: $(STRESS)

HEADERS := $(sort $(wildcard include/coppice/*.h))
# From where coppice.pc lies up to PREFIX, if LIBDIR is inside it: then the
# whole tree may be moved.
LIBDIR_IN_PREFIX := $(patsubst $(PREFIX)/%,%,$(filter $(PREFIX)/%,$(LIBDIR)))
UP := $(patsubst %,../,$(subst /, ,$(LIBDIR_IN_PREFIX)))
ifeq ($(LIBDIR_IN_PREFIX),)
PC_PREFIX := $(PREFIX)
PC_LIBDIR := $(LIBDIR)
else
space := $(subst ,, )
PC_PREFIX := $${pcfiledir}/$(subst $(space),,$(UP))..
PC_LIBDIR := $${prefix}/$(LIBDIR_IN_PREFIX)
endif

.PHONY: install
install: lib tool ## library, headers, coppice.pc and the program coppice, to PREFIX below DESTDIR
	$(Q)install -d '$(DESTDIR)$(LIBDIR)/pkgconfig' \
	    '$(DESTDIR)$(PREFIX)/include/coppice' '$(DESTDIR)$(PREFIX)/bin'
	$(Q)$(if $(TOOL),install -m 755 $(TOOL) '$(DESTDIR)$(PREFIX)/bin/')
	$(Q)install -m 644 include/coppice.h '$(DESTDIR)$(PREFIX)/include/'
	$(Q)install -m 644 $(HEADERS) '$(DESTDIR)$(PREFIX)/include/coppice/'
	$(Q)install -m 644 $(LIB_A) '$(DESTDIR)$(LIBDIR)/'
	$(Q)install -m 755 $(LIB_SO) \
	    '$(DESTDIR)$(LIBDIR)/libcoppice.so.$(VERSION)'
	$(Q)ln -sf libcoppice.so.$(VERSION) \
	    '$(DESTDIR)$(LIBDIR)/libcoppice.so.$(SOVERSION)'
	$(Q)ln -sf libcoppice.so.$(SOVERSION) \
	    '$(DESTDIR)$(LIBDIR)/libcoppice.so'
	$(Q)sed -e 's|@PREFIX@|$(PC_PREFIX)|' -e 's|@LIBDIR@|$(PC_LIBDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' include/coppice.pc.in \
	    > '$(DESTDIR)$(LIBDIR)/pkgconfig/coppice.pc'
	$(call say,INST,'$(DESTDIR)$(PREFIX)')

.PHONY: clean
clean: ## removes $(BUILD)
	$(Q)rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / \
	    {gsub(/\$$\(BUILD\)/, "$(BUILD)", $$2); \
	    printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# ------------------------------------------------------- what is needed --

# Compiler and allocator are looked for once per variant; the tests' and the
# sanitizers' needs at every such run, since they are quick to look for.
NEED := CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' LDFLAGS='$(LDFLAGS)' \
    tests/support/need.sh
NEEDED := $(O)/needed

$(NEEDED): tests/support/need.sh
	$(Q)mkdir -p $(@D)
	$(Q)$(NEED) build$(if $(SAN),-san)
	$(Q)touch $@

.PHONY: need-test need-san
need-test:
	$(Q)$(NEED) build test
need-san:
	$(Q)$(NEED) build test san

# ------------------------------------------------------------- building --

# Rewritten only when it changes: other flags recompile everything, a source
# that came or went links anew. WERROR is left out: it changes no object.
.PHONY: FORCE
FORCE:
define stamp
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || \
	    printf '%s\n' '$(subst ','\'',$(1))' > $@
endef
$(O)/flags: FORCE
	$(call stamp,$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS))
$(O)/sources: FORCE
	$(call stamp,$(LIB_SRCS) $(BENCH_SRCS) $(CONFORMANCE_SRCS) $(TOOL_SRCS) \
	    $(SUPPORT_SRCS) $(STRESS_COMMON) $(SAMPLE_FOLDER_SRCS))

$(ALL_OBJS): $(O)/flags | $(NEEDED)

# Tests reach hidden symbols because they are linked statically.
COMPILE = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(OWN_CFLAGS) $(WERROR) \
    -MMD -MP -c
$(LIB_OBJS) $(PIC_OBJS): OWN_CFLAGS = $(LIB_CFLAGS)
$(call objects,$(UNIT_SRCS) $(SUPPORT_SRCS)): OWN_CFLAGS = $(CHECK_CFLAGS)

define compile_rules
$(O)/%.o: %.$(1)
	$$(call say,$(2),$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(COMPILE) -o $$@ $$<
$(O)/%.pic.o: %.$(1)
	$$(call say,$(2),'$$< (pic)')
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(COMPILE) -fPIC -o $$@ $$<
endef
$(eval $(call compile_rules,c,CC))
$(eval $(call compile_rules,S,AS))

$(O)/%.o: %.cc
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(ALL_CPPFLAGS) $(CXX_CFLAGS) $(WERROR) -MMD -MP -c -o $@ $<

# q, not r: two folders may have a file of the same name, and r would let the
# second replace the first.
$(LIB_A): $(LIB_OBJS) $(O)/sources
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) qcs $@ $(LIB_OBJS)

$(LIB_SO): $(PIC_OBJS) $(O)/sources
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libcoppice.so.$(SOVERSION) \
	    $(if $(SAN),,-Wl,-z,defs) \
	    -Wl,--version-script=runtime/exports.map $(ALL_LDFLAGS) -o $@ $(PIC_OBJS) \
	    $(ALLOCATOR_LIBS)
	$(Q)ln -sf $(@F) $@.$(SOVERSION)

TEST_A := $(if $(SUPPORT_SRCS),$(O)/libtestsupport.a)
$(O)/libtestsupport.a: $(SUPPORT_OBJS) $(O)/sources
	$(Q)rm -f $@
	$(Q)$(AR) qcs $@ $(SUPPORT_OBJS)

# -rdynamic: backtraces name the program's functions.
define link
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -rdynamic -o $@ \
	    $(filter %.o,$^) $(filter %.a,$^) $(1) $(ALLOCATOR_LIBS)
endef

$(patsubst samples/%.c,$(OUT)/samples/%,$(SAMPLE_FILES)): \
    $(OUT)/samples/%: $(O)/samples/%.o $(LIB_A)
	$(link)

define folder_sample
$(OUT)/$(1): $$(call objects,$$(filter $(1)/%,$(SAMPLE_FOLDER_SRCS))) \
    $(LIB_A) $(O)/sources
	$$(call link,$$(if $$(filter $(1)/%.cc,$(SAMPLE_FOLDER_SRCS)),-lstdc++))
endef
$(foreach folder,$(SAMPLE_FOLDERS),\
    $(eval $(call folder_sample,$(folder))))

$(OUT)/coppice: $(TOOL_OBJS) $(LIB_A) $(O)/sources
	$(link)

$(OUT)/bench: $(BENCH_OBJS) $(LIB_A) $(O)/sources
	$(link)

$(OUT)/conformance: $(CONFORMANCE_OBJS) $(LIB_A) $(O)/sources
	$(link)

$(STRESS): $(OUT)/stress/%: $(O)/tests/stress/%.o $(STRESS_COMMON_OBJS) \
    $(LIB_A) $(O)/sources
	$(link)

$(UNIT): $(OUT)/unit/%: $(O)/tests/unit/%_test.o $(TEST_A) $(LIB_A) \
    $(O)/sources
	$(call link,$(CHECK_LIBS))

# All of the tool but its main.
$(OUT)/unit/view $(OUT)/unit/view_socket $(OUT)/unit/tool: \
    $(filter-out %/actors/tool/coppice.o,$(TOOL_OBJS))

-include $(ALL_OBJS:.o=.d)
