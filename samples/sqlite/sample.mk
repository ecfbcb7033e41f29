# SQLite behind Ferry: the marked library with what is generated of it, the demo,
# the tests.

sq     := samples/sqlite
o_sq   := $(O)/$(sq)
sq_gen := $(sq)/generated
sq_so  := $(o_sq)/libferry_sqlite.so

sq_tests := $(addprefix $(o_sq)/,test_sql test_threads)

SAMPLE_BINS  += $(sq_so) $(o_sq)/libdemo_threads.so $(sq_tests)
SAMPLE_TESTS += $(sq_tests)
# Python loads the plain library only.
SAMPLE_TESTS += $(if $(SAN),,$(sq)/test_sqlite.py $(sq)/test_storm.py \
		$(sq)/test_fork.py $(sq)/test_signals.py $(sq)/demo.sh)
DEMO         += $(sq_so) $(o_sq)/libdemo_threads.so
# What is checked in is what the generator writes.
GENERATED    += $(sq)/database.h:$(sq_gen)

sq_objects := $(addprefix $(o_sq)/,database.o run.o rows.o \
	      generated/c/sqlite_ferry.o)

$(sq_objects): SAMPLE_CFLAGS = -I$(sq_gen)/c -I$(sq) $(SQLITE_CFLAGS)

$(sq_so): $(sq_objects) $(SO)
	$(call say,LD)
	$(Q)$(CC) -shared -Wl,-z,nodelete $(if $(SAN),,-Wl,-z,defs) -o $@ \
		$(filter %.o,$^) $(LDLIBS_API) $(SQLITE_LIBS)

# C++, on the generated header. With a sanitizer gcc 12 takes lengths for what
# they can never be.
sq_cxx = -std=c++20 -Wno-maybe-uninitialized \
	 $(if $(SAN),-Wno-restrict -Wno-stringop-overflow \
	 -Wno-stringop-overread -Wno-array-bounds)
sq_link = -L$(o_sq) -lferry_sqlite -Wl,-rpath,'$$ORIGIN' $(LDLIBS_API)

$(o_sq)/%.o: $(sq)/%.cc
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CXXFLAGS_API) $(sq_cxx) -MMD -MP \
		-I$(sq_gen)/cpp/include -c -o $@ $<

$(o_sq)/libdemo_threads.so: $(o_sq)/demo_threads.o $(sq_so)
	$(call say,LD)
	$(Q)$(CXX) -shared $(if $(SAN),,-Wl,-z,defs) -o $@ $< $(sq_link)

$(sq_tests): %: %.o $(sq_so)
	$(call say,LD)
	$(Q)$(CXX) -o $@ $< $(sq_link)
