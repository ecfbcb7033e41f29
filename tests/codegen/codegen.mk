# Libraries with marked headers, each with its shim: $(O)/tests/codegen/zoo/
# libzoo.so, and what `ferry gen --lang c` writes below gen/c/ there.

shim_from := $(wildcard ffi/codegen/*.lua ffi/codegen/c/*)

# $(call codegen_lib,NAME)
define codegen_lib
$(O)/tests/codegen/$1/gen/.made: tests/codegen/$1/$1.h $$(TOOL) \
		$$(shim_from) include/ferry/marks.h
	$$(call say,GEN)
	$$(Q)$$(TOOL) gen $$< --lang c -o $(O)/tests/codegen/$1/gen
	$$(Q)touch $$@

# They keep their time where they stay the same.
$(O)/tests/codegen/$1/gen/c/$1_ferry.c: $(O)/tests/codegen/$1/gen/.made ;
$(O)/tests/codegen/$1/gen/c/$1_ferry.h: $(O)/tests/codegen/$1/gen/.made ;

$(O)/tests/codegen/$1/%.o: CFLAGS_ALL = $$(CFLAGS_API) -Itests/codegen/$1 \
	-I$(O)/tests/codegen/$1/gen/c -fvisibility=default
$(O)/tests/codegen/$1/$1.o: $(O)/tests/codegen/$1/gen/c/$1_ferry.h

$(O)/tests/codegen/$1/$1_ferry.o: $(O)/tests/codegen/$1/gen/c/$1_ferry.c
	$$(call say,CC)
	$$(Q)$$(CC) $$(CFLAGS_ALL) -Wconversion -c -o $$@ $$<

$(O)/tests/codegen/$1/lib$1.so: $(O)/tests/codegen/$1/$1.o \
		$(O)/tests/codegen/$1/$1_ferry.o $$(SO)
	$$(call say,LD)
	$$(Q)$$(CC) -shared -Wl,-soname,$$(@F) \
		$$(if $$(SAN),,-Wl,-z,defs) -o $$@ \
		$$(filter %.o,$$^) $$(LDLIBS_API)

CODEGEN_BINS += $(O)/tests/codegen/$1/lib$1.so
endef

$(eval $(call codegen_lib,zoo))
$(eval $(call codegen_lib,ark))
$(eval $(call codegen_lib,rill))

# What looks inside the scanner.
$(O)/tests/codegen/scan_fuzz.o: CFLAGS_ALL = $(CFLAGS_TOOL)
$(O)/tests/codegen/scan_fuzz: $(TOOL_LIB)
$(O)/tests/codegen/scan_fuzz: LDLIBS_API += $(LDLIBS_TOOL)
