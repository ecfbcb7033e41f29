# Ferry (libferry): plain GNU make, no configure. `make help` lists the targets.
#
# Settings, all on the command line:
#   O=build          where everything that is built goes
#   SAN=address      build with a sanitizer: address (with undefined), thread or
#                    undefined; O is then build/asan, build/tsan or build/ubsan
#   OS=linux         posix: the seam of ffi/os_posix.c; O is then build/posix
#   CC=gcc           the compiler; clang works too
#   CFLAGS='-O2 -g'  optimisation and debugging, nothing else
#   WERROR=1         0: a warning does not stop the build
#   V=0              1: show the commands
#   CK=static        Concurrency Kit inside libferry.so, or shared: beside it;
#                    static wherever there is a libck.a
#   PREFIX=/usr/local libdir includedir mandir bindir DESTDIR: where `make
#                    install` and `make install-tool` put it
#   RELOCATABLE=0    1: ferry.pc finds its own place, as the CMake package does

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

OS         = linux
O          = $(top)
SAN        =
WERROR     = 1
V          = 0
PREFIX     = /usr/local
libdir     = $(PREFIX)/lib
includedir = $(PREFIX)/include
mandir     = $(PREFIX)/share/man
bindir     = $(PREFIX)/bin

ifeq ($(origin CC),default)
CC = gcc
endif
ifeq ($(origin CXX),default)
CXX = g++
endif
AR         = ar
OBJCOPY    = objcopy
PKG_CONFIG = pkg-config
PYTHON     = python3
CFLAGS     = -O2 -g

ifeq ($(V),0)
Q = @
endif
say = $(if $(Q),@printf '  %-4s %s\n' $1 $@)
comma = ,

# A system's seam is a build of its own, and tells the tests.
top = build$(addprefix /,$(filter-out linux,$(OS)))
os_flags = $(if $(filter-out linux,$(OS)),-DFERRY_OS_$(OS))

# --- Sanitizers -----------------------------------------------------------

ifeq ($(SAN),address)
O         = $(top)/asan
san_flags = -fsanitize=address,undefined
san_slow  = 3
else ifeq ($(SAN),thread)
O         = $(top)/tsan
san_flags = -fsanitize=thread
san_slow  = 10
# gcc says that TSan does not know fences; the code marks those edges itself.
san_warn  = $(if $(findstring clang,$(CC)),,-Wno-error=tsan)
# A large random address space is more than some TSan run times can map.
san_wrap := $(shell setarch -R true 2>/dev/null && echo setarch -R)
else ifeq ($(SAN),undefined)
O         = $(top)/ubsan
san_flags = -fsanitize=undefined
san_slow  = 2
else ifneq ($(SAN),)
$(error SAN=$(SAN): it is address, thread or undefined)
endif
ifneq ($(SAN),)
san_flags += -fno-sanitize-recover=all -fno-omit-frame-pointer -DFERRY_DEBUG
endif

# --- Flags ----------------------------------------------------------------

# Packages are looked up when a recipe first needs them, never while this file
# is read: `make help`, `make deps` and `make demo` start on a bare machine.
pkg_need   = $(if $(filter 0,$(shell $(PKG_CONFIG) --exists $1 2>/dev/null; \
	     echo $$?)),,$(error $1 is missing; `make deps` installs it))
pkg_cflags = $(call pkg_need,$1)$(shell $(PKG_CONFIG) --cflags $1)
pkg_libs   = $(call pkg_need,$1)$(shell $(PKG_CONFIG) --libs $1)

# Ferry runs its own Concurrency Kit whatever its host exports. That needs the
# archive: a name from a shared libck is whoever's comes first in the process.
CK = $(if $(wildcard $(shell $(PKG_CONFIG) --variable=libdir ck)/libck.a),$\
     static,shared)

# Each replaces itself by its value at its first use.
CK_CFLAGS     = $(eval CK_CFLAGS := $$(call pkg_cflags,ck))$(CK_CFLAGS)
CK_LIBS       = $(eval CK_LIBS := $$(call pkg_libs,ck))$(CK_LIBS)
SQLITE_CFLAGS = $(eval SQLITE_CFLAGS := \
		$$(call pkg_cflags,sqlite3))$(SQLITE_CFLAGS)
SQLITE_LIBS   = $(eval SQLITE_LIBS := \
		$$(call pkg_libs,sqlite3))$(SQLITE_LIBS)

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
       -Wpointer-arith -Wvla -Wundef $(if $(filter 1,$(WERROR)),-Werror) \
       $(san_warn)

# Thread-local words are few, and their first touch must not call malloc:
# initial-exec (tests/lint/tls holds the library to it).
CFLAGS_BASE = -std=c11 -D_GNU_SOURCE $(WARN) -fvisibility=hidden -fPIC \
	      -ftls-model=initial-exec -pthread -MMD -MP $(san_flags) \
	      $(os_flags) $(CFLAGS)
# What may see inside: the library itself, tests of its parts, benches.
CFLAGS_ALL  = $(CFLAGS_BASE) -I. -Iinclude -Itests $(CK_CFLAGS)
LDLIBS_ALL  = -pthread $(san_flags) $(LDFLAGS) $(CK_LIBS)
# What an application sees: the public headers and the shared library.
CFLAGS_API  = $(CFLAGS_BASE) -Iinclude -Itests
CXXFLAGS_API = -std=c++11 -Wall -Wextra $(if $(filter 1,$(WERROR)),-Werror) \
	      -fPIC -pthread $(san_flags) $(CFLAGS) -Iinclude -Itests
LDLIBS_API  = -pthread $(san_flags) $(LDFLAGS) -L$(O) -lferry \
	      -Wl,-rpath,'$(abspath $(O))'

# --- The library ----------------------------------------------------------

