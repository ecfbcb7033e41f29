# libmagic behind Ferry: its own header is not touched, the rest is generated.

mg     := samples/magic
o_mg   := $(O)/$(mg)
mg_gen := $(mg)/generated

# Python loads the plain library only.
SAMPLE_BINS  += $(o_mg)/libferry_magic.so
SAMPLE_TESTS += $(if $(SAN),,$(mg)/test_magic.py)
# What is checked in is what the generator writes.
GENERATED    += $(mg)/magic_offer.h:$(mg_gen)

$(o_mg)/generated/c/magic_ferry.o: SAMPLE_CFLAGS = -I$(mg) -I$(mg_gen)/c

$(o_mg)/libferry_magic.so: $(o_mg)/generated/c/magic_ferry.o $(SO)
	$(call say,LD)
	$(Q)$(CC) -shared -Wl,-z,nodelete $(if $(SAN),,-Wl,-z,defs) -o $@ \
		$(filter %.o,$^) $(LDLIBS_API) -lmagic
