# Ferry (libferry): plain GNU make, no configure. `make help` lists the targets.
#
# Settings, all on the command line:
#   O=build          where everything that is built goes
#   SAN=address      build with a sanitizer: address (with undefined), thread or
#                    undefined; O is then build/asan, build/tsan or build/ubsan
#   CC=gcc           the compiler; clang works too
#   CFLAGS='-O2 -g'  optimisation and debugging, nothing else
#   WERROR=1         0: a warning does not stop the build
#   V=0              1: show the commands
#   PREFIX=/usr/local libdir includedir DESTDIR: where `make install` puts it

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

O          = build
OS         = linux
SAN        =
WERROR     = 1
V          = 0
PREFIX     = /usr/local
libdir     = $(PREFIX)/lib
includedir = $(PREFIX)/include

ifeq ($(origin CC),default)
CC = gcc
endif
ifeq ($(origin CXX),default)
CXX = g++
endif
AR         = ar
PKG_CONFIG = pkg-config
PYTHON     = python3
CFLAGS     = -O2 -g

ifeq ($(V),0)
Q = @
endif
say = $(if $(Q),@printf '  %-4s %s\n' $1 $@)

# --- Sanitizers -----------------------------------------------------------

ifeq ($(SAN),address)
O         = build/asan
san_flags = -fsanitize=address,undefined
san_slow  = 3
else ifeq ($(SAN),thread)
O         = build/tsan
san_flags = -fsanitize=thread
san_slow  = 10
# gcc says that TSan does not know fences; the code marks those edges itself.
san_warn  = $(if $(findstring clang,$(CC)),,-Wno-error=tsan)
# A large random address space is more than some TSan run times can map.
san_wrap := $(shell setarch -R true 2>/dev/null && echo setarch -R)
else ifeq ($(SAN),undefined)
O         = build/ubsan
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
	      -ftls-model=initial-exec -pthread -MMD -MP $(san_flags) $(CFLAGS)
# What may see inside: the library itself, tests of its parts, benches.
CFLAGS_ALL  = $(CFLAGS_BASE) -I. -Iinclude -Itests $(CK_CFLAGS)
LDLIBS_ALL  = -pthread $(san_flags) $(LDFLAGS) $(CK_LIBS)
# What an application sees: the public headers and the shared library.
CFLAGS_API  = $(CFLAGS_BASE) -Iinclude -Itests
LDLIBS_API  = -pthread $(san_flags) $(LDFLAGS) -L$(O) -lferry \
	      -Wl,-rpath,'$(abspath $(O))'

# --- The library ----------------------------------------------------------

version = $(shell sed -n 's/^.define FERRY_VERSION_$1[^0-9]*\([0-9]*\).*/\1/p' \
	  include/ferry/version.h 2>/dev/null)
MAJOR   := $(call version,MAJOR)
VERSION := $(MAJOR).$(call version,MINOR).$(call version,PATCH)