version = $(shell sed -n 's/^.define FERRY_VERSION_$1[^0-9]*\([0-9]*\).*/\1/p' \
	  include/ferry/version.h 2>/dev/null)
MAJOR   := $(call version,MAJOR)
VERSION := $(MAJOR).$(call version,MINOR).$(call version,PATCH)

# Behind ffi/os.h, besides os.c: the operating system's own files.
SRCS := $(filter-out ffi/os_%.c,$(wildcard ffi/*.c event/*.c)) \
	$(wildcard ffi/os_$(OS).c ffi/os_$(OS)_*.c)
OBJS := $(SRCS:%.c=$(O)/%.o) $(O)/ffi/fcontext.o

SONAME   := libferry.so.$(MAJOR)
SO_REAL  := $(O)/libferry.so.$(VERSION)
SO       := $(O)/libferry.so
LIB      := $(O)/libferry.a

# A sanitizer's run time may be left to the program, so -z defs not then.
# What the library calls of itself is its own, whatever the process has loaded
# before under the same names (-Bsymbolic-functions).
LDFLAGS_SO = -shared -Wl,-soname,$(SONAME) -Wl,-z,nodelete \
	     -Wl,-Bsymbolic-functions \
	     -Wl,-z,relro,-z,now $(if $(SAN),,-Wl,-z,defs) \
	     -Wl,--version-script=ffi/libferry.map -Wl,--exclude-libs,ALL
LDLIBS_SO  = $(if $(filter static,$(CK)),$\
	     $(LDLIBS_ALL:-lck=-l:libck.a),$(LDLIBS_ALL))

#: make [all]            the library: libferry.so and libferry.a under build/
all: $(SO) $(LIB)

$(SO_REAL): $(OBJS) ffi/libferry.map
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_SO) -o $@ $(OBJS) $(LDLIBS_SO)

$(O)/$(SONAME): $(SO_REAL)
	$(Q)ln -sf $(<F) $@

$(SO): $(O)/$(SONAME)
	$(Q)ln -sf $(<F) $@

$(LIB): $(OBJS)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $(OBJS)

$(O)/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

# Boost.Context's switch, from the distribution: two functions in assembler,
# taken out of its static library and given names of our own. So neither a host
# that has its own copy, nor one that has another version, meets ours, and a
# static client needs nothing more.
BOOST_CONTEXT = $(eval BOOST_CONTEXT := $$(shell \
		$$(CC) -print-file-name=libboost_context.a))$(BOOST_CONTEXT)
# A compiler that does not find it says the bare name.
boost_need    = $(if $(and $(findstring /,$(BOOST_CONTEXT)),$\
		$(wildcard $(BOOST_CONTEXT))),,$\
		$(error libboost_context.a is missing (libboost-context-dev); $\
		`make deps` installs it))

$(O)/ffi/fcontext.o: Makefile
	$(boost_need)
	$(call say,COPY)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -r -nostdlib -o $@ -Wl,-u,make_fcontext \
		-Wl,-u,jump_fcontext $(BOOST_CONTEXT)
	$(Q)$(OBJCOPY) --redefine-sym make_fcontext=ferry__fcontext_make \
		--redefine-sym jump_fcontext=ferry__fcontext_jump $@

# The names of the machine's system calls, as its headers have them.
$(O)/ffi/calls.h: Makefile
	$(call say,MAKE)
	$(Q)mkdir -p $(@D)
	$(Q)echo '#include <sys/syscall.h>' | $(CC) $(CFLAGS) -xc -E -dM - | \
		sed -n 's/^.define SYS_\([a-z0-9_]*\) .*/X(\1)/p' | sort | \
		{ printf '#define CALL_NAMES(X) '; tr '\n' ' '; echo; } > $@

$(O)/ffi/os_linux_calls.o: $(O)/ffi/calls.h
$(O)/ffi/os_linux_calls.o: CFLAGS_ALL += -include $(O)/ffi/calls.h

$(O)/tests/api/%.o: tests/api/%.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_API) -c -o $@ $<

$(O)/samples/%.o: samples/%.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_API) $(SAMPLE_CFLAGS) -c -o $@ $<

# --- The tool: ferry, which writes bindings -------------------------------

