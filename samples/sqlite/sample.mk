# SQLite behind Ferry: the wrapper, its C client, the demo, the tests.

sq   := samples/sqlite
o_sq := $(O)/$(sq)

sq_tests := $(o_sq)/test_sqlite $(o_sq)/test_life
sq_owner := $(addprefix $(o_sq)/,sqlite_ferry.o statement.o result.o)

SAMPLE_BINS  += $(o_sq)/libferry_sqlite.so $(o_sq)/libdemo_clients.so \
		$(sq_tests)
SAMPLE_TESTS += $(sq_tests)
# Python loads the plain library only.
SAMPLE_TESTS += $(if $(SAN),,$(sq)/test_sqlite.py $(sq)/demo.sh)
DEMO         += $(o_sq)/libferry_sqlite.so $(o_sq)/libdemo_clients.so

$(sq_owner): SAMPLE_CFLAGS = $(SQLITE_CFLAGS)

$(o_sq)/libferry_sqlite.so: $(sq_owner) $(o_sq)/client.o $(SO)
	$(call say,LD)
	$(Q)$(CC) -shared -Wl,-z,nodelete $(if $(SAN),,-Wl,-z,defs) -o $@ \
		$(filter %.o,$^) $(LDLIBS_API) $(SQLITE_LIBS)

$(o_sq)/libdemo_clients.so: $(o_sq)/demo_clients.o $(o_sq)/libferry_sqlite.so
	$(call say,LD)
	$(Q)$(CC) -shared $(if $(SAN),,-Wl,-z,defs) -o $@ $(filter %.o,$^) \
		-L$(o_sq) -lferry_sqlite -Wl,-rpath,'$$ORIGIN' $(LDLIBS_API)

$(sq_tests): %: %.o $(o_sq)/libferry_sqlite.so
	$(call say,LD)
	$(Q)$(CC) -o $@ $< -L$(o_sq) -lferry_sqlite -Wl,-rpath,'$$ORIGIN' \
		$(LDLIBS_API)
