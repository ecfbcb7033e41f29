# The benches. `make bench` runs them all and writes build/bench/*.json.
#
#   ROUNDS=9      paired rounds, each contender once in each
#   BENCH_ARGS=   for the program: --ms=100, --strict, sections (see bench.c)
#   BENCH_LINK=so or a: against libferry.so as a user would, or libferry.a
#
# libuv and GLib take part when pkg-config finds them. Like all packages they
# are looked up only when a recipe runs.

ROUNDS     = 9
BENCH_ARGS =
BENCH_LINK = so

bench_o    = $(O)/tests/bench
bench_out  = $(O)/bench
bench_objs = $(addprefix $(bench_o)/,accounting.o bare.o bare_contender.o \
	     bare_pool.o cleanup.o ferry_contender.o ferry_rows.o \
	     glib_contender.o handle.o libuv_contender.o original.o probe.o report.o \
	     stats.o strand.o strand_rows.o system.o trial.o)
# Of the library's inside, which libferry.so does not show; it stands alone.
bench_inside = $(addprefix $(O)/ffi/,coro.o fcontext.o histogram.o os.o \
		os_$(OS).o stack.o)
bench_has   = $(shell $(PKG_CONFIG) --exists $1 2>/dev/null && echo 1)
bench_flags = $(if $(call bench_has,$1),-DBENCH_HAVE_$2 \
	      $(shell $(PKG_CONFIG) --cflags $1))
bench_libs  = $(foreach p,libuv glib-2.0,$(if $(call bench_has,$p),\
	      $(shell $(PKG_CONFIG) --libs $p)))

$(bench_o)/libuv_contender.o $(bench_o)/cleanup.o: \
	CFLAGS_ALL += $(call bench_flags,libuv,LIBUV)
$(bench_o)/glib_contender.o: CFLAGS_ALL += $(call bench_flags,glib-2.0,GLIB)

# What is linked is a fact that the report tells.
$(bench_o)/bench_%.o: tests/bench/bench.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -DBENCH_LINKED='"libferry.$*"' -c -o $@ $<

$(bench_out)/bench-so: $(bench_o)/bench_so.o $(bench_objs) $(bench_inside) \
		$(SO)
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $(filter %.o,$^) $(LDLIBS_API) $(bench_libs) -lm

$(bench_out)/bench-a: $(bench_o)/bench_a.o $(bench_objs) $(LIB)
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $(filter %.o,$^) $(LIB) $(LDLIBS_ALL) $(bench_libs) -lm

# Of the library's inside altogether.
$(bench_out)/look: $(addprefix $(bench_o)/,look.o report.o stats.o system.o) \
		$(LIB)
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $(filter %.o,$^) $(LIB) $(LDLIBS_ALL) -lm

# For Python: a handler that is native.
$(bench_out)/noop.so: tests/bench/noop.c $(SO)
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_API) -shared -o $@ $< $(LDLIBS_API)

# The generated package that Python's calls are measured by.
bench_package = $(O)/tests/codegen/python/zoo/.made \
		$(O)/tests/codegen/zoo/libzoo.so

bench-run: $(bench_out)/bench-$(BENCH_LINK) $(bench_out)/look \
		$(bench_out)/noop.so $(SO) $(counters) $(bench_package)
	$(Q)$< --rounds=$(ROUNDS) --out=$(bench_out)/ferry-$(BENCH_LINK).json \
		$(BENCH_ARGS)
	$(Q)$(bench_out)/look $(ROUNDS) $(bench_out)/look.json || true
	$(Q)$(PYTHON) tests/bench/asyncio_bench.py $(SO) \
		$(bench_out)/noop.so --rounds=$(ROUNDS) \
		--out=$(bench_out)/asyncio.json
	$(Q)FERRY_LIBRARY='$(abspath $(SO))' $(PYTHON) \
		tests/bench/python_bench.py --rounds=$(ROUNDS) \
		--out=$(bench_out)/python.json
	$(Q)$(PYTHON) -B tests/bench/package_bench.py $(O) \
		--rounds=$(ROUNDS) --out=$(bench_out)/package.json

.PHONY: bench-run