# Not a part of plain `make`: who uses the library needs neither clang nor Lua.
TOOL      := $(O)/ferry
TOOL_LIB  := $(O)/ffi/codegen/libcodegen.a
TOOL_OBJS := $(patsubst %.c,$(O)/%.o,$(wildcard ffi/codegen/*.c ffi/tool/*.c))

LUA_CFLAGS     = $(eval LUA_CFLAGS := \
		 $$(call pkg_cflags,lua5.4))$(LUA_CFLAGS)
LUA_LIBS       = $(eval LUA_LIBS := $$(call pkg_libs,lua5.4))$(LUA_LIBS)
JANSSON_CFLAGS = $(eval JANSSON_CFLAGS := \
		 $$(call pkg_cflags,jansson))$(JANSSON_CFLAGS)
JANSSON_LIBS   = $(eval JANSSON_LIBS := \
		 $$(call pkg_libs,jansson))$(JANSSON_LIBS)

# libclang comes without a .pc file.
clang_probe  = include/clang-c/Index.h
clang_found  = $(firstword $(patsubst %/$(clang_probe),%,$(wildcard \
	       $(addsuffix /$(clang_probe),$(shell llvm-config --prefix \
	       2>/dev/null) $(shell ls -dv /usr/lib/llvm-* 2>/dev/null | \
	       tac) /usr))))
CLANG_PREFIX = $(eval CLANG_PREFIX := $$(or $$(clang_found),$$(error \
	       libclang is missing (libclang-dev); \
	       `make deps` installs it)))$(CLANG_PREFIX)
CLANG_CFLAGS = -isystem $(CLANG_PREFIX)/include
CLANG_LIBS   = -L$(CLANG_PREFIX)/lib -lclang

# One thread has no races, and ThreadSanitizer would ask for a wrapper
# wherever the tool is run.
tool_flags  = $(if $(filter thread,$(SAN)),$(filter-out \
	      $(san_flags),$1),$1)
CFLAGS_TOOL = $(call tool_flags,$(CFLAGS_BASE)) -I. -Iinclude -Itests \
	      $(LUA_CFLAGS) $(JANSSON_CFLAGS) $(CLANG_CFLAGS)
LDLIBS_TOOL = $(LUA_LIBS) $(JANSSON_LIBS) $(CLANG_LIBS)

$(TOOL_OBJS): CFLAGS_ALL = $(CFLAGS_TOOL) -DFERRY_SOURCE='"$(abspath .)"'

$(TOOL_LIB): $(filter $(O)/ffi/codegen/%,$(TOOL_OBJS))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(TOOL): $(filter $(O)/ffi/tool/%,$(TOOL_OBJS)) $(TOOL_LIB)
	$(call say,LD)
	$(Q)$(CC) -o $@ $^ $(call tool_flags,$(san_flags)) $(LDFLAGS) \
		$(LDLIBS_TOOL) -ldl

#: make tool             ferry, the generator of bindings (ferry help)
tool:
	@tests/deps tool
	@$(MAKE) $(TOOL)

# --- Tests: one program per source file -----------------------------------

progs = $(patsubst %.c,$(O)/%,$(wildcard tests/$1/*.c))

UNIT   := $(call progs,unit)
FAULT  := $(call progs,fault)
STRESS := $(call progs,stress)
FUZZ   := $(call progs,fuzz)
API    := $(call progs,api)
# Python loads the plain library only: a sanitizer would have to be in python.
API_PY := $(if $(SAN),,$(wildcard tests/api/*.py))
# Planted bugs, by the sanitizer that must catch them.
XFAIL  := $(if $(filter address,$(SAN)),$(filter \
	  $(O)/tests/xfail/asan_%,$(call progs,xfail))) \
	  $(if $(filter thread,$(SAN)),$(filter \
	  $(O)/tests/xfail/tsan_%,$(call progs,xfail)))

# One program of several files, and of the public header alone.
SOAK   := $(O)/tests/soak/soak

LINTS  := $(addprefix tests/lint/,style layers pairs tls selftest)

$(UNIT) $(FUZZ) $(STRESS) $(XFAIL): $(O)/%: $(O)/%.o $(LIB)
	$(call say,LD)
	$(Q)$(CC) -o $@ $< $(LIB) $(LDLIBS_ALL)

# Fault programs link a copy whose calls to the system come to the test first;
# see tests/fault/inject.h.
FAULT_LIB  := $(O)/tests/fault/libferry.a
FAULT_WRAP := $(addprefix -Wl$(comma)--wrap=ferry__alloc_,for_ever \
	name keep free_theirs)

$(FAULT_LIB): $(LIB) tests/fault/calls
	$(call say,COPY)
	$(Q)mkdir -p $(@D)
	$(Q)$(OBJCOPY) --redefine-syms=tests/fault/calls $(LIB) $@

$(FAULT:%=%.o): CFLAGS_ALL += -DINJECT_SEAM_$(OS)
$(FAULT): $(O)/%: $(O)/%.o $(FAULT_LIB)
	$(call say,LD)
	$(Q)$(CC) -o $@ $< $(FAULT_LIB) $(FAULT_WRAP) $(LDLIBS_ALL)

# Where pools' threads go at once.
$(O)/tests/fault/stall: LDLIBS_ALL += -Wl,--wrap=ferry__pool_start

# Releases that are stopped between their steps, and whose wakes are counted.
$(O)/tests/unit/handle: LDLIBS_ALL += $(addprefix -Wl$(comma)--wrap=ferry__,\
	os_wake worker_post token_revoke)

# Threads whose start takes long, or is refused.
$(O)/tests/unit/pool: LDLIBS_ALL += -Wl,--wrap=ferry__os_thread_start

# A test of C code with some C++ in it.
$(O)/tests/unit/throws.o: tests/unit/throws.cc
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -fPIC -pthread -MMD -MP $(san_flags) $(CFLAGS) -c -o $@ $<

$(O)/tests/unit/coro_end: $(O)/tests/unit/throws.o
$(O)/tests/unit/coro_end: LDLIBS_ALL += $(O)/tests/unit/throws.o -lstdc++

# Code whose stack is read, with a frame pointer and without.
traced = $(O)/tests/unit/traced/deep
$(traced)_%.o: tests/unit/traced/deep.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -DDEEP=$* -Itests/unit -g \
		$(if $(filter so,$*),-DDEEP_LOADED) \
		$(if $(filter o0,$*),-O0,-O2 -fomit-frame-pointer) \
		-fvisibility=default -c -o $@ $<

$(traced)_so.so: $(traced)_so.o
	$(call say,LD)
	$(Q)$(CC) -shared -o $@ $< $(san_flags)

TRACED = $(filter $(O)/tests/unit/trace%,$(UNIT))
$(TRACED:%=%.o): CFLAGS_ALL += -Itests/unit
$(TRACED): $(traced)_o0.o $(traced)_o2.o
$(TRACED): LDLIBS_ALL += $(traced)_o0.o $(traced)_o2.o -rdynamic
$(O)/tests/unit/trace_sqlite.o: CFLAGS_ALL += $(SQLITE_CFLAGS)
$(O)/tests/unit/trace_sqlite: LDLIBS_ALL += $(SQLITE_LIBS)
$(O)/tests/unit/trace_sqlite: | $(traced)_so.so

$(API): $(O)/%: $(O)/%.o $(SO)
	$(call say,LD)
	$(Q)$(CC) -o $@ $(filter %.o,$^) $(LDLIBS_API)

# Waits in the constructor of a library, which calls it.
$(O)/tests/api/watching_loader: LDLIBS_API += -rdynamic -ldl
$(O)/tests/api/watching_loader: | $(traced)_so.so

# How a process ends: what is going on in it is the same for C, C++ and Python.
world := $(O)/tests/api/world/world.o

$(O)/tests/api/exit: $(world) | $(O)/tests/api/exit_static

$(O)/tests/api/exit_static: tests/api/exit_static.cc $(world) $(SO)
	$(call say,LD)
	$(Q)$(CXX) $(CXXFLAGS_API) -MMD -MP -MF $@.d -o $@ $(filter %.cc %.o,$^) \
		$(LDLIBS_API)

# Not linked with what it loads.
$(O)/tests/api/dlopen: LDFLAGS += -Wl,--as-needed

$(O)/tests/api/libworld.so: $(world) $(SO)
	$(call say,LD)
	$(Q)$(CC) -shared -o $@ $(filter %.o,$^) $(LDLIBS_API)

$(O)/tests/soak/%.o: tests/soak/%.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_API) -c -o $@ $<

$(SOAK): $(patsubst %.c,$(O)/%.o,$(wildcard tests/soak/*.c)) $(SO)
	$(call say,LD)
	$(Q)$(CC) -o $@ $(filter %.o,$^) $(LDLIBS_API)

# Libraries with a planted bug each, that tests must fail with.
plant_o = $(O)/tests/plant
PLANTS  = $(patsubst %,$(plant_o)/libferry-%.so,none serial dead batch \
	  batch_counts one_shot counted_late flush_by_number no_chain \
	  cancel_runs cancel_waits node_late blind_child never_stalled \
	  lost_rouse deaf_wait no_timer told_first arena_early)

$(plant_o)/libferry-%.so: tests/plant/plants $(OBJS)
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) tests/plant/plants --source $* > $(plant_o)/$*.c
	$(Q)$(CC) $(CFLAGS_ALL) -w -c -o $(plant_o)/$*.o $(plant_o)/$*.c
	$(Q)$(CC) $(LDFLAGS_SO) -o $@ $(plant_o)/$*.o $(filter-out \
		$(O)/$(patsubst %.c,%.o,$(shell $(PYTHON) tests/plant/plants \
		--file $*)),$(OBJS)) $(LDLIBS_SO)

# Everything that is run is run by tests/run: one after the other, each with a
# time limit, into a log of its own under $(O)/log.
RUN_ENV = O='$(O)' CC='$(CC)' CXX='$(CXX)' SAN='$(SAN)' PYTHON='$(PYTHON)' \
	FERRY_LIBRARY='$(abspath $(SO))' FERRY_TOOL='$(abspath $(TOOL))' \
	T_SLOW="$${T_SLOW:-$(or $(san_slow),1)}" \
	T_WRAP="$${T_WRAP:-$(san_wrap)}" \
	ASAN_OPTIONS='detect_leaks=1' \
	UBSAN_OPTIONS='print_stacktrace=1' \
	TSAN_OPTIONS='halt_on_error=1 second_deadlock_stack=1 $(tsan_supp)'
tsan_supp = $(addprefix suppressions=,$(abspath $(wildcard tests/tsan.supp)))
RUN = $(RUN_ENV) $(PYTHON) tests/run

# --- Samples, models, benches bring a fragment of their own ---------------
#
# samples/NAME/sample.mk appends to
#   SAMPLE_BINS    what `make samples` builds
#   SAMPLE_TESTS   what `make check` runs: programs and .py or executable
#                  scripts, one word each, by the rules of tests/run
#   DEMO           what `make demo` needs built before samples/sqlite/demo.sh
#   GENERATED      HEADER:FOLDER, what `ferry gen` has written there
# and says how its programs are made. Objects $(O)/samples/NAME/*.o come from
# the rule above (public headers only; SAMPLE_CFLAGS may be set per target), so
#   $(O)/samples/timer/timer: $(O)/samples/timer/timer.o $(SO)
#   	$(CC) -o $@ $(filter %.o,$^) $(LDLIBS_API)
# is often all. tests/model/model.mk gives the target model-run (QUICK=1: in a
# minute), tests/bench/bench.mk the target bench-run, both .PHONY; each program
# of theirs that $(RUN) runs is one of the tally. All of them may use
#   O SO LIB CC CFLAGS_API LDLIBS_API CFLAGS_ALL LDLIBS_ALL SQLITE_CFLAGS
#   SQLITE_LIBS RUN, $(call pkg_cflags,NAME) and $(call pkg_libs,NAME)
# and use those of packages inside recipes only.

SAMPLE_BINS  :=
SAMPLE_TESTS :=
DEMO         :=
GENERATED    :=

-include $(wildcard samples/*/sample.mk)

# --- Tests of the generator ------------------------------------------------
#
# tests/codegen/*.c are programs, of the public headers and libferry.so; *.py
# there (but common.py) are run too, and know the tool by FERRY_TOOL. tests/codegen/codegen.mk,
# and a fragment beside each language's templates, append to
#   CODEGEN_BINS   what has to be built before
#   CODEGEN_TESTS  what else `make check` runs, by the rules of tests/run
#   CODEGEN_SAN    what else the sanitizers' runs run
# A program that looks inside the generator has
#   $(O)/tests/codegen/NAME.o: CFLAGS_ALL = $(CFLAGS_TOOL)
#   $(O)/tests/codegen/NAME: $(TOOL_LIB)
#   $(O)/tests/codegen/NAME: LDLIBS_API += $(LDLIBS_TOOL)
# and generated files come from $(TOOL), an order-only prerequisite where what
# it writes is compared.

CODEGEN       := $(call progs,codegen)
CODEGEN_PY    := $(if $(SAN),,$(filter-out %/common.py,\
		 $(wildcard tests/codegen/*.py)))
CODEGEN_BINS  :=
CODEGEN_TESTS :=
CODEGEN_SAN   := $(if $(filter address undefined,$(SAN)),$\
		 $(addprefix tests/codegen/,tool.py gen.py \
		 model_fuzz.py scan.py))

$(O)/tests/codegen/%.o: CFLAGS_ALL = $(CFLAGS_API) -I$(@D)
$(CODEGEN): $(O)/%: $(O)/%.o $(SO)
	$(call say,LD)
	$(Q)$(CC) -o $@ $(filter %.o %.a,$^) $(LDLIBS_API) -ldl

-include $(wildcard tests/codegen/codegen.mk ffi/codegen/*/*.mk)

CODEGEN_TESTS += $(if $(SAN),,"tests/codegen/generated $(GENERATED)")

codegen: $(TOOL) $(CODEGEN_BINS) $(CODEGEN)

#: make generate         write anew what `ferry gen` has written of samples
generate: $(TOOL)
	@FERRY_TOOL='$(TOOL)' tests/codegen/generated --write $(GENERATED)

-include $(wildcard tests/model/model.mk tests/bench/bench.mk)

#: make demo             the main job: SQLite, used from C++ and Python at once
demo:
	@tests/deps demo
	@$(MAKE) demo-run

demo-run: $(SO) $(DEMO)
	@O='$(O)' FERRY_LIBRARY='$(abspath $(SO))' PYTHON='$(PYTHON)' \
		samples/sqlite/demo.sh

#: make samples          the programs under samples/
samples: $(SO) $(LIB) $(SAMPLE_BINS) $(DEMO)

#: make deps             install what building and checking need (apt)
deps:
	@tests/deps check

# --- Checks ---------------------------------------------------------------

# What tests in Python load.
API_LIBS := $(if $(SAN),,$(O)/tests/api/libworld.so)

tests: $(SO) $(LIB) $(UNIT) $(FUZZ) $(FAULT) $(API) $(API_LIBS) $(STRESS) \
	$(XFAIL)

ABI     = $(addprefix tests/abi/,symbols layout hosts selftest)
INSTALL = $(addprefix tests/abi/,install clients man)
CHECKS  = $(UNIT) $(FUZZ) $(FAULT) $(API) $(API_PY) $(CODEGEN) \
	  $(CODEGEN_PY) $(CODEGEN_TESTS) $(LINTS) tests/lint/headers $(ABI) $(SAMPLE_TESTS) $(INSTALL) \
	  tests/plant/plants tests/readme tests/examples

#: make check            every fast test
check:
	@tests/deps check
	@$(MAKE) check-run

check-run: tests codegen samples $(PLANTS)
	@$(RUN) $(CHECKS)

# A short turn of each stress program: under a sanitizer it finds the most.
SAN_STRESS = $(foreach p,$(STRESS),"$p 4 2000 1")

#: make check-asan       with AddressSanitizer and UBSan; planted bugs are caught
check-asan:
	@tests/deps check
	@$(MAKE) SAN=address O=$(O)/asan san-run

#: make check-tsan       with ThreadSanitizer; planted races are caught
check-tsan:
	@tests/deps check
	@$(MAKE) SAN=thread O=$(O)/tsan san-run

san-run: tests codegen
	@$(RUN) $(UNIT) $(FUZZ) $(FAULT) $(API) $(CODEGEN) $(CODEGEN_SAN) \
		$(XFAIL) $(SAN_STRESS)

#: make check-posix      with the seam of other systems, ffi/os_posix.c
check-posix:
	@tests/deps check
	@$(MAKE) OS=posix O=$(O)/posix posix-run

posix-run: tests
	@$(RUN) $(UNIT) $(FAULT) $(API) $(API_PY)

# Cross-built for arm64 and run by an emulator; Concurrency Kit and
# Boost.Context for it come as packages, unpacked below build/.
ARM64      = aarch64-linux-gnu
ARM64_ROOT = $(abspath $(O))/arm64/sysroot
ARM64_LIB  = $(ARM64_ROOT)/usr/lib/$(ARM64)

#: make check-arm64      cross-built for arm64, emulated: unit and api tests
check-arm64:
	@tests/deps arm64
	@$(MAKE) $(ARM64_LIB)/libboost_context.a
	@$(MAKE) O=$(O)/arm64 CC=$(ARM64)-gcc CXX=$(ARM64)-g++ \
		AR=$(ARM64)-ar OBJCOPY=$(ARM64)-objcopy \
		CFLAGS='$(CFLAGS) -include tests/emulated.h' \
		BOOST_CONTEXT='$(ARM64_LIB)/libboost_context.a' \
		CK_CFLAGS='-isystem $(ARM64_ROOT)/usr/include' \
		CK_LIBS='$(ARM64_LIB)/libck.so -Wl,-rpath,$(ARM64_LIB)' \
		T_SLOW=5 T_WRAP='qemu-aarch64 -L /usr/$(ARM64)' arm64-run

# $(call without,WORD,PROGRAMS): those without it in their name
without = $(foreach p,$2,$(if $(findstring $1,$(notdir $p)),,$p))

# The emulator starts no threads in a child of a process that has some (its
# table of processors is copied half made), and what is about whole processes,
# their ends and their loaders would test it. There is no SQLite.
ARM64_API  = $(call without,fork,$(filter-out $(addprefix $(O)/tests/api/, \
	     dlopen exit exit_control strand_stack),$(API)))
ARM64_UNIT = $(call without,fork,$(filter-out \
	     $(O)/tests/unit/trace_sqlite,$(UNIT)))

arm64-run: $(SO) $(LIB) $(ARM64_UNIT) $(ARM64_API)
	@$(RUN) $(ARM64_UNIT) $(ARM64_API)

$(ARM64_LIB)/libboost_context.a:
	$(call say,GET)
	$(Q)tests/sysroot arm64 $(ARM64_ROOT) libck-dev libboost-context-dev

# VALGRIND_DIRS=unit is the short form. Not api: signals, program and processors
# of a process are Valgrind's own, and it looks through a list of all stacks.
VALGRIND_DIRS = unit fault
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full \
	   --errors-for-leak-kinds=definite --fair-sched=try \
	   $(addprefix --suppressions=,$(wildcard tests/valgrind.supp))

#: make check-valgrind   under Valgrind
check-valgrind:
	@tests/deps valgrind
	@$(MAKE) valgrind-run

valgrind-run: tests
	@T_SLOW=30 T_WRAP='$(VALGRIND)' $(RUN) \
		$(foreach d,$(VALGRIND_DIRS),$(call progs,$d))

STRESS_THREADS = 8
STRESS_ITERS   = 100000
STRESS_SEEDS   = 1 2 3

#: make check-stress     threads against each other, STRESS_ITERS=100000 times
check-stress:
	@tests/deps check
	@$(MAKE) stress-run

stress-run: tests
	@$(RUN) $(foreach s,$(STRESS_SEEDS),$(foreach p,$(STRESS),\
		"$p $(STRESS_THREADS) $(STRESS_ITERS) $s"))

# A process ends in a race: few runs in `make check`, these many here.
EXIT_RUNS    = 100
EXIT_RUNS_PY = $(EXIT_RUNS)
EXIT = "$(O)/tests/api/exit $(EXIT_RUNS)" $(foreach \
       p,$(filter %/exit_py.py,$(API_PY)),"$p $(EXIT_RUNS_PY)") \
       $(foreach p,$(filter %/cpp/exits,$(CODEGEN_TESTS)),"$p $(EXIT_RUNS)") \
       $(filter %/test_exit.py %/test_exits.py,$(CODEGEN_TESTS))

#: make check-exit       each way to end a process, EXIT_RUNS=100 times (minutes)
check-exit:
	@tests/deps check
	@$(MAKE) exit-run

exit-run: tests codegen
	@EXIT_RUNS=$(EXIT_RUNS_PY) $(RUN) $(EXIT)

MINUTES = 1
SEED    = 1

#: make soak             everything at once, and its accountant: MINUTES=1 SEED=1
soak:
	@tests/deps check
	@$(MAKE) soak-run

soak-run: $(SOAK)
	@T_LIMIT=$$(awk 'BEGIN { print int($(MINUTES) * 120 + 300) }') $(RUN) \
		"$(SOAK) $(MINUTES) $(SEED)"

# Those of the tool are for libFuzzer alone, and take whole headers.
FUZZ_SECONDS = 30
FUZZ_TOOL    = $(call progs,fuzz/tool)
fuzz_names   = $(patsubst $(O)/tests/fuzz/%,%,$(FUZZ) $(FUZZ_TOOL))
fuzz_corpus  = $(O)/corpus

$(FUZZ_TOOL:%=%.o): CFLAGS_ALL = $(CFLAGS_TOOL)
$(FUZZ_TOOL): $(O)/%: $(O)/%.o $(TOOL_LIB)
	$(call say,LD)
	$(Q)$(CC) -o $@ $^ $(san_flags) $(LDFLAGS) $(LDLIBS_TOOL)

#: make fuzz             parsers, with libFuzzer (clang): FUZZ_SECONDS=30 each
fuzz:
	@$(MAKE) O=$(O)/fuzz CC=clang SAN=address CFLAGS='-O1 -g \
		-fsanitize=fuzzer-no-link -DFUZZ_LIBFUZZER' \
		LDFLAGS=-fsanitize=fuzzer fuzz-run

fuzz-run: $(FUZZ) $(FUZZ_TOOL)
	@rm -rf $(fuzz_corpus)
	@mkdir -p $(fuzz_names:%=$(fuzz_corpus)/%)
	@for p in $(fuzz_names); do \
		case $$p in tool/*) most=16384 ;; *) most=1024 ;; esac; \
		FUZZ_CORPUS=$(fuzz_corpus)/$$p \
		T_LIMIT=$$(($(FUZZ_SECONDS) * 2 + 60)) \
		$(RUN) "$(O)/tests/fuzz/$$p -timeout=10 \
			-max_total_time=$(FUZZ_SECONDS) -max_len=$$most \
			-artifact_prefix=$(O)/ \
			$(fuzz_corpus)/$$p" || exit 1; \
	done

#: make check-model      the spin models of wake, close, cancel (QUICK=1: less)
check-model:
	@tests/deps model
	@$(MAKE) model-run

# In this order, and on after a failure: an hour or so. What a change is held to
# at once is in .ci/run.
ALL_CHECKS = check check-asan check-tsan check-posix check-arm64 check-exit \
	     check-valgrind check-stress check-model soak

#: make check-all        all of these, before a release (an hour)
check-all:
	@failed=; for t in $(ALL_CHECKS); do \
		$(MAKE) $$t || failed="$$failed $$t"; \
	done; \
	[ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

#: make check-headers    public headers alone: C99, C++11, nothing but C calls
check-headers:
	@tests/deps check
	@$(RUN) tests/lint/headers

#: make check-abi        symbols, layouts, and hosts with Ferry's inner names
check-abi:
	@tests/deps check
	@$(MAKE) abi-run

abi-run: $(SO) $(LIB)
	@$(RUN) $(ABI)

#: make abi-update       write what was added to the ABI into its table
abi-update: $(SO)
	@FERRY_LIBRARY='$(abspath $(SO))' CC='$(CC)' \
		$(PYTHON) tests/abi/layout --update

#: make check-install    install, build and run clients, man pages, uninstall
check-install:
	@tests/deps check
	@$(MAKE) install-run

install-run: all $(TOOL)
	@$(RUN) $(INSTALL)

#: make lint             style, layers, pairs of ordering edges, TLS
lint:
	@tests/deps check
	@$(MAKE) lint-run

lint-run: $(SO)
	@$(RUN) $(LINTS)

#: make bench            Ferry against others, in one run
bench:
	@tests/deps bench
	@$(MAKE) bench-run

# --- Install --------------------------------------------------------------

HEADERS := $(wildcard include/ferry/*.h include/ferry/*.hpp)
PAGES   := $(wildcard docs/man/*.[137])

# PREFIX, libdir and so on may be written with a slash too many.
empty   :=
space   := $(empty) $(empty)
inst     = $(abspath $1)
inst_lib = $(call inst,$(libdir))
inst_inc = $(call inst,$(includedir))
inst_man = $(call inst,$(mandir))
inst_bin = $(call inst,$(bindir))
# The tool looks for its templates from where it is.
inst_cg  = $(call inst,$(bindir)/../share/ferry/codegen)
inst_cm  = $(inst_lib)/cmake/ferry
inst_pc  = $(inst_lib)/pkgconfig
# The path below PREFIX, or nothing when it is elsewhere.
below    = $(patsubst $(patsubst %/,%,$(call inst,$(PREFIX)))/%,%,$\
	   $(filter $(patsubst %/,%,$(call inst,$(PREFIX)))/%,$1))
# From the folder $1 up to PREFIX: one .. for each step.
steps_up = $(subst $(space),/,$(patsubst %,..,$(subst /, ,$(call below,$1))))
# The folder $1 from the folder $2 that $3 stands for, or as it is when it or
# that is not below PREFIX.
from     = $(if $(and $(call below,$1),$(call below,$2)),$\
	   $3/$(call steps_up,$2)/$(call below,$1),$1)
in_pc    = $(if $(call below,$1),$${prefix}/$(call below,$1),$1)

inst_fill = sed \
	-e 's|@PREFIX@|$(if $(filter 1,$(RELOCATABLE)),$\
		$(patsubst %/.,%,$(call from,$(call inst,$(PREFIX))/.,$\
			$(inst_pc),$${pcfiledir})),$(call inst,$(PREFIX)))|' \
	-e 's|@LIBDIR@|$(call in_pc,$(inst_lib))|' \
	-e 's|@INCLUDEDIR@|$(call in_pc,$(inst_inc))|' \
	-e 's|@CMAKE_INCLUDEDIR@|$(call from,$(inst_inc),$(inst_cm),$\
		$${ferry_here})|' \
	-e 's|@CMAKE_LIBDIR@|$${ferry_here}/../..|' \
	-e 's|@SO_REAL@|$(notdir $(SO_REAL))|' \
	-e 's|@SONAME@|$(SONAME)|' \
	-e 's|@VERSION@|$(VERSION)|'

# Each means something to sed, to the shell, to make, or to those who read what
# is filled in.
INST_BAD  := & | \ ' " ` $$ ; \# %
inst_bad   = $(strip $(foreach c,$(INST_BAD),$(findstring $c,$1)))

INST_MADE := ferry.pc ferry-config.cmake ferry-config-version.cmake
$(addprefix $(O)/,$(INST_MADE)): $(O)/%: ffi/%.in FORCE
	$(foreach d,PREFIX libdir includedir mandir bindir,$(if $(filter \
		1/%,$(words $($d))$($d)),,$(error $d=$($d): it is one \
		absolute path without spaces))$(if $(call inst_bad,$($d)),\
		$(error $d=$($d): there may be none of $(INST_BAD) in it)))
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && $(inst_fill) $< > $@

# Shell words and shell code, for the recipes below: DESTDIR may have spaces.
inst_dirs  = '$(DESTDIR)$(inst_inc)/ferry' '$(DESTDIR)$(inst_pc)' \
	     '$(DESTDIR)$(inst_cm)' \
	     '$(DESTDIR)$(inst_man)/man3' '$(DESTDIR)$(inst_man)/man7'
inst_own   = '$(DESTDIR)$(inst_inc)/ferry' '$(DESTDIR)$(inst_cm)'
inst_tool_dirs = '$(DESTDIR)$(inst_bin)' '$(DESTDIR)$(inst_man)/man1' \
	     '$(DESTDIR)$(inst_cg)'
# Which folders an install made, for its uninstall. Written anew, here as with
# what is filled in: `sudo make install` leaves files that only root may change.
INST_NOTE := $(O)/installed.dirs
inst_pages = $(filter-out %.1,$(PAGES))
# The further names of the page $$page, which are links to it.
page_links = sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([^ ]*\).*/\1/p' \
	     "$$page" | sed 1d

# Adds those of the folders $1, and of what they are in, that are to be made.
inst_note = { [ ! -f $(INST_NOTE) ] || cat $(INST_NOTE); \
	for d in $1; do \
		while [ ! -d "$$d" ]; do \
			printf '%s\n' "$$d"; \
			case $$d in */*) d=$${d%/*} ;; *) break ;; esac; \
		done; \
	done; } > $(INST_NOTE).new && mv -f $(INST_NOTE).new $(INST_NOTE)
# Writers, templates and what they copy; not what runs of them leave.
TOOL_DATA = $(patsubst ffi/codegen/%,%,$(sort $(shell find ffi/codegen \
	    -type f \( -name '*.lua' -o -path 'ffi/codegen/*/*' \) \
	    ! -name '*.mk' ! -name '.*' ! -name '*~' ! -name '*.pyc' \
	    ! -path '*.egg-info/*')))

#: make install          to PREFIX=/usr/local, libdir, includedir, mandir, DESTDIR
install: all $(addprefix $(O)/,$(INST_MADE))
	@$(call inst_note,$(inst_dirs))
	install -d $(inst_dirs)
	install -m 644 $(HEADERS) '$(DESTDIR)$(inst_inc)/ferry'
	install -m 755 $(SO_REAL) '$(DESTDIR)$(inst_lib)'
	ln -sf $(notdir $(SO_REAL)) '$(DESTDIR)$(inst_lib)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(inst_lib)/libferry.so'
	@# What the link named before: an older one of the same soname.
	@for f in '$(DESTDIR)$(inst_lib)/$(SONAME)'.*; do \
		case $${f##*/$(SONAME).} in \
		$(VERSION:$(MAJOR).%=%)|*[!0-9.]*) ;; \
		*) rm -f "$$f" ;; \
		esac; \
	done
	install -m 644 $(LIB) '$(DESTDIR)$(inst_lib)'
	install -m 644 $(O)/ferry.pc '$(DESTDIR)$(inst_pc)'
	install -m 644 $(O)/ferry-config.cmake \
		$(O)/ferry-config-version.cmake '$(DESTDIR)$(inst_cm)'
	install -m 644 $(filter %.3,$(PAGES)) '$(DESTDIR)$(inst_man)/man3'
	install -m 644 $(filter %.7,$(PAGES)) '$(DESTDIR)$(inst_man)/man7'
	@for page in $(inst_pages); do s=$${page##*.}; \
	for name in `$(page_links)`; do \
		ln -sf $${page##*/} '$(DESTDIR)$(inst_man)'/man$$s/$$name.$$s; \
	done; done

#: make install-tool     ferry and its templates, to PREFIX or bindir
install-tool: $(TOOL) $(addprefix $(O)/,$(INST_MADE))
	@$(call inst_note,$(inst_tool_dirs))
	install -d $(inst_tool_dirs)
	install -m 755 $(TOOL) '$(DESTDIR)$(inst_bin)'
	install -m 644 $(filter %.1,$(PAGES)) '$(DESTDIR)$(inst_man)/man1'
	@for f in $(TOOL_DATA); do \
		install -D -m 644 ffi/codegen/$$f \
			'$(DESTDIR)$(inst_cg)'/$$f || exit 1; \
	done

#: make uninstall        remove what both have put there
uninstall:
	rm -f '$(DESTDIR)$(inst_bin)/ferry' \
		$(patsubst docs/man/%,'$(DESTDIR)$(inst_man)/man1/%',\
		$(filter %.1,$(PAGES)))
	@[ ! -d '$(DESTDIR)$(inst_cg)' ] || { \
		for f in $(TOOL_DATA); do \
			rm -f '$(DESTDIR)$(inst_cg)'/$$f; \
		done; \
		find '$(DESTDIR)$(inst_cg)' -depth -type d -empty -delete; \
		rmdir '$(DESTDIR)$(dir $(inst_cg))' 2>/dev/null || true; \
	}
	rm -f $(patsubst include/ferry/%,\
		'$(DESTDIR)$(inst_inc)/ferry/%',$(HEADERS))
	rm -f '$(DESTDIR)$(inst_lib)/$(notdir $(SO_REAL))' \
		'$(DESTDIR)$(inst_lib)/$(SONAME)' \
		'$(DESTDIR)$(inst_lib)/libferry.so' \
		'$(DESTDIR)$(inst_lib)/libferry.a' \
		'$(DESTDIR)$(inst_pc)/ferry.pc' \
		'$(DESTDIR)$(inst_cm)/ferry-config.cmake' \
		'$(DESTDIR)$(inst_cm)/ferry-config-version.cmake'
	@for page in $(inst_pages); do s=$${page##*.}; \
	for name in `basename $$page .$$s` `$(page_links)`; do \
		rm -f '$(DESTDIR)$(inst_man)'/man$$s/$$name.$$s; \
	done; done
	@for d in $(inst_own); do \
		rmdir "$$d" 2>/dev/null || true; \
	done
	@[ ! -f $(INST_NOTE) ] || for d in $(inst_dirs) $(inst_tool_dirs); do \
		while grep -qxFe "$$d" $(INST_NOTE); do \
			[ ! -d "$$d" ] || rmdir "$$d" 2>/dev/null || break; \
			case $$d in */*) d=$${d%/*} ;; *) break ;; esac; \
		done; \
	done
	@[ ! -f $(INST_NOTE) ] || while IFS= read -r d; do \
		[ ! -d "$$d" ] || printf '%s\n' "$$d"; \
	done < $(INST_NOTE) > $(INST_NOTE).new
	@[ ! -f $(INST_NOTE) ] || mv -f $(INST_NOTE).new $(INST_NOTE)

#: make dist             build/libferry-VERSION.tar.gz of what is committed
dist:
	$(Q)mkdir -p $(O)
	git archive --prefix=libferry-$(VERSION)/ \
		-o $(O)/libferry-$(VERSION).tar.gz HEAD

#: make clean            remove build/
clean:
	$(if $(filter-out . ./ / ..,$(O)),rm -rf '$(O)')

#: make help             this list
help:
	@sed -n 's/^#: //p' Makefile
	@echo
	@sed -n '/^# Settings/,/^$$/s/^# \{0,1\}//p' Makefile

FORCE:

.PHONY: all tool codegen generate demo demo-run samples deps tests check check-run check-all check-asan \
	check-tsan san-run check-posix posix-run check-arm64 arm64-run \
	check-valgrind valgrind-run check-stress stress-run check-exit \
	exit-run soak soak-run fuzz fuzz-run check-model check-headers \
	check-abi abi-run abi-update check-install install-run lint \
	lint-run bench install install-tool uninstall dist clean help FORCE

-include $(wildcard $(addprefix $(O)/,*/*.d */*/*.d */*/*/*.d */*/*/*/*.d))