# One file per operating system behind ffi/os.h.
SRCS := $(filter-out ffi/os_%.c,$(wildcard ffi/*.c event/*.c)) \
	$(wildcard ffi/os_$(OS).c)
OBJS := $(SRCS:%.c=$(O)/%.o)

SONAME   := libferry.so.$(MAJOR)
SO_REAL  := $(O)/libferry.so.$(VERSION)
SO       := $(O)/libferry.so
LIB      := $(O)/libferry.a

# A sanitizer's run time may be left to the program, so -z defs not then.
LDFLAGS_SO = -shared -Wl,-soname,$(SONAME) -Wl,-z,nodelete \
	     -Wl,-z,relro,-z,now $(if $(SAN),,-Wl,-z,defs) \
	     -Wl,--version-script=ffi/libferry.map -Wl,--exclude-libs,ALL

#: make [all]            the library: libferry.so and libferry.a under build/
all: $(SO) $(LIB)

$(SO_REAL): $(OBJS) ffi/libferry.map
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_SO) -o $@ $(OBJS) $(LDLIBS_ALL)

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

$(O)/tests/api/%.o: tests/api/%.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_API) -c -o $@ $<

$(O)/samples/%.o: samples/%.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_API) $(SAMPLE_CFLAGS) -c -o $@ $<

# --- Tests: one program per source file -----------------------------------

progs = $(patsubst %.c,$(O)/%,$(wildcard tests/$1/*.c))

UNIT   := $(call progs,unit)
FAULT  := $(call progs,fault)
STRESS := $(call progs,stress)
API    := $(call progs,api)
# Python loads the plain library only: a sanitizer would have to be in python.
API_PY := $(if $(SAN),,$(wildcard tests/api/*.py))
# Planted bugs, by the sanitizer that must catch them.
XFAIL  := $(if $(filter address,$(SAN)),$(filter \
	  $(O)/tests/xfail/asan_%,$(call progs,xfail))) \
	  $(if $(filter thread,$(SAN)),$(filter \
	  $(O)/tests/xfail/tsan_%,$(call progs,xfail)))

LINTS  := $(addprefix tests/lint/,style layers pairs tls selftest)

$(UNIT) $(FAULT) $(STRESS) $(XFAIL): $(O)/%: $(O)/%.o $(LIB)
	$(call say,LD)
	$(Q)$(CC) -o $@ $< $(LIB) $(LDLIBS_ALL)

$(API): $(O)/%: $(O)/%.o $(SO)
	$(call say,LD)
	$(Q)$(CC) -o $@ $< $(LDLIBS_API)

# Everything that is run is run by tests/run: one after the other, each with a
# time limit, into a log of its own under $(O)/log.
RUN_ENV = O='$(O)' CC='$(CC)' CXX='$(CXX)' SAN='$(SAN)' PYTHON='$(PYTHON)' \
	FERRY_LIBRARY='$(abspath $(SO))' \
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

-include $(wildcard samples/*/sample.mk)
-include $(wildcard tests/model/model.mk tests/bench/bench.mk)

#: make demo             the main job: SQLite, used from C and Python at once
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

tests: $(SO) $(LIB) $(UNIT) $(FAULT) $(API) $(STRESS) $(XFAIL)

CHECKS = $(UNIT) $(FAULT) $(API) $(API_PY) $(LINTS) tests/lint/headers \
	 tests/abi/symbols $(SAMPLE_TESTS) tests/abi/install tests/readme

#: make check            every fast test
check:
	@tests/deps check
	@$(MAKE) check-run

check-run: tests samples
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

san-run: tests
	@$(RUN) $(UNIT) $(FAULT) $(API) $(XFAIL) $(SAN_STRESS)

# VALGRIND_DIRS=unit is the short form.
VALGRIND_DIRS = unit fault api
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

#: make check-model      the spin models of wake, close, cancel (QUICK=1: less)
check-model:
	@tests/deps model
	@$(MAKE) model-run

#: make check-headers    public headers alone: C99, C++11, nothing but C calls
check-headers:
	@tests/deps check
	@$(RUN) tests/lint/headers

#: make check-abi        exported: what ferry.h declares and nothing else
check-abi:
	@tests/deps check
	@$(MAKE) abi-run

abi-run: $(SO)
	@$(RUN) tests/abi/symbols

#: make check-install    build and run a client of an installed copy
check-install:
	@tests/deps check
	@$(MAKE) install-run

install-run: all
	@$(RUN) tests/abi/install

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

HEADERS := $(wildcard include/ferry/*.h)

$(O)/ferry.pc: ffi/ferry.pc.in Makefile FORCE
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(libdir)|' \
		-e 's|@INCLUDEDIR@|$(includedir)|' \
		-e 's|@VERSION@|$(VERSION)|' $< > $@

#: make install          to PREFIX=/usr/local, libdir, includedir, DESTDIR
install: all $(O)/ferry.pc
	install -d '$(DESTDIR)$(includedir)/ferry' \
		'$(DESTDIR)$(libdir)/pkgconfig'
	install -m 644 $(HEADERS) '$(DESTDIR)$(includedir)/ferry'
	install -m 755 $(SO_REAL) '$(DESTDIR)$(libdir)'
	ln -sf $(notdir $(SO_REAL)) '$(DESTDIR)$(libdir)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(libdir)/libferry.so'
	install -m 644 $(LIB) '$(DESTDIR)$(libdir)'
	install -m 644 $(O)/ferry.pc '$(DESTDIR)$(libdir)/pkgconfig'

#: make uninstall        remove what install put there
uninstall:
	rm -f $(HEADERS:include/ferry/%='$(DESTDIR)$(includedir)/ferry/%')
	rm -f '$(DESTDIR)$(libdir)/$(notdir $(SO_REAL))' \
		'$(DESTDIR)$(libdir)/$(SONAME)' \
		'$(DESTDIR)$(libdir)/libferry.so' \
		'$(DESTDIR)$(libdir)/libferry.a' \
		'$(DESTDIR)$(libdir)/pkgconfig/ferry.pc'
	-rmdir '$(DESTDIR)$(includedir)/ferry' 2>/dev/null

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

.PHONY: all demo demo-run samples deps tests check check-run check-asan \
	check-tsan san-run check-valgrind valgrind-run check-stress stress-run \
	check-model check-headers check-abi abi-run check-install install-run \
	lint lint-run bench install uninstall dist clean help FORCE

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d $(O)/*/*/*/*.d)
